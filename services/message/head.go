// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// MaxUnread is where counting stops; clients show more as "999+".
const MaxUnread = 999

// Head is what one user is told about a conversation.
type Head struct {
	Conversation ids.ConversationID
	Seq          int64 // last position that the user may see
	Rev          int64
	MembersRev   int64
	ReadSeq      int64
	Unread       int32 // at most MaxUnread
	Mentions     int32 // at most MaxUnread
	HiddenRev    int64 // how many messages the user hid
	Left         bool  // everything is as it was when the user left
}

// Head of the conversation for a user; the zero Head for who never was a member.
func (c Conversation) Head(user ids.UserID) Head {
	m, ok := c.Membership(user)
	if !ok {
		return Head{}
	}
	return HeadOf(c, m)
}

// HeadOf is the head of a conversation for one of its members; the members of c are not looked at.
func HeadOf(c Conversation, m Member) Head {
	h := Head{Conversation: c.ID, Seq: c.Seq, Rev: c.Rev, MembersRev: c.MembersRev, ReadSeq: m.ReadSeq, HiddenRev: m.HiddenRev}
	if m.Left {
		h.Seq, h.Left = min(h.Seq, m.LeftSeq), true
		if c.Kind == Group {
			h.MembersRev = m.LeftRev
		}
	}
	h.Mentions = int32(min(m.Called, MaxUnread)) //nolint:gosec // it is small
	h.Unread = unread(h.Seq, max(m.ReadSeq, m.JoinedSeq-1), m.Silent)
	return h
}

// unread counts the messages of others above a marker without reading them: only those that do not
// count, which are few, were counted one by one. Whoever sends moves the own marker to the sent message
// in the same transaction, and a marker never moves back, so nothing above a marker is by its owner. The
// model test recounts it message by message.
func unread(seq, marker, silent int64) int32 {
	return int32(min(max(seq-marker-silent, 0), MaxUnread))
}

// Unseen is what a member has not read: the range whose silent messages HeadOf must know.
func (c Conversation) Unseen(m Member) Interval {
	i := Interval{From: max(m.ReadSeq+1, m.JoinedSeq), To: c.Seq}
	if m.Left {
		i.To = min(i.To, m.LeftSeq)
	}
	return i
}

// Count is what must be counted of a stretch for one of the members.
type Count struct {
	Silent int64 // messages that are not unread, whatever the marker
	Called int64 // messages that mention the member and are not hidden
}

// heads answers the heads of conversations for one of their members, in their order, with one read for
// all that must be counted.
func (s *Service) heads(ctx context.Context, user ids.UserID, list ...Conversation) ([]Head, error) {
	heads, members := make([]Head, len(list)), make([]Member, len(list))
	var (
		unseen []Stretch
		place  []int // of a stretch in list
	)
	for i, c := range list {
		members[i], _ = c.Membership(user)
		if u := c.Unseen(members[i]); u.From <= u.To {
			unseen, place = append(unseen, Stretch{Conversation: c.ID, Interval: u}), append(place, i)
		}
	}
	if len(unseen) > 0 {
		counts, err := s.store.Counts(ctx, user, unseen)
		if err != nil {
			return nil, err
		}
		for i, at := range place {
			members[at].Silent, members[at].Called = counts[i].Silent, counts[i].Called
		}
	}
	for i, c := range list {
		heads[i] = HeadOf(c, members[i])
	}
	return heads, nil
}

func (s *Service) head(ctx context.Context, user ids.UserID, c Conversation) (Head, error) {
	heads, err := s.heads(ctx, user, c)
	if err != nil {
		return Head{}, err
	}
	return heads[0], nil
}
