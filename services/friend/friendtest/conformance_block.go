// SPDX-License-Identifier: Apache-2.0

package friendtest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
)

func testBlocks(t *testing.T, s Storage) {
	me := ids.NewUser()
	var want []friend.Block
	for i := range 5 {
		b := friend.Block{Owner: me, Blocked: ids.NewUser(), Since: int64(1000 - i/2)} // some of one time
		apply(t, s, friend.PairOf(me, b.Blocked), friend.Change{Block: &b})
		want = append(want, b)
	}
	theirs := friend.Block{Owner: ids.NewUser(), Blocked: me, Since: 5}
	apply(t, s, friend.PairOf(me, theirs.Owner), friend.Change{Block: &theirs})
	slices.SortFunc(want, func(a, b friend.Block) int {
		if a.Since != b.Since {
			return int(a.Since - b.Since)
		}
		return a.Blocked.Compare(b.Blocked)
	})
	for size := 1; size <= 6; size++ {
		var got []friend.Block
		q := friend.ListQuery{User: me, Limit: size}
		for {
			page, err := s.Blocked(t.Context(), q)
			if err != nil || len(page) > size {
				t.Fatalf("page of %d, %v", len(page), err)
			}
			for _, b := range page {
				got = append(got, b)
				q.After = friend.Place{At: b.Since, ID: b.Blocked}
			}
			if len(page) < size {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", size, diff)
		}
	}
	among, err := s.BlockedAmong(t.Context(), me, []ids.UserID{theirs.Owner, ids.NewUser(), want[0].Blocked})
	slices.SortFunc(among, ids.UserID.Compare)
	expected := []ids.UserID{theirs.Owner, want[0].Blocked}
	slices.SortFunc(expected, ids.UserID.Compare)
	if err != nil || !slices.Equal(among, expected) {
		t.Errorf("blocked among some: %v, %v; want both directions", among, err)
	}
	if none, err := s.BlockedAmong(t.Context(), me, nil); err != nil || len(none) != 0 {
		t.Errorf("blocked among nobody: %v, %v", none, err)
	}
	checkSides(t, s, want[0], true, 5)
	apply(t, s, friend.PairOf(me, want[0].Blocked), friend.Change{Unblock: &want[0]})
	checkSides(t, s, want[0], false, 4)
	checkSides(t, s, theirs, true, 1)
}

// checkSides looks at the snapshot of a block's pair.
func checkSides(t *testing.T, s Storage, b friend.Block, stands bool, count int) {
	t.Helper()
	pair := friend.PairOf(b.Owner, b.Blocked)
	got := see(t, s, friend.Query{Pair: pair, Owner: b.Owner, Count: true})
	mine, theirs := got.BlockedByLow, got.BlockedByHigh
	if b.Owner == pair.High {
		mine, theirs = theirs, mine
	}
	if mine != stands || theirs || got.Blocks != count {
		t.Errorf("blocked %v, by the other %v, %d in all; want %v, false, %d", mine, theirs, got.Blocks, stands, count)
	}
}

func testHidden(t *testing.T, s Storage) {
	shown, hidden := newRequest(ids.NewUser(), ids.NewUser(), 10), newRequest(ids.NewUser(), ids.NewUser(), 10)
	hidden.Respondent, hidden.Hidden = shown.Respondent, true
	insert(t, s, shown)
	insert(t, s, hidden)
	list := func(user ids.UserID) []ids.FriendRequestID {
		return listAll(t, s, friend.RequestQuery{User: user, MadeAfter: 1, Limit: 10})
	}
	if got := list(shown.Respondent); len(got) != 1 || got[0] != shown.ID {
		t.Errorf("the respondent sees %v, want the shown one", got)
	}
	if got := list(hidden.Applicant); len(got) != 1 || got[0] != hidden.ID {
		t.Errorf("the applicant sees %v, want the request", got)
	}
	shown.Hidden = true
	apply(t, s, friend.PairOf(shown.Applicant, shown.Respondent), friend.Change{Decided: []friend.Request{shown}})
	if got := list(shown.Respondent); len(got) != 0 {
		t.Errorf("hidden later, the respondent sees %v", got)
	}
	if got, err := s.Request(t.Context(), shown.ID); err != nil || !got.Hidden || got.State != friend.Pending {
		t.Errorf("request %+v, %v; want it hidden and still waiting", got, err)
	}
}

func testRemark(t *testing.T, s Storage) {
	a, b := ids.NewUser(), ids.NewUser()
	pair := friend.PairOf(a, b)
	befriend(t, s, a, b, 10)
	apply(t, s, pair, friend.Change{Remark: &friend.Remark{Owner: a, Friend: b, Text: " 老板 👩‍💻"}})
	for owner, want := range map[ids.UserID]string{a: " 老板 👩‍💻", b: ""} {
		list, err := s.Friends(t.Context(), friend.ListQuery{User: owner, Limit: 10})
		if err != nil || len(list) != 1 || list[0].Remark != want {
			t.Errorf("friends %+v, %v; want the remark %q", list, err, want)
		}
		if got := see(t, s, friend.Query{Pair: pair, Owner: owner}); got.Remark != want {
			t.Errorf("snapshot %q, want %q", got.Remark, want)
		}
	}
	part(t, s, a, b, 20)
	befriend(t, s, a, b, 30)
	if got := see(t, s, friend.Query{Pair: pair, Owner: a}); got.Remark != "" {
		t.Errorf("friends again, the remark is %q", got.Remark)
	}
}

// testThousandPairs: two people who ask each other at the same moment, a thousand times.
func testThousandPairs(t *testing.T, s Storage) {
	const pairs = 1000
	f := NewFixtureOn(s)
	var wg sync.WaitGroup
	limit := make(chan struct{}, 8)
	for i := range pairs {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			testOnePair(t, f, i)
		})
	}
	wg.Wait()
	counts := map[friend.EventKind]int{}
	for _, e := range f.Published.Events() {
		counts[e.Kind]++
	}
	if counts[friend.Requested] != pairs || counts[friend.Responded] != pairs {
		t.Errorf("events %v, want one request and one response a pair", counts)
	}
	if n := f.Conversations.Calls(); n != pairs {
		t.Errorf("the message service was called %d times, want once a pair", n)
	}
}

