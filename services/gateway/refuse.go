// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
)

// defaultRetry is told where an error that passes by itself carries no time; chosen.
const defaultRetry = time.Second

// refusal turns an error into what a client is told. Internal text never leaves.
func refusal(err error) Refusal {
	f, ok := fault.Of(err)
	if !ok {
		reason := ErrNotReady.Reason()
		if errors.Is(err, context.DeadlineExceeded) {
			reason = "DEADLINE"
		}
		return Refusal{Reason: reason, Retry: RetrySameID, RetryAfterMS: defaultRetry.Milliseconds()}
	}
	r := Refusal{Reason: f.Reason(), RetryAfterMS: f.RetryAfter().Milliseconds(), Metadata: f.Metadata()}
	switch f.Kind() {
	case fault.Exhausted:
		r.Retry = RetryAfter
	case fault.Unavailable, fault.Conflict, fault.Internal:
		r.Retry = RetrySameID
	case fault.Unauthenticated:
		r.Reason, r.Retry = ErrSessionEnded.Reason(), RetryLogin
	default:
		r.Retry = RetryNever
	}
	if (r.Retry == RetryAfter || r.Retry == RetrySameID) && r.RetryAfterMS == 0 {
		r.RetryAfterMS = defaultRetry.Milliseconds()
	}
	return r
}
