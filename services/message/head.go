// SPDX-License-Identifier: Apache-2.0

package message

import "github.com/parley-chat/parley/services/internal/ids"

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
	h := Head{Conversation: c.ID, Seq: c.Seq, Rev: c.Rev, MembersRev: c.MembersRev, ReadSeq: m.ReadSeq}
	if m.Left {
		h.Seq = min(h.Seq, m.LeftSeq)
	}
	h.Unread = unread(h.Seq, max(m.ReadSeq, m.JoinedSeq-1))
	return h
}

// unread counts the messages of others above a marker without reading them. Whoever sends moves the
// own marker to the sent message in the same transaction, and a marker never moves back, so nothing
// above a marker is by its owner. The model test recounts it message by message.
func unread(seq, marker int64) int32 {
	return int32(min(max(seq-marker, 0), MaxUnread))
}
