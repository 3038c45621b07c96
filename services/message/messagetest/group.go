// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

type creationKey struct {
	creator ids.UserID
	key     ids.IdempotencyKey
}

// only leaves of a group the intervals of some users.
func only(c message.Conversation, users ...ids.UserID) message.Conversation {
	c.Members = slices.Clone(c.Members)
	if c.Kind == message.Group {
		c.Members = slices.DeleteFunc(c.Members, func(m message.Member) bool { return !slices.Contains(users, m.UserID) })
	}
	return c
}

// Created implements message.Groups.
func (s *Store) Created(_ context.Context, creator ids.UserID, key ids.IdempotencyKey) (c message.Created, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok = s.created[creationKey{creator, key}]
	return c, ok, nil
}

// CreateGroup implements message.Groups.
func (s *Store) CreateGroup(_ context.Context, c message.Creation) (message.Created, []message.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := creationKey{c.Creator, c.Key}
	if made, ok := s.created[key]; ok {
		return made, nil, nil
	}
	made := message.Created{ID: c.NewID, Hash: c.Hash}
	s.created[key] = made
	change := message.DecideCreation(c)
	s.write(change, nil, c.At)
	return made, change.Events, nil
}

// ChangeGroup implements message.Groups.
func (s *Store) ChangeGroup(_ context.Context, a message.Action) ([]message.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.conversations[a.Conversation]
	if !ok {
		return nil, message.ErrNotFound
	}
	change, err := message.DecideAction(only(*c, a.People()...), a)
	if err != nil || change.Row == nil {
		return nil, err
	}
	s.write(change, c.Members, a.At)
	return change.Events, nil
}

// write needs mu.
func (s *Store) write(change message.GroupChange, before []message.Member, now int64) {
	c := change.Conversation
	c.Members = slices.Concat(before, change.Joined)
	for i := range c.Members {
		m := &c.Members[i]
		if m.Left && slices.Contains(change.Retired, m.UserID) {
			m.Role = message.NoRole
		}
		for _, changed := range change.Changed {
			if changed.UserID == m.UserID && changed.JoinedSeq == m.JoinedSeq {
				*m = changed
				s.moved[place{m.UserID, c.ID}] = now
			}
		}
	}
	slices.SortFunc(c.Members, func(a, b message.Member) int {
		return cmp.Or(a.UserID.Compare(b.UserID), cmp.Compare(a.JoinedSeq, b.JoinedSeq))
	})
	s.put(c, now)
	s.messages[c.ID] = append(s.messages[c.ID], *change.Row)
	s.events = append(s.events, change.Events...)
}

// Members implements message.Groups.
func (s *Store) Members(_ context.Context, q message.MembersQuery) ([]message.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []message.Member
	if c := s.conversations[q.Conversation]; c != nil {
		for _, m := range c.Members {
			if !m.Left && m.UserID.Compare(q.After) > 0 && len(found) < q.Limit {
				found = append(found, m)
			}
		}
	}
	return found, nil
}

// Audience implements message.Groups.
func (s *Store) Audience(_ context.Context, q message.AudienceQuery) ([]ids.UserID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var users []ids.UserID
	if c := s.conversations[q.Conversation]; c != nil {
		for _, m := range c.Members {
			member := m.JoinedRev > 0 && m.JoinedRev <= q.MembersRev && (!m.Left || m.LeftRev > q.MembersRev)
			if member && (q.Seq == 0 || c.Sees(m.UserID, q.Seq)) {
				users = append(users, m.UserID)
			}
		}
	}
	return users, nil
}

// CompanionsAmong implements message.Companions.
func (s *Store) CompanionsAmong(_ context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []ids.UserID
	for _, c := range s.conversations {
		if c.RoleOf(user) == message.NoRole {
			continue
		}
		for _, other := range people {
			if other != user && c.RoleOf(other) != message.NoRole && !slices.Contains(found, other) {
				found = append(found, other)
			}
		}
	}
	return found, nil
}

// Friends is a friend service in which everybody is everybody's friend, but for strangers. It is safe for
// concurrent use.
type Friends struct {
	mu        sync.Mutex // guards what follows
	strangers map[ids.UserID]bool
	err       error
	asked     int
}

// SetStrangers names people who are nobody's friends.
func (f *Friends) SetStrangers(people ...ids.UserID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.strangers = map[ids.UserID]bool{}
	for _, user := range people {
		f.strangers[user] = true
	}
}

// Fail makes the calls that follow fail, with nil no longer.
func (f *Friends) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// Asked is how often the service was called.
func (f *Friends) Asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// FriendsAmong implements message.Friends.
func (f *Friends) FriendsAmong(_ context.Context, _ ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return slices.DeleteFunc(slices.Clone(people), func(user ids.UserID) bool { return f.strangers[user] }), f.err
}
