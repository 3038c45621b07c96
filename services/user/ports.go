// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
)

// NewAccount is a person who registers.
type NewAccount struct {
	Credentials
	NicknameKey []byte // folded, for the search
	Phone       Phone  // zero: none
	Event       *Updated
}

// NameQuery asks for accounts whose folded nickname begins with a prefix, in the order of (folded
// nickname, id).
type NameQuery struct {
	Prefix []byte     // not empty
	After  NameCursor // zero: from the start
	Limit  int
}

// NameCursor is a place in the order of nicknames.
type NameCursor struct {
	Key []byte
	ID  ids.UserID
}

// Found is one account of a NameQuery and its place.
type Found struct {
	Account Account
	Place   NameCursor
}

// Accounts keeps people. Every method is one transaction. A store that does not answer is
// fault.ErrUnavailable.
type Accounts interface {
	// Create stores an account and its first login session; ErrUsernameTaken if the name is in use, or
	// blocked when the account was made; ErrPhoneTaken if the number is.
	Create(ctx context.Context, account NewAccount, session LoginSession) error
	// ByUsername finds by folded name, byte for byte; ErrNotFound.
	ByUsername(ctx context.Context, username string) (Record, error)
	// ByIDs finds those that exist, deleted ones too, each once, in any order.
	ByIDs(ctx context.Context, users []ids.UserID) ([]Account, error)
	// ReplacePasswordHash stores another hash of the same password. If the stored one is not old any more,
	// the password was changed meanwhile, and nothing is written.
	ReplacePasswordHash(ctx context.Context, id ids.UserID, old, hash string) error
	// SearchByNickname answers up to Limit accounts, in order.
	SearchByNickname(ctx context.Context, query NameQuery) ([]Found, error)
}

// Named is an account as the index of names needs it.
type Named struct {
	Account Account
	Rev     int64 // raised by each change of the nickname, and by the deletion
}

// Names reads what the search by nickname needs. A store that does not answer is fault.ErrUnavailable.
type Names interface {
	// Findable reads those of some accounts that live and are not suspended at a time (ms), in any order.
	Findable(ctx context.Context, users []ids.UserID, at int64) ([]Account, error)
	// Named reads those of some accounts that there are, deleted ones too, in any order.
	Named(ctx context.Context, users []ids.UserID) ([]Named, error)
	// ScanNames reads up to limit accounts with a higher id than one, deleted ones too, in the order of ids.
	ScanNames(ctx context.Context, after ids.UserID, limit int) ([]Named, error)
	// CountNames counts the accounts with a higher id than one.
	CountNames(ctx context.Context, after ids.UserID) (int64, error)
}

// Finder asks the index of names.
type Finder interface {
	// Find is searchindex.Index.Find.
	Find(ctx context.Context, lookup searchindex.Lookup) ([]searchindex.Hit, error)
}

// Opening is what goes with a new login session.
type Opening struct {
	Endings []Ending
	Audit   *AuditEntry // nil: none
}

// Sessions keeps login sessions. Every method is one transaction. A store that does not answer is
// fault.ErrUnavailable.
type Sessions interface {
	// Open locks the account, lets decide see until when it is suspended and its sessions that have not ended,
	// ends what it names at session.CreatedAt, and stores the new one with its entry of the audit log. An error of
	// decide comes back. ErrNotFound if the account is gone, or what proves its owner changed since rev.
	Open(ctx context.Context, session LoginSession, rev int64, decide func(suspendedUntil int64, existing []LoginSession) (Opening, error)) error
	// ByToken finds a session, also one that has ended; ErrNotFound.
	ByToken(ctx context.Context, hash TokenHash) (LoginSession, error)
	// Touch moves the last use forward; an older time and an ended session change nothing.
	Touch(ctx context.Context, id ids.LoginSessionID, at int64) error
	// End ends a session of a user; ErrNotFound if it is unknown, ended or of somebody else.
	End(ctx context.Context, owner ids.UserID, id ids.LoginSessionID, reason EndReason, at int64) error
	// List answers the sessions of a user that have not ended, in any order.
	List(ctx context.Context, owner ids.UserID) ([]LoginSession, error)
	// KnowsDevice tells whether a device ever logged in to an account, as far as sessions are kept.
	KnowsDevice(ctx context.Context, owner ids.UserID, device ids.DeviceID) (bool, error)
}

// Records reads and changes accounts with all that belongs to their owner. A store that does not answer is
// fault.ErrUnavailable. A deleted account is ErrNotFound.
type Records interface {
	// Record reads an account.
	Record(ctx context.Context, id ids.UserID) (Record, error)
	// ByPhone finds the account of a number; ErrNotFound.
	ByPhone(ctx context.Context, phone Phone) (Record, error)
	// Unhidden answers which of some people live and do not hide their presence, each once, in any order.
	Unhidden(ctx context.Context, people []ids.UserID) ([]ids.UserID, error)
	// FriendPhones answers the numbers of those of some people who live and show them to friends.
	FriendPhones(ctx context.Context, people []ids.UserID) (map[ids.UserID]Phone, error)
	// Rewrite locks an account, lets decide see it with its login sessions that have not ended, and writes the
	// result in the same transaction. Nil means that there is nothing to write; an error of decide ends the
	// transaction and comes back. ErrUsernameTaken if the new name is in use, or blocked at Rewriting.At; ErrPhoneTaken if
	// the new number is in use.
	Rewrite(ctx context.Context, id ids.UserID, decide func(Record, []LoginSession) (*Rewriting, error)) error
}

