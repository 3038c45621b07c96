// SPDX-License-Identifier: Apache-2.0

// Package friendtest holds what tests of friendships need: fakes of all ports, a fixture and the suite
// that every store has to pass.
package friendtest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Storage is all storage ports together.
type Storage interface {
	friend.Store
	friend.Lists
	friend.Blocks
}

// Store keeps everything in memory. Every method is one critical section, as a transaction is.
type Store struct {
	mu        sync.Mutex // guards all below
	down      error
	relations map[friend.Pair]friend.Relation
	opened    map[friend.Pair]ids.ConversationID // as both friends see it
	requests  []friend.Request
	events    []friend.Event
	blocks    map[way]friend.Block
	remarks   map[way]string
}

// way is a pair seen from one side.
type way struct{ owner, other ids.UserID }

// NewStore makes an empty store.
func NewStore() *Store {
	return &Store{
		relations: map[friend.Pair]friend.Relation{},
		opened:    map[friend.Pair]ids.ConversationID{},
		blocks:    map[way]friend.Block{},
		remarks:   map[way]string{},
	}
}

// Fail makes every call answer err, until nil is set.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

// Events are those that were written.
func (s *Store) Events() []friend.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// enter locks and answers what every call fails with.
func (s *Store) enter() error {
	s.mu.Lock()
	return s.down
}

// Update runs a decision.
func (s *Store) Update(_ context.Context, q friend.Query, decide func(friend.Snapshot) (friend.Change, error)) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	change, err := decide(s.read(q))
	if err != nil {
		return err
	}
	if change.Insert != nil && s.keyed(change.Insert.Applicant, change.Insert.Key) != nil {
		return friend.ErrKeyReused
	}
	s.write(change)
	return nil
}

// read needs mu.
func (s *Store) read(q friend.Query) friend.Snapshot {
	snapshot := friend.Snapshot{Relation: s.relation(q.Pair)}
	for _, r := range s.requests {
		refused := r.State == friend.Refused && q.RefusedSince != 0 && r.DecidedAt >= q.RefusedSince
		if friend.PairOf(r.Applicant, r.Respondent) == q.Pair && (r.State == friend.Pending || refused || r.ID == q.Request) {
			snapshot.Requests = append(snapshot.Requests, r)
		}
	}
	_, snapshot.BlockedByLow = s.blocks[way{q.Pair.Low, q.Pair.High}]
	_, snapshot.BlockedByHigh = s.blocks[way{q.Pair.High, q.Pair.Low}]
	if !q.Owner.IsZero() {
		s.readOwner(q, &snapshot)
	}
	if !q.Key.IsZero() {
		snapshot.Keyed = s.keyed(q.Applicant, q.Key)
	}
	if q.Count {
		snapshot.FriendsOfLow, snapshot.FriendsOfHigh = len(s.friends(q.Pair.Low)), len(s.friends(q.Pair.High))
		for _, r := range s.requests {
			if r.Applicant == q.Applicant && r.State == friend.Pending && r.CreatedAt > q.MadeAfter {
				snapshot.OutgoingPending++
			}
		}
	}
	return snapshot
}

func (s *Store) relation(pair friend.Pair) friend.Relation {
	if r, ok := s.relations[pair]; ok {
		return r
	}
	return friend.Relation{Pair: pair}
}

func (s *Store) keyed(applicant ids.UserID, key ids.IdempotencyKey) *friend.Request {
	for _, r := range s.requests {
		if r.Applicant == applicant && r.Key == key {
			return &r
		}
	}
	return nil
}

// write needs mu.
func (s *Store) write(c friend.Change) {
	if c.Relation != nil {
		r := *c.Relation
		r.ConversationID = s.relation(r.Pair).ConversationID
		s.relations[r.Pair] = r
		delete(s.opened, r.Pair)
		delete(s.remarks, way{r.Pair.Low, r.Pair.High})
		delete(s.remarks, way{r.Pair.High, r.Pair.Low})
	}
	s.writeKept(c)
	for _, decided := range c.Decided {
		for i := range s.requests {
			if s.requests[i].ID == decided.ID {
				s.requests[i].State, s.requests[i].DecidedAt, s.requests[i].Hidden = decided.State, decided.DecidedAt, decided.Hidden
			}
		}
	}
	if c.Insert != nil {
		s.requests = append(s.requests, *c.Insert)
	}
	s.events = append(s.events, c.Events...)
}

