// SPDX-License-Identifier: Apache-2.0

package message

import (
	"errors"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
)

// overloadPause is told to a caller that met a full lane; chosen, no evidence.
const overloadPause = time.Second

// What callers of the service may be told.
var (
	// ErrNotFound says that the conversation is unknown or the caller never was a member of it. Both
	// look alike, so that nothing can be probed.
	ErrNotFound = fault.New(fault.NotFound, "NOT_FOUND", "there is no such conversation or message")
	// ErrReadOnly says that nobody can send to the conversation now.
	ErrReadOnly = fault.New(fault.Precondition, "CONVERSATION_READ_ONLY", "the conversation is read-only")
	// ErrReused says that the sender has stored another message under the same client message id.
	ErrReused = fault.New(fault.Exists, "CLIENT_MESSAGE_ID_REUSED", "the client message id belongs to another message")
	// ErrForbidden says that the caller may see the message or group, but not change it.
	ErrForbidden = fault.New(fault.Denied, "FORBIDDEN", "this is not yours to change")
	// ErrTooLate says that the time for the change is over.
	ErrTooLate = fault.New(fault.Precondition, "TOO_LATE", "the time for this change is over")
	// ErrRecalled says that the message was taken back.
	ErrRecalled = fault.New(fault.Precondition, "MESSAGE_RECALLED", "the message was taken back")
	// ErrTooManyEdits says that no more versions of the message are kept.
	ErrTooManyEdits = fault.New(fault.Exhausted, "QUOTA_EXCEEDED", "the message was edited too often")
	// ErrNotGroup says that a direct conversation has no members to change, no name and no roles.
	ErrNotGroup = fault.New(fault.Precondition, "NOT_A_GROUP", "the conversation is not a group")
	// ErrNotFriends says that somebody is no friend of who adds them; metadata "user_id" names one.
	ErrNotFriends = fault.New(fault.Precondition, "NOT_FRIENDS", "only friends can be added")
	// ErrOwnerMustHandOver says that a group never is without an owner.
	ErrOwnerMustHandOver = fault.New(fault.Precondition, "OWNER_MUST_HAND_OVER",
		"hand the group over or dissolve it first")
	// ErrGroupFull says that a group would get too many members.
	ErrGroupFull = fault.New(fault.Exhausted, "QUOTA_EXCEEDED", "the group would have too many members").
			With("limit", "group_members")
	// ErrKeyReused says that the caller has made another group under the same key.
	ErrKeyReused = fault.New(fault.Exists, "IDEMPOTENCY_KEY_REUSED", "the idempotency key belongs to another group")
	// ErrTooManyReactions says that the message has as many different emoji as it can have.
	ErrTooManyReactions = fault.New(fault.Exhausted, "QUOTA_EXCEEDED", "the message has too many different reactions")
	// ErrTooManyHidden says that the user hid as many messages of the conversation as are kept.
	ErrTooManyHidden = fault.New(fault.Exhausted, "QUOTA_EXCEEDED", "you hid too many messages of this conversation").
				With("limit", "hidden_messages")
	// ErrOverloaded says that too many messages wait for the database; nothing was stored.
	ErrOverloaded = fault.New(fault.Exhausted, "OVERLOADED", "too many messages are waiting, try again").After(overloadPause)
)

// ErrRaced is what Store.Append returns when another transaction stored one of the client message ids
// while this one ran. Nothing was stored; the same batch, or halves of it, may be tried again at once.
var ErrRaced = errors.New("a client message id was stored by another transaction")

// unknownOutcome is fault.ErrUnavailable with the reason why. An error that is a fault already stays.
func unknownOutcome(err error) error {
	if _, ok := fault.Of(err); ok {
		return err
	}
	return fault.ErrUnavailable.Because(err)
}
