// SPDX-License-Identifier: Apache-2.0

package friendtest

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
)

// TestStorage is what every Storage has to pass. Open makes an empty one.
func TestStorage(t *testing.T, open func(t *testing.T) Storage) {
	t.Helper()
	rows := map[string]func(*testing.T, Storage){
		"a request comes back as it was stored":                   testRequestRoundTrip,
		"a snapshot holds what was asked for":                     testSnapshot,
		"a key stands for one request of its applicant":           testKey,
		"counts see friends and requests that wait":               testCounts,
		"an error of the decision writes nothing":                 testRefusal,
		"a friendship has two sides and goes on both":             testFriendship,
		"a hand-over is noted for its version only":               testHandOver,
		"hand-overs wait in order until they are noted":           testWaiting,
		"requests are listed newest first, by side, without old":  testListRequests,
		"friends are listed oldest first":                         testListFriends,
		"blocks are read in order, from both sides":               testBlocks,
		"a hidden request is for its applicant alone":             testHidden,
		"a remark goes with its friendship":                       testRemark,
		"1000 pairs who ask at once are friends once each":        testThousandPairs,
		"blocks and requests at once stay sound":                  testBlockRace,
		"changes of one pair come one after the other":            testPairRace,
		"counts hold when one person asks many at once":           testQuotaRace,
		"200 crossing requests make one friendship":               testCrossingRace,
		"acceptance, removal and new requests at once stay sound": testMixedRace,
	}
	for name, run := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t))
		})
	}
}

func newRequest(applicant, respondent ids.UserID, at int64) friend.Request {
	return friend.Request{
		ID: ids.NewFriendRequest(), Applicant: applicant, Respondent: respondent, Text: " Grüße \n你好 ",
		State: friend.Pending, CreatedAt: at, Key: ids.NewIdempotencyKey(),
	}
}

// apply writes a change whatever the state.
func apply(t *testing.T, s Storage, pair friend.Pair, change friend.Change) {
	t.Helper()
	err := s.Update(t.Context(), friend.Query{Pair: pair}, func(friend.Snapshot) (friend.Change, error) { return change, nil })
	if err != nil {
		t.Fatal(err)
	}
}

func insert(t *testing.T, s Storage, r friend.Request) {
	t.Helper()
	apply(t, s, friend.PairOf(r.Applicant, r.Respondent), friend.Change{Insert: &r})
}

