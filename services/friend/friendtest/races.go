// SPDX-License-Identifier: Apache-2.0

package friendtest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
)

func testPairRace(t *testing.T, s Storage) {
	pair := friend.PairOf(ids.NewUser(), ids.NewUser())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			err := s.Update(t.Context(), friend.Query{Pair: pair, Count: true}, func(snapshot friend.Snapshot) (friend.Change, error) {
				r := snapshot.Relation
				r.Version++
				r.Friends = !r.Friends
				return friend.Change{Relation: &r}, nil
			})
			if err != nil {
				t.Errorf("update: %v", err)
			}
		})
	}
	wg.Wait()
	if got, err := s.Relation(t.Context(), pair); err != nil || got.Version != 20 || got.Friends {
		t.Errorf("relation %+v, %v; want version 20 and no friends", got, err)
	}
}

func testQuotaRace(t *testing.T, s Storage) {
	f := NewFixtureOn(s)
	me := f.Users.Add("me")
	var done atomic.Int64
	var wg sync.WaitGroup
	limit := make(chan struct{}, 16)
	for i := range 120 {
		other := f.Users.Add(fmt.Sprintf("other%d", i))
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			switch _, err := f.SendRequest(t.Context(), Wish(me, other)); {
			case err == nil:
				done.Add(1)
			case !errors.Is(err, friend.ErrQuotaExceeded):
				t.Errorf("request: %v", err)
			}
		})
	}
	wg.Wait()
	if done.Load() != 100 {
		t.Errorf("%d requests wait, want 100", done.Load())
	}
}

func testCrossingRace(t *testing.T, s Storage) {
	f := NewFixtureOn(s)
	ann, bob := f.Users.Add("ann"), f.Users.Add("bob")
	var wg sync.WaitGroup
	limit := make(chan struct{}, 16)
	for i := range 200 {
		wish := Wish(ann, bob)
		if i%2 == 1 {
			wish = Wish(bob, ann)
		}
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			_, err := f.SendRequest(t.Context(), wish)
			if err != nil && !errors.Is(err, friend.ErrAlreadyFriends) && !errors.Is(err, friend.ErrRequestPending) {
				t.Errorf("request: %v", err)
			}
		})
	}
	wg.Wait()
	relation, err := s.Relation(t.Context(), friend.PairOf(ann.ID, bob.ID))
	conversation := f.Conversations.Of(ann.ID, bob.ID)
	if err != nil || relation.Version != 1 || !relation.Friends || relation.PendingSince != 0 || relation.ConversationID != conversation.ID {
		t.Errorf("relation %+v, %v; want friends at version 1 with the one conversation", relation, err)
	}
	checkFriends(t, s, ann.ID, bob.ID)
	checkFriends(t, s, bob.ID, ann.ID)
	var kinds []friend.EventKind
	for _, e := range f.Published.Events() {
		kinds = append(kinds, e.Kind)
	}
	if !slices.Equal(kinds, []friend.EventKind{friend.Requested, friend.Responded}) {
		t.Errorf("events %v, want one request and one response", kinds)
	}
	if page, err := f.ListRequests(t.Context(), ann.ID, friend.BothSides, 0, ""); err != nil || len(page.Requests) != 0 {
		t.Errorf("%d requests wait, %v; want none", len(page.Requests), err)
	}
}

// testMixedRace: whatever happens, at rest the friendship, both lists and the conversation agree.
func testMixedRace(t *testing.T, s Storage) {
	f := NewFixtureOn(s)
	ann, bob := f.Users.Add("ann"), f.Users.Add("bob")
	var wg sync.WaitGroup
	for i := range 60 {
		from, to := ann, bob
		if i%2 == 1 {
			from, to = bob, ann
		}
		wg.Go(func() {
			if i%3 == 0 {
				if err := f.RemoveFriend(t.Context(), from.ID, to.ID); err != nil {
					t.Errorf("remove: %v", err)
				}
				return
			}
			_, err := f.SendRequest(t.Context(), Wish(from, to))
			if err != nil && !errors.Is(err, friend.ErrAlreadyFriends) && !errors.Is(err, friend.ErrRequestPending) {
				t.Errorf("request: %v", err)
			}
		})
	}
	wg.Wait()
	f.Clock.Advance(sweepWait)
	if err := f.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	relation, err := s.Relation(t.Context(), friend.PairOf(ann.ID, bob.ID))
	if err != nil || relation.PendingSince != 0 {
		t.Errorf("relation %+v, %v; want nothing to wait", relation, err)
	}
	conversation := f.Conversations.Of(ann.ID, bob.ID)
	if conversation.Open != relation.Friends || relation.Version > 0 && conversation.Version != relation.Version && relation.Friends {
		t.Errorf("conversation %+v, relation %+v; want them to agree", conversation, relation)
	}
	if relation.Friends {
		checkFriends(t, s, ann.ID, bob.ID)
		checkFriends(t, s, bob.ID, ann.ID)
	} else {
		checkFriends(t, s, ann.ID)
		checkFriends(t, s, bob.ID)
	}
}
