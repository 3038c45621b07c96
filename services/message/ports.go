// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
)

// Store keeps conversations and messages. Every method is one transaction or less, may be called from
// many goroutines, and returns fault.ErrUnavailable if the database does not answer; after a write
// the outcome is unknown then, and a repeat is safe.
type Store interface {
	Writer
	Reader
	Changer
	Groups
	AuditLog
	Companions
	Hider
	Searches
	Showing
}

// AuditLog keeps what was done with messages for the platform, apart from changes, which write their entries
// themselves.
type AuditLog interface {
	// Note writes an entry of something that changes no message.
	Note(ctx context.Context, entry audit.Entry) error
	// Entries reads up to Limit entries, newest first.
	Entries(ctx context.Context, query audit.Query) ([]audit.Entry, error)
}

// Changer changes messages and reads what became of them.
type Changer interface {
	// Change settles a change with DecideChange on the locked conversation and the message, writes the
	// plan and commits. ErrNotFound for a conversation or message that is unknown.
	Change(ctx context.Context, ch Change) (ChangePlan, error)
	// Changes reads messages with a rev above after, in the order of rev.
	Changes(ctx context.Context, id ids.ConversationID, after int64, limit int) ([]Message, error)
	// Versions reads the versions of a message after one, in the order of their numbers.
	Versions(ctx context.Context, q VersionsQuery) ([]Version, error)
	// Counts counts for one user what HeadOf must know, for each stretch in its place.
	Counts(ctx context.Context, user ids.UserID, stretches []Stretch) ([]Count, error)
}

// Writer changes what is stored.
type Writer interface {
	// Append locks the conversations of a batch, reads the facts, settles them with Decide at the time
	// now (ms), writes the plan and commits. The answer holds the plan's results, in the order of the
	// batch, and its events. ErrRaced if another transaction stored one of the client message ids
	// meanwhile; then, and with any error but fault.ErrUnavailable, nothing was stored.
	Append(ctx context.Context, batch []Pending, now int64) (Committed, error)
	// Relate settles a relation with DecideRelation on the locked conversation of the pair. It answers
	// the id of the conversation, also if nothing changed. Concurrent first calls of a pair get one id.
	Relate(ctx context.Context, r Relation) (ids.ConversationID, []Event, error)
	// MarkRead settles a reading with DecideReading and answers the head as it stands then.
	MarkRead(ctx context.Context, r Reading) (Head, []Event, error)
}

// Groups keeps groups and their members.
type Groups interface {
	// Created finds the group that a user made under a key; ok is false if there is none.
	Created(ctx context.Context, creator ids.UserID, key ids.IdempotencyKey) (c Created, ok bool, err error)
	// CreateGroup settles a creation with DecideCreation and answers the id. If the creator has made a
	// group under the key before, nothing is stored, and the answer is that one.
	CreateGroup(ctx context.Context, c Creation) (Created, []Event, error)
	// ChangeGroup settles an action with DecideAction on the locked group, of which it reads the intervals
	// of the actor and the named users; ErrNotFound if it is unknown.
	ChangeGroup(ctx context.Context, a Action) ([]Event, error)
	// Members reads one page of those who are members now, by user id.
	Members(ctx context.Context, q MembersQuery) ([]Member, error)
	// Audience lists who was a member of a group, by user id.
	Audience(ctx context.Context, q AudienceQuery) ([]ids.UserID, error)
}

// Showing tells what shows which files.
type Showing interface {
	// ReadableFiles picks those of some files that a user may read now, each once, in any order: a standing
	// message shows them that the user can see and did not hide, or they are the picture of a group that the
	// user is a member of now.
	ReadableFiles(ctx context.Context, user ids.UserID, files []ids.FileID) ([]ids.FileID, error)
	// Shown picks those of some holders that show their file now, each once, in any order.
	Shown(ctx context.Context, showings []FileShowing) ([]FileShowing, error)
}

