// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Header carries the signed claims.
const Header = "Parley-Identity"

// Caller is who makes a call. The three ids are zero for a call without a user.
type Caller struct {
	// Issuer is the component that called.
	Issuer component.Name
	// UserID is the user for whom it called.
	UserID ids.UserID
	// LoginSessionID is what that user's token proves.
	LoginSessionID ids.LoginSessionID
	// DeviceID is the device of the login session.
	DeviceID ids.DeviceID
	// RequestID names the request in logs; it is the same on every hop.
	RequestID string
	// ClientAddress is the client's address as the gateway saw it; empty inside the cluster.
	ClientAddress string
	// Role is what the user may do for the platform, read for this call; only methods of LEVEL_ADMIN need it.
	Role accessv1.Role
	// ReceiptsHidden tells that others see nothing of how far the user reads; only MarkRead needs it.
	ReceiptsHidden bool
}

type contextKey struct{}

// NewContext puts a caller into a context; rpcserver does it, and the gateway for what it asks itself.
func NewContext(ctx context.Context, caller Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, caller)
}

// FromContext is the caller in a context; the zero Caller where there is none.
func FromContext(ctx context.Context) Caller {
	caller, _ := ctx.Value(contextKey{}).(Caller)
	return caller
}
