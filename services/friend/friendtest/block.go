// SPDX-License-Identifier: Apache-2.0

package friendtest

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
)

// readOwner needs mu.
func (s *Store) readOwner(q friend.Query, snapshot *friend.Snapshot) {
	other := q.Pair.Low
	if q.Owner == other {
		other = q.Pair.High
	}
	snapshot.Remark = s.remarks[way{q.Owner, other}]
	if !q.Count {
		return
	}
	for w := range s.blocks {
		if w.owner == q.Owner {
			snapshot.Blocks++
		}
	}
}

// writeKept needs mu.
func (s *Store) writeKept(c friend.Change) {
	if b := c.Block; b != nil {
		s.blocks[way{b.Owner, b.Blocked}] = *b
	}
	if b := c.Unblock; b != nil {
		delete(s.blocks, way{b.Owner, b.Blocked})
	}
	if r := c.Remark; r != nil {
		s.remarks[way{r.Owner, r.Friend}] = r.Text
	}
}

// Blocked lists blocks.
func (s *Store) Blocked(_ context.Context, q friend.ListQuery) ([]friend.Block, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	place := func(b friend.Block) friend.Place { return friend.Place{At: b.Since, ID: b.Blocked} }
	var list []friend.Block
	for w, b := range s.blocks {
		if w.owner == q.User && comparePlaces(place(b), q.After) > 0 {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b friend.Block) int { return comparePlaces(place(a), place(b)) })
	return list[:min(len(list), q.Limit)], nil
}

// BlockedAmong picks whom a block keeps apart.
func (s *Store) BlockedAmong(_ context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var list []ids.UserID
	for _, other := range people {
		_, mine := s.blocks[way{user, other}]
		_, theirs := s.blocks[way{other, user}]
		if mine || theirs {
			list = append(list, other)
		}
	}
	return list, nil
}