// see answers what a query sees.
func see(t *testing.T, s Storage, q friend.Query) friend.Snapshot {
	t.Helper()
	var seen friend.Snapshot
	err := s.Update(t.Context(), q, func(snapshot friend.Snapshot) (friend.Change, error) {
		seen = snapshot
		return friend.Change{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func testRequestRoundTrip(t *testing.T, s Storage) {
	want := newRequest(ids.NewUser(), ids.NewUser(), 1000)
	insert(t, s, want)
	check := func() {
		t.Helper()
		got, err := s.Request(t.Context(), want.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("request: %v (-want +got):\n%s", err, diff)
		}
	}
	check()
	want.State, want.DecidedAt = friend.Refused, 2000
	apply(t, s, friend.PairOf(want.Applicant, want.Respondent), friend.Change{Decided: []friend.Request{want}})
	check()
	if _, err := s.Request(t.Context(), ids.NewFriendRequest()); !errors.Is(err, friend.ErrRequestNotFound) {
		t.Errorf("an unknown request: %v, want REQUEST_NOT_FOUND", err)
	}
}

func testSnapshot(t *testing.T, s Storage) {
	a, b, other := ids.NewUser(), ids.NewUser(), ids.NewUser()
	pair := friend.PairOf(a, b)
	decided := func(state friend.State, at int64) friend.Request {
		r := newRequest(a, b, 10)
		r.State, r.DecidedAt = state, at
		return r
	}
	waits, crossing := newRequest(a, b, 10), newRequest(b, a, 11)
	oldRefusal, newRefusal := decided(friend.Refused, 500), decided(friend.Refused, 600)
	accepted, cancelled := decided(friend.Accepted, 900), decided(friend.Cancelled, 900)
	for _, r := range []friend.Request{waits, crossing, oldRefusal, newRefusal, accepted, cancelled, newRequest(a, other, 10)} {
		insert(t, s, r)
	}
	rows := []struct {
		name  string
		query friend.Query
		want  []friend.Request
	}{
		{"what waits, in both directions", friend.Query{Pair: pair}, []friend.Request{waits, crossing}},
		{"refusals since a time", friend.Query{Pair: pair, RefusedSince: 600}, []friend.Request{waits, crossing, newRefusal}},
		{"one by id", friend.Query{Pair: pair, Request: accepted.ID}, []friend.Request{waits, crossing, accepted}},
		{"nothing of other pairs", friend.Query{Pair: friend.PairOf(b, other), Request: waits.ID, RefusedSince: 1}, nil},
	}
	byID := func(x, y friend.Request) int { return x.ID.Compare(y.ID) }
	for _, row := range rows {
		got := see(t, s, row.query)
		want := slices.SortedFunc(slices.Values(row.want), byID)
		have := slices.SortedFunc(slices.Values(got.Requests), byID)
		if len(want)+len(have) > 0 && !cmp.Equal(want, have) {
			t.Errorf("%s (-want +got):\n%s", row.name, cmp.Diff(want, have))
		}
		if got.Relation.Pair != row.query.Pair || got.Relation.Version != 0 || got.Keyed != nil {
			t.Errorf("%s: snapshot %+v, want a pair that never changed and no key", row.name, got)
		}
	}
}

func testKey(t *testing.T, s Storage) {
	first := newRequest(ids.NewUser(), ids.NewUser(), 10)
	insert(t, s, first)
	elsewhere := friend.PairOf(first.Applicant, ids.NewUser())
	got := see(t, s, friend.Query{Pair: elsewhere, Applicant: first.Applicant, Key: first.Key})
	if got.Keyed == nil || !cmp.Equal(*got.Keyed, first) {
		t.Errorf("under the key: %+v, want the request to somebody else", got.Keyed)
	}
	stranger := elsewhere.High
	if stranger == first.Applicant {
		stranger = elsewhere.Low
	}
	if got := see(t, s, friend.Query{Pair: elsewhere, Applicant: stranger, Key: first.Key}); got.Keyed != nil {
		t.Errorf("under the key of another applicant: %+v, want nothing", got.Keyed)
	}
	again := newRequest(first.Applicant, stranger, 20)
	again.Key = first.Key
	err := s.Update(t.Context(), friend.Query{Pair: elsewhere}, func(friend.Snapshot) (friend.Change, error) {
		return friend.Change{Insert: &again}, nil
	})
	if !errors.Is(err, friend.ErrKeyReused) {
		t.Errorf("a second request under the key: %v, want IDEMPOTENCY_KEY_REUSED", err)
	}
}

func befriend(t *testing.T, s Storage, a, b ids.UserID, at int64) friend.Relation {
	t.Helper()
	pair := friend.PairOf(a, b)
	relation := see(t, s, friend.Query{Pair: pair}).Relation
	relation.Version++
	relation.Friends, relation.Since, relation.PendingSince = true, at, at
	apply(t, s, pair, friend.Change{Relation: &relation})
	return relation
}

func part(t *testing.T, s Storage, a, b ids.UserID, at int64) friend.Relation {
	t.Helper()
	pair := friend.PairOf(a, b)
	relation := see(t, s, friend.Query{Pair: pair}).Relation
	relation.Version++
	relation.Friends, relation.Since, relation.PendingSince = false, 0, at
	apply(t, s, pair, friend.Change{Relation: &relation})
	return relation
}

func testCounts(t *testing.T, s Storage) {
	a, b := ids.NewUser(), ids.NewUser()
	for range 3 {
		befriend(t, s, a, ids.NewUser(), 5)
		insert(t, s, newRequest(a, ids.NewUser(), 100))
		insert(t, s, newRequest(ids.NewUser(), a, 100))
	}
	befriend(t, s, b, ids.NewUser(), 5)
	insert(t, s, newRequest(a, ids.NewUser(), 50))
	pair := friend.PairOf(a, b)
	got := see(t, s, friend.Query{Pair: pair, Applicant: a, Count: true, MadeAfter: 50})
	want := map[ids.UserID]int{a: 3, b: 1}
	if got.FriendsOfLow != want[pair.Low] || got.FriendsOfHigh != want[pair.High] || got.OutgoingPending != 3 {
		t.Errorf("friends %d and %d, pending %d; want %d, %d, 3",
			got.FriendsOfLow, got.FriendsOfHigh, got.OutgoingPending, want[pair.Low], want[pair.High])
	}
}

func testRefusal(t *testing.T, s Storage) {
	r := newRequest(ids.NewUser(), ids.NewUser(), 10)
	err := s.Update(t.Context(), friend.Query{Pair: friend.PairOf(r.Applicant, r.Respondent), Count: true},
		func(friend.Snapshot) (friend.Change, error) {
			return friend.Change{Insert: &r}, friend.ErrRequestPending
		})
	if !errors.Is(err, friend.ErrRequestPending) {
		t.Errorf("error %v, want the one of the decision", err)
	}
	if _, err := s.Request(t.Context(), r.ID); !errors.Is(err, friend.ErrRequestNotFound) {
		t.Errorf("the request of a refused change: %v, want REQUEST_NOT_FOUND", err)
	}
}

func testFriendship(t *testing.T, s Storage) {
	a, b, c := ids.NewUser(), ids.NewUser(), ids.NewUser()
	want := befriend(t, s, a, b, 10)
	befriend(t, s, a, c, 20)
	if got, err := s.Relation(t.Context(), friend.PairOf(b, a)); err != nil || got != want {
		t.Errorf("relation: %v %s", err, cmp.Diff(want, got))
	}
	checkFriends(t, s, a, b, c)
	checkFriends(t, s, b, a)
	part(t, s, b, a, 30)
	checkFriends(t, s, a, c)
	checkFriends(t, s, b)
	befriend(t, s, b, a, 40)
	checkFriends(t, s, b, a)
	got, err := s.FriendsAmong(t.Context(), a, []ids.UserID{c, ids.NewUser(), a})
	if err != nil || len(got) != 1 || got[0] != c {
		t.Errorf("friends among some: %v, %v; want one", got, err)
	}
	if got, err := s.FriendsAmong(t.Context(), a, nil); err != nil || len(got) != 0 {
		t.Errorf("friends among nobody: %v, %v", got, err)
	}
	pair := friend.PairOf(a, ids.NewUser())
	if got, err := s.Relation(t.Context(), pair); err != nil || got != (friend.Relation{Pair: pair}) {
		t.Errorf("a pair that never was: %+v, %v", got, err)
	}
}

func checkFriends(t *testing.T, s Storage, user ids.UserID, want ...ids.UserID) {
	t.Helper()
	got, err := s.FriendIDs(t.Context(), user)
	slices.SortFunc(got, ids.UserID.Compare)
	slices.SortFunc(want, ids.UserID.Compare)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("friends %v, %v; want %v", got, err, want)
	}
}

func testHandOver(t *testing.T, s Storage) {
	a, b := ids.NewUser(), ids.NewUser()
	pair, conversation := friend.PairOf(a, b), ids.NewConversation()
	first := befriend(t, s, a, b, 10)
	if err := s.HandedOver(t.Context(), pair, first.Version-1, conversation); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Relation(t.Context(), pair); err != nil || got != first {
		t.Errorf("after an older version: %v %s", err, cmp.Diff(first, got))
	}
	if err := s.HandedOver(t.Context(), pair, first.Version, conversation); err != nil {
		t.Fatal(err)
	}
	first.PendingSince, first.ConversationID = 0, conversation
	if got, err := s.Relation(t.Context(), pair); err != nil || got != first {
		t.Errorf("after its version: %v %s", err, cmp.Diff(first, got))
	}
	for user, other := range map[ids.UserID]ids.UserID{a: b, b: a} {
		list, err := s.Friends(t.Context(), friend.ListQuery{User: user, Limit: 10})
		want := []friend.Friendship{{FriendID: other, Since: 10, ConversationID: conversation}}
		if diff := cmp.Diff(want, list); err != nil || diff != "" {
			t.Errorf("friends: %v (-want +got):\n%s", err, diff)
		}
	}
	second := part(t, s, a, b, 20)
	if err := s.HandedOver(t.Context(), pair, second.Version, ids.ConversationID{}); err != nil {
		t.Fatal(err)
	}
	second.PendingSince = 0
	if got, err := s.Relation(t.Context(), pair); err != nil || got != second || got.ConversationID != conversation {
		t.Errorf("after the removal: %v %s; the conversation stays", err, cmp.Diff(second, got))
	}
}

func testWaiting(t *testing.T, s Storage) {
	var want []friend.Relation
	for i := range 4 {
		want = append(want, befriend(t, s, ids.NewUser(), ids.NewUser(), int64(100*(i+1))))
	}
	rows := []struct {
		since int64
		limit int
		want  []friend.Relation
	}{{99, 10, nil}, {200, 10, want[:2]}, {900, 3, want[:3]}}
	for _, row := range rows {
		got, err := s.Waiting(t.Context(), row.since, row.limit)
		if err != nil || !slices.Equal(got, row.want) {
			t.Errorf("waiting since %d: %v %s", row.since, err, cmp.Diff(row.want, got))
		}
	}
	if err := s.HandedOver(t.Context(), want[0].Pair, want[0].Version, ids.NewConversation()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Waiting(t.Context(), 900, 10); err != nil || !slices.Equal(got, want[1:]) {
		t.Errorf("after one was noted: %v %s", err, cmp.Diff(want[1:], got))
	}
}

func testListRequests(t *testing.T, s Storage) {
	me := ids.NewUser()
	var in, out, both []ids.FriendRequestID
	for i := range 6 {
		at := int64(1000 + i/2) // two of one time
		r := newRequest(me, ids.NewUser(), at)
		if i%2 == 0 {
			r.Applicant, r.Respondent = r.Respondent, me
			in = append(in, r.ID)
		} else {
			out = append(out, r.ID)
		}
		both = append(both, r.ID)
		insert(t, s, r)
	}
	done := newRequest(me, ids.NewUser(), 2000)
	done.State = friend.Cancelled
	insert(t, s, done)
	insert(t, s, newRequest(me, ids.NewUser(), 500)) // too old
	insert(t, s, newRequest(ids.NewUser(), ids.NewUser(), 2000))
	for _, row := range []struct {
		side friend.Side
		want []ids.FriendRequestID
	}{{friend.BothSides, both}, {friend.Incoming, in}, {friend.Outgoing, out}} {
		slices.Reverse(row.want) // newest first; version 7 ids grow
		for size := 1; size <= 7; size++ {
			if got := listAll(t, s, friend.RequestQuery{User: me, Side: row.side, MadeAfter: 999, Limit: size}); !slices.Equal(got, row.want) {
				t.Errorf("side %d in pages of %d: %s", row.side, size, cmp.Diff(row.want, got))
			}
		}
	}
}

func listAll(t *testing.T, s Storage, q friend.RequestQuery) []ids.FriendRequestID {
	t.Helper()
	var all []ids.FriendRequestID
	for {
		page, err := s.Requests(t.Context(), q)
		if err != nil || len(page) > q.Limit {
			t.Fatalf("page of %d, %v", len(page), err)
		}
		for _, r := range page {
			all = append(all, r.ID)
			q.Before = friend.Place{At: r.CreatedAt, ID: r.ID}
		}
		if len(page) < q.Limit {
			return all
		}
	}
}

func testListFriends(t *testing.T, s Storage) {
	me := ids.NewUser()
	type entry struct {
		since int64
		id    ids.UserID
	}
	var want []entry
	for i := range 7 {
		e := entry{int64(1000 - i/2), ids.NewUser()}
		befriend(t, s, me, e.id, e.since)
		want = append(want, e)
	}
	befriend(t, s, want[0].id, want[1].id, 1)
	slices.SortFunc(want, func(a, b entry) int {
		if a.since != b.since {
			return int(a.since - b.since)
		}
		return a.id.Compare(b.id)
	})
	for size := 1; size <= 8; size++ {
		var got []entry
		q := friend.ListQuery{User: me, Limit: size}
		for {
			page, err := s.Friends(t.Context(), q)
			if err != nil || len(page) > size {
				t.Fatalf("page of %d, %v", len(page), err)
			}
			for _, f := range page {
				got = append(got, entry{f.Since, f.FriendID})
				q.After = friend.Place{At: f.Since, ID: f.FriendID}
			}
			if len(page) < size {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %v, want %v", size, got, want)
		}
	}
}
