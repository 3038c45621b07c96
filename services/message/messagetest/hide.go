// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// Hide implements message.Hider.
func (s *Store) Hide(_ context.Context, h message.Hiding) (message.Head, []message.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.conversations[h.Conversation]
	if !ok {
		return message.Head{}, nil, message.ErrNotFound
	}
	at := place{h.User, h.Conversation}
	m, events, err := message.DecideHiding(*c, slices.Contains(s.hidden[at], h.Seq), h)
	if err != nil {
		return message.Head{}, nil, err
	}
	if len(events) > 0 {
		s.hidden[at] = append(s.hidden[at], h.Seq)
		c.Members = slices.Clone(c.Members)
		for i := range c.Members {
			if c.Members[i].UserID == h.User {
				c.Members[i].HiddenRev = m.HiddenRev
			}
		}
		s.moved[at] = h.At
		s.events = append(s.events, events...)
	}
	return s.head(*c, h.User), events, nil
}

// Hidden implements message.Hider.
func (s *Store) Hidden(_ context.Context, q message.HiddenQuery) ([]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.hidden[place{q.User, q.Conversation}]
	from := min(q.After, int64(len(all)))
	return slices.Clone(all[from:min(from+int64(q.Limit), int64(len(all)))]), nil
}

// HiddenIn implements message.Hider.
func (s *Store) HiddenIn(_ context.Context, user ids.UserID, stretches []message.Stretch) ([]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []int64
	for _, stretch := range stretches {
		for _, seq := range s.hidden[place{user, stretch.Conversation}] {
			if stretch.From <= seq && seq <= stretch.To {
				found = append(found, seq)
			}
		}
	}
	return found, nil
}

// LastShown implements message.Hider.
func (s *Store) LastShown(_ context.Context, user ids.UserID, stretches []message.Stretch) ([]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := make([]int64, len(stretches))
	for i, stretch := range stretches {
		for seq := stretch.To; seq >= stretch.From && last[i] == 0; seq-- {
			if !slices.Contains(s.hidden[place{user, stretch.Conversation}], seq) {
				last[i] = seq
			}
		}
	}
	return last, nil
}
