// SPDX-License-Identifier: Apache-2.0

package user

import "github.com/parley-chat/parley/services/internal/fault"

// What a caller may be told.
var (
	// ErrUsernameTaken says that the name is in use or reserved; the two are not told apart.
	ErrUsernameTaken = fault.New(fault.Exists, "USERNAME_TAKEN", "this username is taken")
	// ErrInvalidCredentials answers an unknown name as well as a wrong password.
	ErrInvalidCredentials = fault.New(fault.Unauthenticated, "INVALID_CREDENTIALS", "the username or the password is wrong")
	// ErrPasswordWrong says that the owner did not prove who they are.
	ErrPasswordWrong = fault.New(fault.Denied, "PASSWORD_WRONG", "the password is wrong")
	// ErrRateLimited says that there were too many tries; it carries a retry time.
	ErrRateLimited = fault.New(fault.Exhausted, "RATE_LIMITED", "too many tries, wait a little")
	// ErrOverloaded says that too many passwords wait to be checked; it carries a retry time.
	ErrOverloaded = fault.New(fault.Exhausted, "OVERLOADED", "too much to do at once, wait a little")
	// ErrSessionEnded says that a token proves nothing; metadata "why" is one of the Why values.
	ErrSessionEnded = fault.New(fault.Unauthenticated, "SESSION_ENDED", "the login session has ended, sign in again")
	// ErrNotFound says that there is no such user or login session, or none that the caller may know of.
	ErrNotFound = fault.New(fault.NotFound, "NOT_FOUND", "there is nothing under this id")
)

// Values of the metadata "why" of ErrSessionEnded.
const (
	WhyExpired   = "expired"  // not used for 30 days, or 90 days old
	WhyRevoked   = "revoked"  // logged out, or ended from another device
	WhySuspended = "banned"   // by an administrator
	WhyDeleted   = "deleted"  // with the account
	WhyReplaced  = "replaced" // a newer login of this device, or one device too many
	WhyUnknown   = "unknown"  // never a token of ours, or ended long ago
)