func testOnePair(t *testing.T, f *Fixture, i int) {
	a, b := f.Users.Add(fmt.Sprintf("a%d", i)), f.Users.Add(fmt.Sprintf("b%d", i))
	var both sync.WaitGroup
	for _, wish := range []friend.Wish{Wish(a, b), Wish(b, a)} {
		both.Go(func() {
			if _, err := f.SendRequest(t.Context(), wish); err != nil {
				t.Errorf("pair %d: %v", i, err)
			}
		})
	}
	both.Wait()
	relation, err := f.storage.Relation(t.Context(), friend.PairOf(a.ID, b.ID))
	conversation := f.Conversations.Of(a.ID, b.ID)
	if err != nil || !relation.Friends || relation.Version != 1 || relation.PendingSince != 0 ||
		!conversation.Open || relation.ConversationID != conversation.ID {
		t.Errorf("pair %d: relation %+v, conversation %+v, %v; want one friendship and its conversation", i, relation, conversation, err)
	}
	checkFriends(t, f.storage, a.ID, b.ID)
	checkFriends(t, f.storage, b.ID, a.ID)
}

// testBlockRace: whatever happens, a block that stands and a friendship exclude each other.
func testBlockRace(t *testing.T, s Storage) {
	f := NewFixtureOn(s)
	ann, bob := f.Users.Add("ann"), f.Users.Add("bob")
	var wg sync.WaitGroup
	for i := range 60 {
		from, to := ann, bob
		if i%2 == 1 {
			from, to = bob, ann
		}
		wg.Go(func() {
			var err error
			switch i % 3 {
			case 0:
				err = f.BlockUser(t.Context(), from.ID, to.ID)
			case 1:
				err = f.UnblockUser(t.Context(), from.ID, to.ID)
			default:
				_, err = f.SendRequest(t.Context(), Wish(from, to))
			}
			if err != nil && !errors.Is(err, friend.ErrAlreadyFriends) && !errors.Is(err, friend.ErrRequestPending) && !errors.Is(err, friend.ErrBlocked) {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	f.Clock.Advance(sweepWait)
	if err := f.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := see(t, s, friend.Query{Pair: friend.PairOf(ann.ID, bob.ID)})
	if got.Relation.Friends && (got.BlockedByLow || got.BlockedByHigh) {
		t.Errorf("snapshot %+v: friends, and one blocks the other", got)
	}
	if open := f.Conversations.Of(ann.ID, bob.ID).Open; open != got.Relation.Friends {
		t.Errorf("conversation open: %v, friends: %v", open, got.Relation.Friends)
	}
}
