// SPDX-License-Identifier: Apache-2.0

package friend

import "github.com/parley-chat/parley/services/internal/fault"

// What a caller may be told.
var (
	// ErrAlreadyFriends says that there is nothing to ask for.
	ErrAlreadyFriends = fault.New(fault.Exists, "ALREADY_FRIENDS", "you are friends already")
	// ErrRequestPending says that an earlier request of the caller still waits.
	ErrRequestPending = fault.New(fault.Exists, "REQUEST_PENDING", "your request is waiting for an answer already")
	// ErrKeyReused says that the idempotency key stands for another request.
	ErrKeyReused = fault.New(fault.Exists, "IDEMPOTENCY_KEY_REUSED", "this idempotency key was used for another request")
	// ErrRequestNotFound says that no request under this id is the caller's to touch.
	ErrRequestNotFound = fault.New(fault.NotFound, "REQUEST_NOT_FOUND", "there is no such request")
	// ErrUserNotFound says that nobody has this id.
	ErrUserNotFound = fault.New(fault.NotFound, "NOT_FOUND", "there is nobody under this id")
	// ErrNotFriends says that there is no friendship to keep anything about.
	ErrNotFriends = fault.New(fault.NotFound, "NOT_FOUND", "this is no friend of yours")
	// ErrBlocked says that the caller blocks whom they ask.
	ErrBlocked = fault.New(fault.Precondition, "USER_BLOCKED", "you block this person; unblock them first")
	// ErrRateLimited says that a refusal is less than a day old; it carries a retry time.
	ErrRateLimited = fault.New(fault.Exhausted, "RATE_LIMITED", "wait before you ask again")
	// ErrSearchUnavailable says that nicknames cannot be searched; exact usernames and phone numbers can.
	ErrSearchUnavailable = fault.New(fault.Unavailable, "SEARCH_UNAVAILABLE", "search is not available now, try again later")
	// ErrQuotaExceeded says that one of the two has too many friends, or the caller too many requests
	// that wait or too many blocks; metadata "limit" says which.
	ErrQuotaExceeded = fault.New(fault.Exhausted, "QUOTA_EXCEEDED", "the limit is reached")
)
