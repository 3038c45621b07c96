// SPDX-License-Identifier: Apache-2.0

package user

import (
	"errors"

	"github.com/parley-chat/parley/services/internal/fault"
)

// What a caller may be told.
var (
	// ErrUsernameTaken says that the name is in use or reserved; the two are not told apart.
	ErrUsernameTaken = fault.New(fault.Exists, "USERNAME_TAKEN", "this username is taken")
	// ErrInvalidCredentials answers an unknown name as well as a wrong password.
	ErrInvalidCredentials = fault.New(fault.Unauthenticated, "INVALID_CREDENTIALS", "the username or the password is wrong")
	// ErrPasswordWrong says that the owner did not prove who they are.
	ErrPasswordWrong = fault.New(fault.Denied, "PASSWORD_WRONG", "the password is wrong")
	// ErrPhoneTaken says that the number belongs to another account; only its holder hears it.
	ErrPhoneTaken = fault.New(fault.Exists, "PHONE_TAKEN", "this phone number has an account")
	// ErrPhoneNotRegistered says that the number has no account; only its holder hears it.
	ErrPhoneNotRegistered = fault.New(fault.NotFound, "PHONE_NOT_REGISTERED", "this phone number has no account")
	// ErrCodeInvalid answers every code that is not right: wrong, expired, used up, for something else.
	ErrCodeInvalid = fault.New(fault.Invalid, "CODE_INVALID", "the code is not right, or not any more")
	// ErrSMSUnavailable says that no code was sent, or that nobody knows whether one was.
	ErrSMSUnavailable = fault.New(fault.Unavailable, "SMS_UNAVAILABLE", "codes cannot be sent now, try again later")
	// ErrRateLimited says that there were too many tries; it carries a retry time.
	ErrRateLimited = fault.New(fault.Exhausted, "RATE_LIMITED", "too many tries, wait a little")
	// ErrOverloaded says that too many passwords wait to be checked; it carries a retry time.
	ErrOverloaded = fault.New(fault.Exhausted, "OVERLOADED", "too much to do at once, wait a little")
	// ErrSessionEnded says that a token proves nothing; metadata "why" is one of the Why values.
	ErrSessionEnded = fault.New(fault.Unauthenticated, "SESSION_ENDED", "the login session has ended, sign in again")
	// ErrSuspended says that the account may not be used now; only who proved to own it hears it. Metadata "until"
	// is when that ends by itself, in ms, if it does.
	ErrSuspended = fault.New(fault.Denied, "ACCOUNT_SUSPENDED", "this account is suspended")
	// ErrLastOwner says that nobody would be left who may do everything.
	ErrLastOwner = fault.New(fault.Precondition, "LAST_OWNER", "this is the last owner: make somebody else an owner first")
	// ErrLinkInvalid answers every link for administrators that is not right: unknown, used, expired.
	ErrLinkInvalid = fault.New(fault.NotFound, "LINK_INVALID", "the link is not right, or not any more")
	// ErrFileNotReady says that the picture is no finished upload of the caller for avatars.
	ErrFileNotReady = fault.New(fault.Precondition, "FILE_NOT_READY", "the file is not a finished upload of yours for this")
	// ErrFilesUnavailable says that nobody can tell now whether the picture is there. Nothing was changed.
	ErrFilesUnavailable = fault.New(fault.Unavailable, "FILES_UNAVAILABLE", "files are not available now, try again later")
	// ErrSearchUnavailable says that the index of nicknames does not answer, or that there is none.
	ErrSearchUnavailable = fault.New(fault.Unavailable, "SEARCH_UNAVAILABLE", "search is not available now, try again later")
	// ErrNotFound says that there is no such user or login session, or none that the caller may know of.
	ErrNotFound = fault.New(fault.NotFound, "NOT_FOUND", "there is nothing under this id")
)

// ErrSMSAccount is the cause of an ErrSMSUnavailable that only the operator can end: the provider refuses the
// account, its balance, the sign name or the template. No client sees it.
var ErrSMSAccount = errors.New("the SMS provider refuses the account")

// Values of the metadata "why" of ErrSessionEnded.
const (
	WhyExpired   = "expired"  // not used for 30 days, or 90 days old
	WhyRevoked   = "revoked"  // logged out, or ended from another device
	WhySuspended = "banned"   // by an administrator
	WhyDeleted   = "deleted"  // with the account
	WhyReplaced  = "replaced" // a newer login of this device, or one device too many
	WhyUnknown   = "unknown"  // never a token of ours, or ended long ago
)
