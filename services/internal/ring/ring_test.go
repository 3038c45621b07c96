// SPDX-License-Identifier: Apache-2.0

package ring_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/ring"
)

func member(seat uint32, uid string, ready, serving bool) ring.Member {
	return ring.Member{
		Seat: seat, Pod: fmt.Sprintf("gateway-%d-%s", seat, uid), UID: uid,
		URL: fmt.Sprintf("http://gateway-%d-%s:9090", seat, uid), Ready: ready, Serving: serving,
	}
}

func seats(numbers ...uint32) []ring.Member {
	members := make([]ring.Member, 0, len(numbers))
	for _, seat := range numbers {
		members = append(members, member(seat, "u", true, true))
	}
	return members
}

// user makes the id whose last eight bytes are n.
func user(n uint64) ids.UserID {
	var id ids.UserID
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

// The numbers were taken once; a change of hash, of its input or of the tie rule would move every user
// at an upgrade.
func TestTheSeatOfAUserNeverChanges(t *testing.T) {
	t.Parallel()
	view := ring.NewView(seats(0, 1, 2, 3, 4))
	var got []uint32
	for n := range uint64(16) {
		seat, ok := view.Seat(user(n + 1))
		if !ok {
			t.Fatal("no seat")
		}
		got = append(got, seat)
	}
	want := []uint32{3, 0, 4, 2, 1, 2, 3, 4, 3, 0, 2, 4, 3, 0, 1, 3}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if got, want := view.Epoch(), uint64(0xc126c056b0aaf90f); got != want {
		t.Fatalf("epoch %#x, want %#x", got, want)
	}
}

func TestTheHomePodOfASeat(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		members []ring.Member
		want    string // UID; empty: no home
	}{
		"an empty ring has no home":                       {nil, ""},
		"a pod that does not serve is not there":          {[]ring.Member{member(0, "a", false, false)}, ""},
		"one ready pod":                                   {[]ring.Member{member(0, "a", true, true)}, "a"},
		"a ready pod serves, whatever the flag says":      {[]ring.Member{member(0, "a", true, false)}, "a"},
		"of two ready pods the lower UID":                 {[]ring.Member{member(0, "b", true, true), member(0, "a", true, true)}, "a"},
		"a ready pod before a terminating one":            {[]ring.Member{member(0, "a", false, true), member(0, "b", true, true)}, "b"},
		"a terminating pod while no successor is ready":   {[]ring.Member{member(0, "a", false, true), member(0, "b", false, false)}, "a"},
		"of two terminating pods the lower UID":           {[]ring.Member{member(0, "b", false, true), member(0, "a", false, true)}, "a"},
		"of two ready and one terminating, the ready low": {[]ring.Member{member(0, "c", true, true), member(0, "b", true, true), member(0, "a", false, true)}, "b"},
	} {
		home, ok := ring.NewView(row.members).Home(user(1))
		if ok != (row.want != "") || home.UID != row.want {
			t.Errorf("%s: got %q, %t", name, home.UID, ok)
		}
		if _, ok := ring.NewView(row.members).Seat(user(1)); ok != (row.want != "") {
			t.Errorf("%s: seat says %t", name, ok)
		}
	}
}

func TestANewPodOfASeatInheritsItsUsers(t *testing.T) {
	t.Parallel()
	before := ring.NewView(seats(0, 1, 2))
	after := ring.NewView(append(seats(0, 2), member(1, "u", false, true), member(1, "v", true, true)))
	for n := range uint64(1000) {
		was, _ := before.Home(user(n))
		is, _ := after.Home(user(n))
		if was.Seat != is.Seat {
			t.Fatalf("user %d moved from seat %d to %d", n, was.Seat, is.Seat)
		}
		if is.Seat == 1 && is.UID != "v" {
			t.Fatalf("user %d has home %q", n, is.UID)
		}
	}
}

