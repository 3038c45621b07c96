// SPDX-License-Identifier: Apache-2.0

package message

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Kind tells what a conversation is. The numbers are stored.
type Kind int32

// The kinds of conversation.
const (
	Direct Kind = 1 // two people
	Group  Kind = 2 // three or more at its beginning
)

// State tells whether members can send. The numbers are stored.
type State int32

// The states of a conversation.
const (
	Open     State = 1 // members can send
	ReadOnly State = 2 // nobody can send, history stays; a dissolved group is so for ever
)

// Conversation is one conversation with its members, read at one moment. Of a group, which may have ten
// thousand, only the members that were asked for are there.
type Conversation struct {
	ID    ids.ConversationID
	Kind  Kind
	State State
	// RelationVersion is the newest version of the friendship that was applied.
	RelationVersion int64
	// Seq is the last position, 0 without messages.
	Seq int64
	// Rev counts changes to messages.
	Rev int64
	// MembersRev counts changes of who is a member and of whether members can send, and of name and roles
	// of a group, so that a device that missed such a change sees it in the head; 0 means that the
	// conversation was never opened, so that nobody can see it.
	MembersRev int64
	// CreatedAt is when it was first opened, ms.
	CreatedAt int64
	// ActiveAt is the time of the last message or opening, ms.
	ActiveAt int64
	// Name of a group; may be empty.
	Name string
	// Avatar is the picture of a group; zero without one.
	Avatar ids.FileID
	// MemberCount is how many members a group has now.
	MemberCount int
	// Members are in the order of user id and joined seq.
	Members []Member
}

// Member is one user during one interval. Who left and came back has several.
type Member struct {
	UserID ids.UserID
	// JoinedSeq is the first position that the user may see.
	JoinedSeq int64
	// LeftSeq is the last position that the user may see if Left.
	LeftSeq int64
	Left    bool
	// ReadSeq is the read marker: everything up to it was read.
	ReadSeq int64
	// ShownSeq is the read marker that others see; it stays behind while the user hides what they read.
	ShownSeq int64
	// Silent counts the visible messages above the marker that are not unread, because they were taken
	// back, are the server's or are hidden. Only what answers a head to this member has counted them.
	Silent int64
	// Called counts the visible messages above the marker that mention the user and are not hidden, as far
	// as Silent is counted.
	Called int64
	// HiddenRev counts the messages of the conversation that the user hid.
	HiddenRev int64
	// Role in a group; NoRole in a direct conversation, and in an interval that a newer one followed.
	Role Role
	// JoinedRev and LeftRev are the membership versions at both ends of an interval in a group. LeftRev,
	// LeftAt (ms) and LeftName, the name of the group then, are set if Left.
	JoinedRev, LeftRev int64
	LeftAt             int64
	LeftName           string
}

// Interval is a range of positions, both ends included.
type Interval struct{ From, To int64 }

// Present lists who is a member now, in the order of ids.
func (c Conversation) Present() []ids.UserID {
	var users []ids.UserID
	for _, m := range c.Members {
		if !m.Left {
			users = append(users, m.UserID)
		}
	}
	return users
}

// PresentAt lists who was a member at a position, in the order of ids.
func (c Conversation) PresentAt(seq int64) []ids.UserID {
	var users []ids.UserID
	for _, m := range c.Members {
		if m.JoinedSeq <= seq && (!m.Left || seq <= m.LeftSeq) {
			users = append(users, m.UserID)
		}
	}
	return users
}

// Watching lists who is a member now and may see a position, in the order of ids.
func (c Conversation) Watching(seq int64) []ids.UserID {
	seen := c.PresentAt(seq)
	return slices.DeleteFunc(c.Present(), func(user ids.UserID) bool { return !slices.Contains(seen, user) })
}

// Sees tells whether a user may see a position.
func (c Conversation) Sees(user ids.UserID, seq int64) bool {
	return slices.ContainsFunc(c.Visible(user), func(i Interval) bool { return i.From <= seq && seq <= i.To })
}

// Manages tells whether a user may change what others said: nobody may where two people talk.
func (c Conversation) Manages(user ids.UserID) bool { return c.RoleOf(user) >= RoleAdmin }

// Membership is the newest interval of a user; ok is false for who never was a member.
func (c Conversation) Membership(user ids.UserID) (m Member, ok bool) {
	for _, candidate := range c.Members {
		if candidate.UserID == user && (!ok || candidate.JoinedSeq > m.JoinedSeq) {
			m, ok = candidate, true
		}
	}
	return m, ok
}

// Visible lists what a user may see, in the order of seq and cut to the last position. Intervals in
// which nothing was said are left out.
func (c Conversation) Visible(user ids.UserID) []Interval {
	var visible []Interval
	for _, m := range c.Members {
		if m.UserID != user {
			continue
		}
		end := c.Seq
		if m.Left {
			end = min(end, m.LeftSeq)
		}
		if m.JoinedSeq <= end {
			visible = append(visible, Interval{From: m.JoinedSeq, To: end})
		}
	}
	slices.SortFunc(visible, func(a, b Interval) int { return cmp.Compare(a.From, b.From) })
	return visible
}

// Pair is two different users, the lower id first.
type Pair struct{ Low, High ids.UserID }

// NewPair takes two users in any order. The same user twice is fault.ErrInvalid.
func NewPair(a, b ids.UserID) (Pair, error) {
	switch order := a.Compare(b); {
	case a.IsZero() || b.IsZero() || order == 0:
		return Pair{}, fault.InvalidField("user_ids", "two_different")
	case order > 0:
		return Pair{Low: b, High: a}, nil
	default:
		return Pair{Low: a, High: b}, nil
	}
}

// Key is the 32 bytes that are unique for the pair.
func (p Pair) Key() []byte { return bytes.Join([][]byte{p.Low[:], p.High[:]}, nil) }
