// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"math"
	"net/http"
	"strconv"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// refuse answers with an error in the client's protocol.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, c call, err error) {
	answer := rpcserver.ToConnect(err, c.requestID)
	if answer.Code() == connect.CodeInternal {
		h.Logger.ErrorContext(r.Context(), "call failed", "request_id", c.requestID, "error", err)
	}
	h.metrics.call(c.route, outcome(answer.Code()))
	if seconds := retrySeconds(answer); seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	if err := h.errors.Write(w, r, answer); err != nil {
		h.Logger.DebugContext(r.Context(), "refusal not written", "request_id", c.requestID, "error", err)
	}
}

// retrySeconds is the retry time of an answer for those who read headers only, 0 without one.
func retrySeconds(answer *connect.Error) int {
	for _, d := range answer.Details() {
		value, err := d.Value()
		if err != nil {
			continue
		}
		if retry, ok := value.(*errdetails.RetryInfo); ok {
			return int(math.Ceil(retry.GetRetryDelay().AsDuration().Seconds()))
		}
	}
	return 0
}

// outcome is the metric label of a refusal.
func outcome(c connect.Code) string {
	switch c {
	case connect.CodeUnauthenticated:
		return "unauthenticated"
	case connect.CodeResourceExhausted:
		return "limited"
	case connect.CodeUnavailable:
		return "unavailable"
	default:
		return "failed"
	}
}
