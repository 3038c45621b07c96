// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
)

// MaxMarkerMembers is the largest group whose members see each other's markers.
const MaxMarkerMembers = 100

// Marker is how far one user has read one conversation.
type Marker struct {
	Conversation ids.ConversationID
	User         ids.UserID
	Seq          int64
}

// Reading asks to move a marker.
type Reading struct {
	Marker
	// At is the time of the move, ms.
	At int64
	// EventID is the id of the event if the marker moves.
	EventID ids.EventID
	// Hidden tells that nobody else sees the move.
	Hidden bool
}

// DecideReading settles a reading on a conversation. A marker never moves back and never passes the
// last position that its owner may see. It answers the member with the marker as it will stand, the
// events to emit, which are none if it stays, and ErrNotFound for who never was a member. A hidden reading
// leaves the marker that others see, and only the reader's own devices hear of it; the next one that is not
// hidden moves both. Two people whose friendship has ended do not see each other read.
func DecideReading(c Conversation, r Reading) (Member, []Event, error) {
	m, ok := c.Membership(r.User)
	if !ok {
		return Member{}, nil, ErrNotFound
	}
	r.Hidden = r.Hidden || c.Kind == Direct && c.State != Open
	seq := min(r.Seq, HeadOf(c, m).Seq)
	if seq <= m.ReadSeq && (r.Hidden || seq <= m.ShownSeq) {
		return m, nil, nil
	}
	m.ReadSeq = max(m.ReadSeq, seq)
	if !r.Hidden {
		m.ShownSeq = max(m.ShownSeq, seq)
	}
	moved := Marker{Conversation: c.ID, User: r.User, Seq: seq}
	event := Event{ID: r.EventID, Kind: MarkerMoved, OccurredAt: r.At, Recipients: c.Present(), Marker: moved}
	if c.Kind == Group || r.Hidden {
		event.Recipients = []ids.UserID{r.User}
	}
	if !m.Left && !r.Hidden && c.MemberCount <= MaxMarkerMembers {
		event.MembersRev = c.audience()
	}
	return m, []Event{event}, nil
}

// shownTo is how a user sees the members of a conversation: the markers of others only as far as those show
// them.
func shownTo(user ids.UserID, members []Member) []Member {
	members = slices.Clone(members)
	for i := range members {
		if m := &members[i]; m.UserID != user {
			m.ReadSeq = m.ShownSeq
		}
	}
	return members
}

// MarkRead moves the caller's marker, for others too unless it is hidden, and answers the head. A lower seq
// is ignored, one past the head means the head. ErrNotFound for a conversation that is unknown or foreign.
func (s *Service) MarkRead(ctx context.Context, m Marker, hidden bool) (Head, error) {
	c, err := s.conversation(ctx, m.User, m.Conversation)
	if err != nil {
		return Head{}, err
	}
	r := Reading{Marker: m, At: s.nowMillis(), EventID: ids.NewEvent(), Hidden: hidden}
	// Most calls repeat what is known; they need no transaction.
	if _, events, err := DecideReading(c, r); err != nil || len(events) == 0 {
		if err != nil {
			return Head{}, err
		}
		return s.head(ctx, m.User, c)
	}
	head, events, err := s.store.MarkRead(ctx, r)
	if err != nil {
		return Head{}, err
	}
	s.publisher.Publish(events...)
	return head, nil
}