func TestUsersAreSpreadEvenly(t *testing.T) {
	t.Parallel()
	const users, count = 50_000, 7
	view := ring.NewView(seats(0, 1, 2, 3, 4, 5, 6))
	shares := map[uint32]int{}
	for n := range uint64(users) {
		seat, _ := view.Seat(user(n))
		shares[seat]++
	}
	for seat := range uint32(count) {
		// Five standard deviations of a fair choice (about 78) on either side.
		if got, fair := shares[seat], users/count; got < fair-400 || got > fair+400 {
			t.Errorf("seat %d has %d users, fair are %d", seat, got, fair)
		}
	}
}

func TestOnlyTheUsersOfASeatMove(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.Uint32Range(0, 199), 2, 12, rapid.ID).Draw(t, "seats")
		gone := rapid.SampledFrom(numbers).Draw(t, "gone")
		left := slices.DeleteFunc(slices.Clone(numbers), func(n uint32) bool { return n == gone })
		all, rest := ring.NewView(seats(numbers...)), ring.NewView(seats(left...))
		start := rapid.Uint64().Draw(t, "start")
		for n := range uint64(200) {
			was, _ := all.Seat(user(start + n))
			is, _ := rest.Seat(user(start + n))
			if was != gone && was != is {
				t.Fatalf("user of seat %d moved to %d when seat %d left", was, is, gone)
			}
			if is == gone {
				t.Fatalf("user went to the seat that left")
			}
		}
	})
}

func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.Custom(func(t *rapid.T) ring.Member {
			return member(
				rapid.Uint32Range(0, 4).Draw(t, "seat"),
				rapid.StringMatching(`[a-d]`).Draw(t, "uid"),
				rapid.Bool().Draw(t, "ready"), rapid.Bool().Draw(t, "serving"),
			)
		})
		members := rapid.SliceOfNDistinct(one, 0, 10, func(m ring.Member) string { return m.Pod }).Draw(t, "members")
		shuffled := rapid.Permutation(members).Draw(t, "shuffled")
		a, b := ring.NewView(members), ring.NewView(shuffled)
		if a.Epoch() != b.Epoch() {
			t.Fatal("epochs differ")
		}
		if diff := cmp.Diff(a.Members(), b.Members()); diff != "" {
			t.Fatal(diff)
		}
		for n := range uint64(20) {
			x, _ := a.Home(user(n))
			y, _ := b.Home(user(n))
			if x != y {
				t.Fatalf("homes differ: %v, %v", x, y)
			}
		}
	})
}

func TestTheEpochTellsRingsApart(t *testing.T) {
	t.Parallel()
	seen := map[uint64]string{}
	for name, members := range map[string][]ring.Member{
		"empty":                     nil,
		"one seat":                  seats(0),
		"another seat":              seats(1),
		"two seats":                 seats(0, 1),
		"another pod":               {member(0, "v", true, true)},
		"the same pod, terminating": {member(0, "u", false, true)},
		"another address":           {{Seat: 0, Pod: "gateway-0-u", UID: "u", URL: "http://other", Ready: true, Serving: true}},
		"two pods of a seat":        {member(0, "u", true, true), member(0, "v", true, true)},
	} {
		epoch := ring.NewView(members).Epoch()
		if other, ok := seen[epoch]; ok {
			t.Errorf("%s has the epoch of %s", name, other)
		}
		seen[epoch] = name
	}
	if ring.NewView(seats(0)).Epoch() != ring.NewView(append(seats(0), member(9, "x", false, false))).Epoch() {
		t.Error("a pod that does not serve changes the epoch")
	}
}

func TestAViewIsNotChangedFromOutside(t *testing.T) {
	t.Parallel()
	members := seats(0, 1)
	view := ring.NewView(members)
	members[0].Pod = "changed"
	view.Members()[1].Pod = "changed"
	for _, m := range view.Members() {
		if m.Pod == "changed" {
			t.Fatal("the view was changed")
		}
	}
}

