// SPDX-License-Identifier: Apache-2.0

package friend

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// Query says what a change of a pair has to see.
type Query struct {
	Pair Pair
	// Applicant and Key ask for the request that was made under the key, whoever was asked.
	Applicant ids.UserID
	Key       ids.IdempotencyKey
	// Request asks for one request of the pair, whatever its state.
	Request ids.FriendRequestID
	// RefusedSince asks for refusals not older than this, ms.
	RefusedSince int64
	// Owner asks for what this one of the pair keeps about the other, and with Count for their blocks.
	Owner ids.UserID
	// Count asks for the counts, and keeps both people's counts from changing until the end.
	Count bool
	// MadeAfter bounds the pending requests that count, ms.
	MadeAfter int64
}

// Snapshot is a pair as it is under the lock of its relation.
type Snapshot struct {
	Relation Relation
	// Requests of the pair: all that pend, the refusals that were asked for, and the one asked for by id.
	Requests []Request
	// Keyed is the request under the key, nil if there is none.
	Keyed *Request
	// OutgoingPending are the applicant's requests that wait; FriendsOfLow and FriendsOfHigh count friends.
	OutgoingPending, FriendsOfLow, FriendsOfHigh int
	// BlockedByLow and BlockedByHigh tell who of the pair blocks the other.
	BlockedByLow, BlockedByHigh bool
	// Remark of the owner about the other, empty without a friendship; Blocks counts whom they block.
	Remark string
	Blocks int
}

// Change is what a decision writes; the zero Change writes nothing.
type Change struct {
	Relation *Relation // with its friendship, both sides of it
	Insert   *Request
	Decided  []Request // requests of the snapshot that got another state or were hidden
	Block    *Block    // begins
	Unblock  *Block    // ends
	Remark   *Remark   // of a friend
	Events   []Event   // go into the outbox
}

// Store keeps relations and requests. Every method is one transaction. A store that does not answer is
// fault.ErrUnavailable.
type Store interface {
	// Update locks the relation of a pair before it reads anything, lets decide see it, and writes what
	// it answers. An error of decide ends the transaction, writes nothing and comes back. Decide may run
	// more than once.
	Update(ctx context.Context, query Query, decide func(Snapshot) (Change, error)) error
	// Request finds a request; ErrRequestNotFound.
	Request(ctx context.Context, id ids.FriendRequestID) (Request, error)
	// Relation reads the relation of a pair, without a lock. One that never was is all zero but for
	// its pair.
	Relation(ctx context.Context, pair Pair) (Relation, error)
	// HandedOver notes that a version reached the message service, and the conversation if it is not
	// zero. If the relation has a newer version by now, nothing changes.
	HandedOver(ctx context.Context, pair Pair, version int64, conversation ids.ConversationID) error
	// Waiting answers relations whose hand-over waits since a time (ms) or longer, the oldest first.
	Waiting(ctx context.Context, since int64, limit int) ([]Relation, error)
}

// Side tells whose requests a list holds.
type Side int

// The sides.
const (
	BothSides Side = iota
	Incoming
	Outgoing
)

// RequestQuery asks for pending requests of a user, newest first.
type RequestQuery struct {
	User      ids.UserID
	Side      Side
	MadeAfter int64 // ms; older ones have expired
	Before    Place // zero: from the newest
	Limit     int
}

// ListQuery asks for friends of a user, or for whom the user blocks, the oldest first.
type ListQuery struct {
	User  ids.UserID
	After Place // zero: from the oldest
	Limit int
}

// Place is a position in a list: a time in ms and the id of the request or person.
type Place struct {
	At int64
	ID [16]byte
}

// Lists reads what people see. A store that does not answer is fault.ErrUnavailable.
type Lists interface {
	// Requests answers up to Limit requests in order.
	Requests(ctx context.Context, query RequestQuery) ([]Request, error)
	// Friends answers up to Limit friendships in order.
	Friends(ctx context.Context, query ListQuery) ([]Friendship, error)
	// FriendIDs answers all friends of a user, in any order.
	FriendIDs(ctx context.Context, user ids.UserID) ([]ids.UserID, error)
	// FriendsAmong answers which of some people are friends of a user.
	FriendsAmong(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error)
}

// Blocks reads who keeps whom away. A store that does not answer is fault.ErrUnavailable.
type Blocks interface {
	// Blocked answers up to Limit blocks of a user, the oldest first.
	Blocked(ctx context.Context, query ListQuery) ([]Block, error)
	// BlockedAmong answers which of some people a user blocks or is blocked by, in any order.
	BlockedAmong(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error)
}

// Profile is what anybody may know of a person. One whose account is gone has an id only.
type Profile struct {
	ID                              ids.UserID
	Username, Nickname, Description string
	Avatar                          string // id of a file; empty: none
}

// Part is what a search looks at. The numbers are those of the wire.
type Part int

// The parts.
const (
	OnlyExact Part = 1 // who has exactly this username or phone number
	OnlyNames Part = 2 // nicknames
)

// UserSearch asks for people.
type UserSearch struct {
	Query    string
	Part     Part
	Among    []ids.UserID // of nicknames only those of these people; empty: of everybody
	Excluded []ids.UserID
	PageSize int    // 0: the default of the user service
	Token    string // of the last page
}

// UserHit is a person, and what matched in their nickname.
type UserHit struct {
	Profile Profile
	Spans   []textmatch.Span
}

// UserPage is one page of people.
type UserPage struct {
	Hits []UserHit
	Next string // empty on the last page
}

// Users is the user service. One that does not answer is fault.ErrUnavailable.
type Users interface {
	// Profiles answers those of the people who exist.
	Profiles(ctx context.Context, people []ids.UserID) (map[ids.UserID]Profile, error)
	// Phones answers the numbers of those of the people who show them to friends. Only friends may see them.
	Phones(ctx context.Context, people []ids.UserID) (map[ids.UserID]Phone, error)
	// Search finds people, by nickname the highest id first; the page tokens are the user service's.
	// ErrSearchUnavailable while nicknames cannot be searched.
	Search(ctx context.Context, search UserSearch) (UserPage, error)
}

// Companions is the message service, asked who is in groups together. One that does not answer is
// fault.ErrUnavailable.
type Companions interface {
	// Companions answers those of up to 200 people who are in a group with a user now, in any order.
	Companions(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error)
}

// Conversations is the message service. One that does not answer is fault.ErrUnavailable; every call
// may be repeated.
type Conversations interface {
	// Open opens the direct conversation of a pair, for the first time or again.
	Open(ctx context.Context, pair Pair, version int64) (ids.ConversationID, error)
	// Close makes it read-only; a pair without one is no error.
	Close(ctx context.Context, pair Pair, version int64) error
}

// Publisher hears of events after their commit. It never blocks; the outbox has what it drops.
type Publisher interface {
	Offer(events ...Event)
}