// Request finds a request.
func (s *Store) Request(_ context.Context, id ids.FriendRequestID) (friend.Request, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return friend.Request{}, err
	}
	for _, r := range s.requests {
		if r.ID == id {
			return r, nil
		}
	}
	return friend.Request{}, friend.ErrRequestNotFound
}

// Relation finds a relation.
func (s *Store) Relation(_ context.Context, pair friend.Pair) (friend.Relation, error) {
	err := s.enter()
	defer s.mu.Unlock()
	return s.relation(pair), err
}

// HandedOver notes a hand-over.
func (s *Store) HandedOver(_ context.Context, pair friend.Pair, version int64, conversation ids.ConversationID) error {
	err := s.enter()
	defer s.mu.Unlock()
	r, ok := s.relations[pair]
	if err != nil || !ok || r.Version != version {
		return err
	}
	r.PendingSince = 0
	if !conversation.IsZero() {
		r.ConversationID = conversation
		s.opened[pair] = conversation
	}
	s.relations[pair] = r
	return nil
}

// Waiting lists what waits.
func (s *Store) Waiting(_ context.Context, since int64, limit int) ([]friend.Relation, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var list []friend.Relation
	for _, r := range s.relations {
		if r.PendingSince > 0 && r.PendingSince <= since {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b friend.Relation) int { return cmp.Compare(a.PendingSince, b.PendingSince) })
	return list[:min(len(list), limit)], nil
}

// Requests lists requests.
func (s *Store) Requests(_ context.Context, q friend.RequestQuery) ([]friend.Request, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var list []friend.Request
	for _, r := range s.requests {
		mine := r.Applicant == q.User && q.Side != friend.Incoming || r.Respondent == q.User && q.Side != friend.Outgoing && !r.Hidden
		after := q.Before == (friend.Place{}) || comparePlaces(friend.Place{At: r.CreatedAt, ID: r.ID}, q.Before) < 0
		if mine && after && r.State == friend.Pending && r.CreatedAt > q.MadeAfter {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b friend.Request) int {
		return comparePlaces(friend.Place{At: b.CreatedAt, ID: b.ID}, friend.Place{At: a.CreatedAt, ID: a.ID})
	})
	return list[:min(len(list), q.Limit)], nil
}

func comparePlaces(a, b friend.Place) int {
	return cmp.Or(cmp.Compare(a.At, b.At), bytes.Compare(a.ID[:], b.ID[:]))
}

// friends needs mu.
func (s *Store) friends(user ids.UserID) []friend.Friendship {
	var list []friend.Friendship
	for pair, r := range s.relations {
		other := pair.Low
		if pair.Low == user {
			other = pair.High
		}
		if r.Friends && (pair.Low == user || pair.High == user) {
			list = append(list, friend.Friendship{
				FriendID: other, Since: r.Since, ConversationID: s.opened[pair], Remark: s.remarks[way{user, other}],
			})
		}
	}
	return list
}

// Friends lists friends.
func (s *Store) Friends(_ context.Context, q friend.ListQuery) ([]friend.Friendship, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	place := func(f friend.Friendship) friend.Place { return friend.Place{At: f.Since, ID: f.FriendID} }
	list := slices.DeleteFunc(s.friends(q.User), func(f friend.Friendship) bool { return comparePlaces(place(f), q.After) <= 0 })
	slices.SortFunc(list, func(a, b friend.Friendship) int { return comparePlaces(place(a), place(b)) })
	return list[:min(len(list), q.Limit)], nil
}

// FriendIDs lists ids.
func (s *Store) FriendIDs(_ context.Context, user ids.UserID) ([]ids.UserID, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var list []ids.UserID
	for _, f := range s.friends(user) {
		list = append(list, f.FriendID)
	}
	return list, nil
}

// FriendsAmong picks friends.
func (s *Store) FriendsAmong(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	all, err := s.FriendIDs(ctx, user)
	return slices.DeleteFunc(all, func(id ids.UserID) bool { return !slices.Contains(people, id) }), err
}
