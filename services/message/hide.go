// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Limits of what somebody hides.
const (
	MaxHidden     = 10_000 // messages of one conversation; chosen, no evidence
	MaxHiddenPage = 1000
)

// Hiding asks to hide a message for one user.
type Hiding struct {
	Conversation ids.ConversationID
	User         ids.UserID
	Seq          int64
	// At is the time, ms.
	At int64
	// EventID is the id of the event if the message was not hidden before.
	EventID ids.EventID
}

// HiddenQuery asks what a user hid in a conversation after a HiddenRev, in the order of hiding.
type HiddenQuery struct {
	Conversation ids.ConversationID
	User         ids.UserID
	After        int64
	Limit        int
}

// DecideHiding settles a hiding on the locked conversation; hidden tells that the user hid the message
// before. Who reads a message may hide it, also after they left and where nobody can send: nobody else
// notices. It answers the member as it will stand, and no event if nothing changes.
func DecideHiding(c Conversation, hidden bool, h Hiding) (Member, []Event, error) {
	m, ok := c.Membership(h.User)
	switch {
	case !ok || !c.Sees(h.User, h.Seq):
		return Member{}, nil, ErrNotFound
	case hidden:
		return m, nil, nil
	case m.HiddenRev >= MaxHidden:
		return Member{}, nil, ErrTooManyHidden
	}
	m.HiddenRev++
	return m, []Event{{
		ID: h.EventID, Kind: MessageHidden, OccurredAt: h.At, Recipients: []ids.UserID{h.User},
		Marker: Marker{Conversation: c.ID, User: h.User, Seq: h.Seq},
	}}, nil
}

// Hide hides a message for one user and answers their head. Again is no error.
func (s *Service) Hide(ctx context.Context, user ids.UserID, id ids.ConversationID, seq int64) (Head, error) {
	h := Hiding{Conversation: id, User: user, Seq: seq, At: s.nowMillis(), EventID: ids.NewEvent()}
	head, events, err := s.store.Hide(ctx, h)
	if err != nil {
		return Head{}, err
	}
	s.publisher.Publish(events...)
	return head, nil
}

// ListHidden answers what a user hid after a HiddenRev, and up to which that tells all.
func (s *Service) ListHidden(ctx context.Context, user ids.UserID, id ids.ConversationID, after int64) (seqs []int64, upTo int64, err error) {
	if _, err := s.conversation(ctx, user, id); err != nil {
		return nil, 0, err
	}
	seqs, err = s.store.Hidden(ctx, HiddenQuery{Conversation: id, User: user, After: after, Limit: MaxHiddenPage})
	// The numbers have no holes, so that the last one follows from how many there are.
	return seqs, after + int64(len(seqs)), err
}

// hiddenIn tells which positions of some ranges a user hid. Most users hid nothing, which costs no read.
func (s *Service) hiddenIn(ctx context.Context, c Conversation, user ids.UserID, ranges ...Interval) (map[int64]bool, error) {
	if m, _ := c.Membership(user); m.HiddenRev == 0 || len(ranges) == 0 {
		return nil, nil //nolint:nilnil // a map without entries
	}
	stretches := make([]Stretch, len(ranges))
	for i, r := range ranges {
		stretches[i] = Stretch{Conversation: c.ID, Interval: r}
	}
	seqs, err := s.store.HiddenIn(ctx, user, stretches)
	if err != nil {
		return nil, err
	}
	hidden := make(map[int64]bool, len(seqs))
	for _, seq := range seqs {
		hidden[seq] = true
	}
	return hidden, nil
}

// hideOwn takes out of a page what its reader hid, and declares it.
func (s *Service) hideOwn(ctx context.Context, c Conversation, reader ids.UserID, h *History) error {
	if len(h.Items) == 0 {
		return nil
	}
	page := Interval{From: h.Items[0].Seq, To: h.Items[len(h.Items)-1].Seq}
	hidden, err := s.hiddenIn(ctx, c, reader, page)
	if err != nil {
		return err
	}
	h.Items = slices.DeleteFunc(h.Items, func(m Message) bool {
		if !hidden[m.Seq] {
			return false
		}
		if n := len(h.Hidden); n > 0 && h.Hidden[n-1].To == m.Seq-1 {
			h.Hidden[n-1].To = m.Seq
		} else {
			h.Hidden = append(h.Hidden, Interval{From: m.Seq, To: m.Seq})
		}
		return true
	})
	return nil
}

// lastShown finds, of the stretches of conversations of a user, the last positions that the user did not
// hide. It is no read where nothing is hidden.
func (s *Service) lastShown(ctx context.Context, user ids.UserID, list []Conversation) ([]Stretch, error) {
	var last, asked []Stretch
	for _, c := range list {
		visible := c.Visible(user)
		if len(visible) == 0 {
			continue
		}
		newest := Stretch{Conversation: c.ID, Interval: visible[len(visible)-1]}
		if m, _ := c.Membership(user); m.HiddenRev > 0 {
			asked = append(asked, newest)
			continue
		}
		newest.From = newest.To
		last = append(last, newest)
	}
	if len(asked) == 0 {
		return last, nil
	}
	seqs, err := s.store.LastShown(ctx, user, asked)
	if err != nil {
		return nil, err
	}
	for i, seq := range seqs {
		if seq > 0 {
			last = append(last, Stretch{Conversation: asked[i].Conversation, Interval: Interval{From: seq, To: seq}})
		}
	}
	return last, nil
}
