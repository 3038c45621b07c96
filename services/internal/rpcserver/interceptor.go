// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/parley-chat/parley/services/internal/identity"
)

const (
	// defaultDeadline of a call without one, and the longest that a caller may ask for.
	defaultDeadline = 5 * time.Second
	maxDeadline     = 30 * time.Second
)

// interceptor is every step between the front and the handler. Size and caller are checked in front of
// it, because connect-go reads and decodes a message before it calls an interceptor.
type interceptor struct{ server *Server }

// WrapUnary runs the steps around a call.
func (i interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		s, procedure := i.server, request.Spec().Procedure
		start := s.now()
		response, err := s.call(ctx, request, next)
		s.noteDenied(ctx, procedure, err)
		answer := s.answer(ctx, err, procedure, identity.FromContext(ctx).RequestID)
		s.metrics.observe(procedure, answer, s.now().Sub(start))
		if answer != nil {
			return nil, answer
		}
		return response, nil
	}
}

// call is what an authenticated caller may cause.
func (s *Server) call(
	ctx context.Context, request connect.AnyRequest, next connect.UnaryFunc,
) (response connect.AnyResponse, err error) {
	defer func() {
		if value := recover(); value != nil {
			response, err = nil, panicError(value)
		}
	}()
	// The front has checked it; a handler that is served without the front lets nobody in.
	if err := s.rules[request.Spec().Procedure].check(identity.FromContext(ctx)); err != nil {
		return nil, err
	}
	if err := s.validate(request.Any()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.deadline(ctx, request.Spec().Procedure))
	defer cancel()
	return next(ctx, request)
}

// deadline is how long a call may take: what its caller left, or the default, at most the cap.
func (s *Server) deadline(ctx context.Context, procedure string) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return min(end.Sub(s.now()), maxDeadline)
	}
	if own := s.bounds[procedure].Deadline; own > 0 {
		return min(own, maxDeadline)
	}
	return defaultDeadline
}

func (s *Server) authenticate(header http.Header) (identity.Caller, error) {
	values := header.Values(identity.Header)
	if len(values) != 1 {
		return identity.Caller{}, identity.ErrRefused.Because(errIdentityCount)
	}
	return s.keys.Verify(values[0], s.component, s.now())
}

var (
	errIdentityCount = errors.New("not exactly one Parley-Identity header")
	errStreaming     = errors.New("streaming calls are not offered")
)

// panicError keeps where and what type, never the value: it may hold a person's text.
func panicError(value any) error {
	if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(value)
	}
	return fmt.Errorf("panic of type %T at %s", value, panicPlace())
}

// panicPlace is the first frame of ours below the panic.
func panicPlace() string {
	pcs := make([]uintptr, 32)
	// Skipped: Callers, panicPlace, panicError, the deferred function.
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", frame.Function, frame.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// WrapStreamingClient is not for servers.
func (i interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler refuses: no method of ours streams, and none of the steps would run.
func (i interceptor) WrapStreamingHandler(connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(context.Context, connect.StreamingHandlerConn) error {
		return connect.NewError(connect.CodeUnimplemented, errStreaming)
	}
}
