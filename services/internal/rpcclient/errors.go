// SPDX-License-Identifier: Apache-2.0

package rpcclient

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
)

// fromConnect turns an error of a call into ours. ctx is the caller's, without the call's own deadline.
func fromConnect(ctx context.Context, procedure string, err error) error {
	if ctx.Err() != nil {
		// Our caller has gone or its time is over: that is not the upstream's fault.
		return fmt.Errorf("call %s: %w", procedure, ctx.Err())
	}
	var remote *connect.Error
	if !errors.As(err, &remote) {
		return unavailable(procedure, err)
	}
	switch remote.Code() {
	case connect.CodeDeadlineExceeded, connect.CodeCanceled, connect.CodeUnknown:
		// Not our caller's deadline, since that is checked above: the outcome is unknown.
		return unavailable(procedure, remote)
	default:
	}
	kind := Kind(remote.Code())
	if kind == fault.Internal {
		// The remote component has logged it under the same request id.
		return fmt.Errorf("call %s: %w", procedure, remote)
	}
	return wrap(procedure, kind, remote)
}

// wrap keeps what the remote component said; without a reason it was no component of ours, or there
// was no answer at all.
func wrap(procedure string, kind fault.Kind, remote *connect.Error) error {
	info, retry := details(remote)
	// A refused identity is trouble between two components, never the end of a user's login session.
	if info == nil || info.GetReason() == identity.ErrRefused.Reason() {
		return unavailable(procedure, remote)
	}
	known := fault.New(kind, info.GetReason(), remote.Message())
	for key, value := range info.GetMetadata() {
		known = known.With(key, value)
	}
	if retry != nil {
		known = known.After(retry.GetRetryDelay().AsDuration())
	}
	return fmt.Errorf("call %s: %w", procedure, known)
}

func unavailable(procedure string, cause error) error {
	return fault.ErrUnavailable.Because(fmt.Errorf("call %s: %w", procedure, cause))
}

func details(remote *connect.Error) (*errdetails.ErrorInfo, *errdetails.RetryInfo) {
	var info *errdetails.ErrorInfo
	var retry *errdetails.RetryInfo
	for _, detail := range remote.Details() {
		value, err := detail.Value()
		if err != nil {
			continue // a detail of a newer version
		}
		switch value := value.(type) {
		case *errdetails.ErrorInfo:
			info = value
		case *errdetails.RetryInfo:
			retry = value
		}
	}
	return info, retry
}

// Kind of a Connect code; the inverse of rpcserver.Code. A code that no kind has is fault.Internal.
func Kind(code connect.Code) fault.Kind {
	switch code {
	case connect.CodeInvalidArgument:
		return fault.Invalid
	case connect.CodeUnauthenticated:
		return fault.Unauthenticated
	case connect.CodePermissionDenied:
		return fault.Denied
	case connect.CodeNotFound:
		return fault.NotFound
	case connect.CodeAlreadyExists:
		return fault.Exists
	case connect.CodeAborted:
		return fault.Conflict
	case connect.CodeFailedPrecondition:
		return fault.Precondition
	case connect.CodeResourceExhausted:
		return fault.Exhausted
	case connect.CodeUnavailable:
		return fault.Unavailable
	default:
		return fault.Internal
	}
}