func TestAStaticSourceTellsOfChanges(t *testing.T) {
	t.Parallel()
	source := ring.Static(seats(0)...)
	changed := source.Changed()
	source.Set(seats(0)...)
	select {
	case <-changed:
		t.Fatal("an equal ring was announced")
	default:
	}
	source.Set(seats(0, 1)...)
	select {
	case <-changed:
	default:
		t.Fatal("a change was not announced")
	}
	if got := len(source.View().Members()); got != 2 {
		t.Fatalf("%d members", got)
	}
	select {
	case <-source.Changed():
		t.Fatal("the new channel is closed already")
	default:
	}
}

func TestParseMembers(t *testing.T) {
	t.Parallel()
	two := []ring.Member{
		{Seat: 0, Pod: "gateway-0", UID: "gateway-0", URL: "http://127.0.0.1:9090", Ready: true, Serving: true},
		{Seat: 7, Pod: "gateway-7", UID: "gateway-7", URL: "https://gw7.example:443", Ready: true, Serving: true},
	}
	for name, row := range map[string]struct {
		text string
		want []ring.Member
		ok   bool
	}{
		"nothing":                        {"", nil, true},
		"blanks":                         {"  ", nil, true},
		"two seats":                      {"0=gateway-0@http://127.0.0.1:9090,7=gateway-7@https://gw7.example:443", two, true},
		"blanks between":                 {"0=gateway-0@http://127.0.0.1:9090, 7=gateway-7@https://gw7.example:443", two, true},
		"a seat twice":                   {"0=a@http://h:1,0=b@http://h:2", nil, false},
		"a pod twice":                    {"0=a@http://h:1,1=a@http://h:2", nil, false},
		"a trailing comma":               {"0=a@http://h:1,", nil, false},
		"a seat that is no number":       {"x=a@http://h:1", nil, false},
		"a negative seat":                {"-1=a@http://h:1", nil, false},
		"a seat past 32 bits":            {"4294967296=a@http://h:1", nil, false},
		"no pod":                         {"0=@http://h:1", nil, false},
		"no equals sign":                 {"0@http://h:1", nil, false},
		"no address":                     {"0=a", nil, false},
		"an address without a host":      {"0=a@http://", nil, false},
		"an address of another protocol": {"0=a@ftp://h:1", nil, false},
		"an address without a scheme":    {"0=a@h:1", nil, false},
	} {
		got, err := ring.ParseMembers(row.text)
		if (err == nil) != row.ok {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func FuzzParseMembers(f *testing.F) {
	f.Add("0=gateway-0@http://127.0.0.1:9090")
	f.Fuzz(func(t *testing.T, text string) {
		members, err := ring.ParseMembers(text)
		if err == nil && len(ring.NewView(members).Members()) != len(members) {
			t.Fatalf("members of %q are lost", text)
		}
	})
}

func TestWhoIsHomeAndWhoEnds(t *testing.T) {
	t.Parallel()
	old := ring.Member{Seat: 0, Pod: "old", UID: "a", Serving: true, Ending: true}
	successor := ring.Member{Seat: 0, Pod: "new", UID: "b", Ready: true, Serving: true}
	left := ring.Member{Seat: 1, Pod: "left", UID: "c", Ending: true}
	starts := ring.Member{Seat: 2, Pod: "starts", UID: "d"}
	view := ring.NewView([]ring.Member{old, successor, left, starts})
	if view.IsHome("old") || !view.IsHome("new") || view.IsHome("left") {
		t.Error("the successor is the home of its seat, and only that seat serves")
	}
	if diff := cmp.Diff([]string{"left", "old"}, view.Ending()); diff != "" {
		t.Error(diff)
	}
	source := ring.Static(old, successor, left)
	changed := source.Changed()
	source.Set(old, successor)
	select {
	case <-changed:
	default:
		t.Error("nobody heard that a pod which had left is gone")
	}
	if source.View().Epoch() != view.Epoch() {
		t.Error("a pod that has left counts in the epoch")
	}
}
