// SPDX-License-Identifier: Apache-2.0

package identity

import "errors"

// Causes inside fault.ErrUnauthenticated; for logs and tests.
var (
	errSignature = errors.New("identity is signed by no known key of its issuer")
	errAudience  = errors.New("identity is meant for another component")
	errExpired   = errors.New("identity has expired")
	errTooLong   = errors.New("identity lives longer than it may")
	errNoUser    = errors.New("identity has a login session or device but no user")
)
