// SPDX-License-Identifier: Apache-2.0

package rpcserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

func TestErrorsOfAHandler(t *testing.T) {
	t.Parallel()
	sentinel := fault.New(fault.NotFound, "USER_NOT_FOUND", "there is no such user")
	for name, row := range map[string]struct {
		err  error
		want answer
	}{
		"a fault": {sentinel, answer{404, "not_found", "there is no such user", "USER_NOT_FOUND", nil, 0}},
		"a wrapped fault with facts": {
			fmt.Errorf("read profile: %w", sentinel.With("field", "user_id")),
			answer{404, "not_found", "there is no such user", "USER_NOT_FOUND", map[string]string{"field": "user_id"}, 0},
		},
		"a fault does not show its cause": {
			fault.ErrUnavailable.Because(errors.New("dial tcp 10.0.0.7:3306")).After(3 * time.Second),
			answer{503, "unavailable", fault.ErrUnavailable.Text(), "UNAVAILABLE", nil, 3 * time.Second},
		},
		"unavailable always tells when to retry": {
			fault.ErrUnavailable, answer{503, "unavailable", fault.ErrUnavailable.Text(), "UNAVAILABLE", nil, time.Second},
		},
		"a limit tells when to retry": {
			fault.New(fault.Exhausted, "RATE_LIMITED", "slow down"), answer{429, "resource_exhausted", "slow down", "RATE_LIMITED", nil, time.Second},
		},
		"an unknown error shows nothing": {
			errors.New("Error 1064: near 'SELECT secret FROM /var/lib'"),
			answer{500, "internal", "internal error, quote the request id", "INTERNAL", map[string]string{"request_id": "request-7"}, 0},
		},
		"a deadline": {
			fmt.Errorf("query: %w", context.DeadlineExceeded),
			answer{504, "deadline_exceeded", "the call took too long, its outcome is unknown", "DEADLINE_EXCEEDED", nil, 0},
		},
		"a caller that went away": {
			context.Canceled, answer{499, "canceled", "the caller has gone", "CANCELED", nil, 0},
		},
		"a Connect error of a library is unknown": {
			connect.NewError(connect.CodeDataLoss, errors.New("/etc/passwd")),
			answer{500, "internal", "internal error, quote the request id", "INTERNAL", map[string]string{"request_id": "request-7"}, 0},
		},
	} {
		r := start(t, func(context.Context) (*userv1.GetMeResponse, error) { return nil, row.err })
		got := r.post(call{path: getMe, body: []byte("{}")})
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if logged := strings.Count(r.log.String(), "call failed"); logged != map[bool]int{true: 1}[got.Code == "internal"] {
			t.Errorf("%s: logged %d times: %s", name, logged, r.log)
		}
	}
}

func TestEveryKindHasItsCode(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fault.Kind]connect.Code{
		fault.Internal: connect.CodeInternal, fault.Invalid: connect.CodeInvalidArgument,
		fault.Unauthenticated: connect.CodeUnauthenticated, fault.Denied: connect.CodePermissionDenied,
		fault.NotFound: connect.CodeNotFound, fault.Exists: connect.CodeAlreadyExists,
		fault.Conflict: connect.CodeAborted, fault.Precondition: connect.CodeFailedPrecondition,
		fault.Exhausted: connect.CodeResourceExhausted, fault.Unavailable: connect.CodeUnavailable,
		fault.Kind(99): connect.CodeInternal,
	} {
		if got := rpcserver.Code(kind); got != want {
			t.Errorf("kind %d: got %s, want %s", kind, got, want)
		}
	}
	if rpcserver.ToConnect(nil, "") != nil {
		t.Error("nil became an error")
	}
}

func TestAPanicIsOneScrubbedLine(t *testing.T) {
	t.Parallel()
	const canary = "canary-8861"
	for name, panicking := range map[string]func(){
		"a string":        func() { panic(canary) },
		"an error":        func() { panic(errors.New(canary)) },
		"a wrong type":    func() { var v any = canary; _ = v.(fmt.Stringer) },
		"an out of range": func() { i := len(canary); _ = canary[:0][i-1:] },
	} {
		r := start(t, func(context.Context) (*userv1.GetMeResponse, error) { panicking(); return nil, nil })
		got := r.post(call{path: getMe, body: []byte("{}")})
		if got.Status != 500 || got.Message != "internal error, quote the request id" {
			t.Errorf("%s: got %+v", name, got)
		}
		log := r.log.String()
		if strings.Count(log, "\n") != 1 || strings.Contains(log, canary) || !strings.Contains(log, "rpcserver_test") ||
			!strings.Contains(log, `"request_id":"request-7"`) {
			t.Errorf("%s: logged %q", name, log)
		}
		if after := r.post(call{path: getUser, body: []byte("{}")}); after.Status == 500 {
			t.Errorf("%s: the server is broken: %+v", name, after)
		}
	}
}

func TestAnAbortedAnswerIsNotCaught(t *testing.T) {
	t.Parallel()
	r := start(t, func(context.Context) (*userv1.GetMeResponse, error) { panic(http.ErrAbortHandler) })
	request, _ := http.NewRequestWithContext(t.Context(), "POST", r.url+getMe, strings.NewReader("{}"))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(identity.Header, r.header(component.Gateway, true))
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
		t.Fatalf("got %s", response.Status)
	}
}