// Companions tells who is in groups together.
type Companions interface {
	// CompanionsAmong answers which of some people are in a group with a user now, each once, in any order.
	CompanionsAmong(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error)
}

// Hider keeps what users hid for themselves.
type Hider interface {
	// Hide settles a hiding with DecideHiding on the locked conversation and answers the head as it stands
	// then.
	Hide(ctx context.Context, h Hiding) (Head, []Event, error)
	// Hidden reads positions by the HiddenRev that each made.
	Hidden(ctx context.Context, q HiddenQuery) ([]int64, error)
	// HiddenIn reads the hidden positions of stretches of one conversation, in any order.
	HiddenIn(ctx context.Context, user ids.UserID, stretches []Stretch) ([]int64, error)
	// LastShown finds the last position of each stretch that the user did not hide, 0 where all are hidden.
	LastShown(ctx context.Context, user ids.UserID, stretches []Stretch) ([]int64, error)
}

// Finder offers messages that may match; package searchindex has the port.
type Finder interface {
	// Find is searchindex.Index.Find.
	Find(ctx context.Context, lookup searchindex.Lookup) ([]searchindex.Hit, error)
}

// Friends is the friend service. One that does not answer is fault.ErrUnavailable.
type Friends interface {
	// FriendsAmong picks, of up to MaxGroupUsers people, those whom a user may bring into a group.
	FriendsAmong(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error)
}

// Committed is what Append stored.
type Committed struct {
	Results []Result
	Events  []Event
}

// Reader reads what was committed.
type Reader interface {
	// Conversation reads one; ErrNotFound if it is unknown. A direct one comes with both members, a group
	// with all intervals of the viewer.
	Conversation(ctx context.Context, id ids.ConversationID, viewer ids.UserID) (Conversation, error)
	// Conversations reads one page of those that a user is a member of now, and if asked of groups that the
	// user has left, in the order of Position; these are as active as they were then. Members of a group are
	// the newest interval of the user.
	Conversations(ctx context.Context, q PageQuery) ([]Conversation, error)
	// Messages reads stretches of history, in the order of conversation and seq. Positions past the
	// last one are left out.
	Messages(ctx context.Context, stretches []Stretch) ([]Message, error)
	// SeqByTime finds a message by its time; ok is false if there is none.
	SeqByTime(ctx context.Context, q TimeQuery) (seq int64, ok bool, err error)
	// Heads reads what moved, for many users in few statements, one list for each query in its place,
	// in the order of Position. A group that the user has left moves once more, when they leave.
	Heads(ctx context.Context, queries []HeadsQuery) ([][]MovedHead, error)
}

// Position is a place in a list of conversations: newest activity first, then the higher id.
type Position struct {
	ActiveAt int64              `json:"a"` // ms
	ID       ids.ConversationID `json:"i"`
}

// PageQuery asks for a page of a user's conversations.
type PageQuery struct {
	User   ids.UserID
	Left   bool      // groups that the user has left too
	Before *Position // nil: from the start
	Limit  int
}

// Stretch is a range of one conversation.
type Stretch struct {
	Conversation ids.ConversationID
	Interval
}

// TimeQuery asks for a message of a stretch by its time.
type TimeQuery struct {
	Stretch
	Time int64 // ms
	Edge Edge
}

// Edge tells which message is meant.
type Edge int

// The edges of a range of time.
const (
	FirstSince Edge = iota // the first sent at or after the time
	LastUntil              // the last sent at or before the time
)

// HeadsQuery asks for a user's conversations that moved.
type HeadsQuery struct {
	User   ids.UserID
	Since  int64     // ms, compared with when the conversation last moved for the user
	Before *Position // nil: from the start
	Limit  int
}

// MovedHead is a head with its place in the list.
type MovedHead struct {
	Head
	ActiveAt int64
}

// Publisher announces committed events.
type Publisher interface {
	// Publish takes events over and never blocks. What it cannot take is found again in the outbox.
	Publish(events ...Event)
}
