// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/parley-chat/parley/services/internal/fault"
)

// Domain of every ErrorInfo.
const Domain = "chat.parley.dev"

// Reasons of errors that have no fault.
const (
	reasonInternal = "INTERNAL"
	reasonDeadline = "DEADLINE_EXCEEDED"
	reasonCanceled = "CANCELED"
	internalText   = "internal error, quote the request id"
)

// defaultRetry goes with an exhausted or unavailable answer that knows no time of its own; chosen.
const defaultRetry = time.Second

// Sentinels of this package.
var (
	// ErrTooLarge says that a request is larger than the server reads.
	ErrTooLarge = fault.New(fault.Exhausted, "TOO_LARGE", "the request is too large")
	// errMethod says that no such method is offered here; it is answered as unimplemented.
	errMethod = errors.New("there is no such method")
)

// ToConnect turns an error into what a client may see: the code of its kind with an ErrorInfo, and a
// RetryInfo where a retry helps. An error without a fault is internal, with a fixed text; requestID
// lets a person find its log line. Nil stays nil.
func ToConnect(err error, requestID string) *connect.Error {
	if err == nil {
		return nil
	}
	if known, ok := fault.Of(err); ok && known.Kind() != fault.Internal {
		return fromFault(known)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return newError(connect.CodeDeadlineExceeded, "the call took too long, its outcome is unknown", reasonDeadline, nil)
	case errors.Is(err, context.Canceled):
		return newError(connect.CodeCanceled, "the caller has gone", reasonCanceled, nil)
	case errors.Is(err, errMethod):
		return newError(connect.CodeUnimplemented, errMethod.Error(), "METHOD_UNKNOWN", nil)
	}
	return newError(connect.CodeInternal, internalText, reasonInternal, map[string]string{"request_id": requestID})
}

func fromFault(known *fault.Error) *connect.Error {
	answer := newError(Code(known.Kind()), known.Text(), known.Reason(), known.Metadata())
	retry := known.RetryAfter()
	if retry <= 0 && (known.Kind() == fault.Exhausted || known.Kind() == fault.Unavailable) {
		retry = defaultRetry
	}
	if retry > 0 && !errors.Is(known, ErrTooLarge) {
		addDetail(answer, &errdetails.RetryInfo{RetryDelay: durationpb.New(retry)})
	}
	return answer
}

func newError(code connect.Code, text, reason string, metadata map[string]string) *connect.Error {
	answer := connect.NewError(code, errors.New(text))
	addDetail(answer, &errdetails.ErrorInfo{Reason: reason, Domain: Domain, Metadata: metadata})
	return answer
}

func addDetail(answer *connect.Error, message proto.Message) {
	// It fails only for a message that cannot be serialized, which these two always can.
	if detail, err := connect.NewErrorDetail(message); err == nil {
		answer.AddDetail(detail)
	}
}

// Code of a kind of fault.
func Code(kind fault.Kind) connect.Code {
	switch kind {
	case fault.Invalid:
		return connect.CodeInvalidArgument
	case fault.Unauthenticated:
		return connect.CodeUnauthenticated
	case fault.Denied:
		return connect.CodePermissionDenied
	case fault.NotFound:
		return connect.CodeNotFound
	case fault.Exists:
		return connect.CodeAlreadyExists
	case fault.Conflict:
		return connect.CodeAborted
	case fault.Precondition:
		return connect.CodeFailedPrecondition
	case fault.Exhausted:
		return connect.CodeResourceExhausted
	case fault.Unavailable:
		return connect.CodeUnavailable
	case fault.Internal:
		return connect.CodeInternal
	}
	return connect.CodeInternal
}

// answer is ToConnect, and the one place where an unknown error is logged.
func (s *Server) answer(ctx context.Context, err error, procedure, requestID string) *connect.Error {
	answer := ToConnect(err, requestID)
	switch {
	case answer == nil:
	case answer.Code() == connect.CodeInternal:
		s.logger.ErrorContext(ctx, "call failed", "method", procedure, "request_id", requestID, "error", cut(err))
	default:
		s.logger.DebugContext(ctx, "call refused", "method", procedure, "request_id", requestID, "error", cut(err))
	}
	return answer
}

// maxLoggedBytes of an error's text: a database may quote a whole value in it.
const maxLoggedBytes = 300

func cut(err error) string {
	text := err.Error()
	if len(text) > maxLoggedBytes {
		return text[:maxLoggedBytes]
	}
	return text
}