// EndedSessions reads what Sessions ended. A store that does not answer is fault.ErrUnavailable.
type EndedSessions interface {
	// EndedSince answers sessions that ended at or after a time (ms), newest first, up to limit.
	EndedSince(ctx context.Context, at int64, limit int) ([]Revocation, error)
	// ForgetEnded removes up to limit sessions that ended before a time (ms), or were created before another
	// time and so are long expired. It answers how many went.
	ForgetEnded(ctx context.Context, endedBefore, createdBefore int64, limit int) (int, error)
}

// Attempts keeps the counters that slow guessing down; all processes share them. A store that does not
// answer is fault.ErrUnavailable, and then nobody logs in.
type Attempts interface {
	// Charge locks the counters of all keys, lets decide change them, and writes what it returns. Both
	// lists are in the order of keys; a counter that does not exist is zero but for its key. An error
	// of decide leaves everything as it was and comes back.
	Charge(ctx context.Context, keys []AttemptKey, decide func([]Attempt) ([]Attempt, error)) error
	// Clear removes a counter.
	Clear(ctx context.Context, key AttemptKey) error
	// ForgetAttempts removes up to limit counters last charged before a time (ms), and answers how many went.
	ForgetAttempts(ctx context.Context, before int64, limit int) (int, error)
}

// Codes keeps codes that were sent by SMS. A store that does not answer is fault.ErrUnavailable, and then no
// code is sent and none is right.
type Codes interface {
	// Keep stores a new code.
	Keep(ctx context.Context, code Code) error
	// Try locks a code, lets decide see it, and writes what it returns. ErrNotFound.
	Try(ctx context.Context, id ids.CodeRequestID, decide func(Code) Code) error
	// Verified counts the codes of a block of numbers that were made from one time (ms) on until before another,
	// and those of them that were right once.
	Verified(ctx context.Context, block AttemptKey, from, until int64) (sent, verified int, err error)
	// ForgetCodes removes up to limit codes made before a time (ms), and answers how many went.
	ForgetCodes(ctx context.Context, before int64, limit int) (int, error)
}

// Quotas counts uses exactly, whatever process they come to. A store that does not answer is
// fault.ErrUnavailable, and then nothing may be used.
type Quotas interface {
	// Use locks the scopes of all quotas and answers for each the time (ms) of its last but Limit-1 use, 0 if it
	// was used less often since at minus Window. If decide returns nil, one use is noted in each scope; else
	// nothing, and the error comes back.
	Use(ctx context.Context, quotas []Quota, at int64, decide func(nth []int64) error) error
	// ForgetUses removes up to limit uses from before a time (ms), and answers how many went.
	ForgetUses(ctx context.Context, before int64, limit int) (int, error)
}

// Numbers knows the numbering plans of the world.
type Numbers interface {
	// Parse reads a number in E.164 with its plus. fault.ErrInvalid for what is no number that can be called,
	// and for one that costs the caller more or belongs to no phone.
	Parse(text string) (Number, error)
}

// SMS hands codes to a provider.
type SMS interface {
	// Send tries once: a provider may have sent what it did not confirm. ErrSMSUnavailable if it did not take
	// the message, or nobody knows; ErrRateLimited if it has had enough; fault.ErrInvalid for a number that it
	// refuses. An error never holds the number or the code.
	Send(ctx context.Context, message CodeMessage) error
}

// Hasher turns passwords into slow hashes, a bounded number at once. Who would have to wait too long
// gets ErrOverloaded.
type Hasher interface {
	// Hash makes the text to store.
	Hash(ctx context.Context, password string) (string, error)
	// Verify compares. Outdated says that the text was made with less effort than Hash would spend.
	Verify(ctx context.Context, password, stored string) (match, outdated bool, err error)
	// Burn costs what Verify costs and finds nothing.
	Burn(ctx context.Context, password string) error
}

// Text knows Unicode better than the standard library.
type Text interface {
	// Compose is normalization form C.
	Compose(text string) string
	// Fold maps spellings that people take for the same to one text: width, case, composition.
	Fold(text string) string
}

// Publisher hears of events after their commit. It never blocks; the outbox has what it drops.
type Publisher interface {
	Offer(event Updated)
	// OfferEnded tells gateways of login sessions that ended, to be faster than their next question for
	// them. It may be lost.
	OfferEnded(revocations []Revocation)
}
