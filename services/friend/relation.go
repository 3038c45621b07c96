// SPDX-License-Identifier: Apache-2.0

package friend

import "github.com/parley-chat/parley/services/internal/ids"

// maxFriends of one person; part of the product, not a setting.
const maxFriends = 5000

// Pair is two different people; the order of their ids is fixed, so that a pair has one form.
type Pair struct{ Low, High ids.UserID }

// PairOf sorts two people.
func PairOf(a, b ids.UserID) Pair {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return Pair{Low: a, High: b}
}

// Users of the pair, in their order.
func (p Pair) Users() []ids.UserID { return []ids.UserID{p.Low, p.High} }

// Relation is what a pair is to each other. A pair that never changed has the version 0.
type Relation struct {
	Pair    Pair
	Version int64 // raised by each change of the friendship
	Friends bool
	Since   int64 // ms; 0 unless friends
	// ConversationID is their direct conversation, zero until it was opened for the first time.
	ConversationID ids.ConversationID
	// PendingSince is when the present version began to wait for its hand-over, ms; 0 once it is done.
	PendingSince int64
}

// befriended is the relation after an acceptance.
func (r Relation) befriended(now int64) Relation {
	r.Version++
	r.Friends, r.Since, r.PendingSince = true, now, now
	return r
}

// parted is the relation after a removal.
func (r Relation) parted(now int64) Relation {
	r.Version++
	r.Friends, r.Since, r.PendingSince = false, 0, now
	return r
}

// openConversation is the conversation in which the pair can talk now, zero if there is none.
func (r Relation) openConversation() ids.ConversationID {
	if !r.Friends || r.PendingSince != 0 {
		return ids.ConversationID{}
	}
	return r.ConversationID
}

// Friendship is a relation of friends, seen from one side.
type Friendship struct {
	FriendID       ids.UserID
	Since          int64 // ms
	ConversationID ids.ConversationID
	Remark         string // may be empty
}
