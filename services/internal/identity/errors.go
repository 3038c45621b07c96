// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"errors"

	"github.com/parley-chat/parley/services/internal/fault"
)

// ErrRefused says that a call between components carries no valid identity. It is not
// fault.ErrUnauthenticated: a client that sees that one forgets its token.
var ErrRefused = fault.New(fault.Unauthenticated, "IDENTITY_INVALID", "the call carries no valid identity")

// Causes inside ErrRefused, for logs.
var (
	errSignature = errors.New("identity is signed by no known key of its issuer")
	errAudience  = errors.New("identity is meant for another component")
	errExpired   = errors.New("identity has expired")
	errTooLong   = errors.New("identity lives longer than it may")
	errNoUser    = errors.New("identity has a login session, device or role but no user")
)
