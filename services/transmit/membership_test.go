// SPDX-License-Identifier: Apache-2.0

package transmit_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/transmit"
	"github.com/parley-chat/parley/services/transmit/transmittest"
)

func to(m transmit.Membership, e transmit.Event) transmit.Event {
	e.MembersOf = m
	return e
}

func TestMembersAreLookedUpOncePerVersion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		amy, ben, cho := ids.NewUser(), ids.NewUser(), ids.NewUser()
		for _, user := range []ids.UserID{amy, ben, cho} {
			w.ring.Move(user, "gateway-0")
		}
		first := transmit.Membership{Group: ids.NewConversation(), Rev: 1}
		second := transmit.Membership{Group: first.Group, Rev: 2}
		w.groups.Set(first, amy, ben, cho)
		w.groups.Set(second, amy, ben)
		for _, events := range [][]transmit.Event{
			{to(first, durable("one")), to(first, durable("two"))},
			{to(second, durable("three", cho))}, // cho left with this
			{to(second, durable("four")), to(first, durable("late"))},
		} {
			if err := w.forward(t.Context(), events...); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{
			"gateway-0 one to 3", "gateway-0 two to 3", "gateway-0 three to 3", "gateway-0 four to 2", "gateway-0 late to 3",
		}
		if diff := cmp.Diff(want, brief(w.courier.Sent())); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
		if slices.Contains(w.courier.Sent()[3].Delivery.Users, cho) {
			t.Error("who left hears what comes later")
		}
		if n := w.groups.Asked(); n != 2 {
			t.Errorf("asked %d times for two versions", n)
		}
	})
}

func TestAnEventWhoseMembersAreNotKnownComesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		amy := ids.NewUser()
		w.ring.Move(amy, "gateway-0")
		m := transmit.Membership{Group: ids.NewConversation(), Rev: 1}
		w.groups.Set(m, amy)
		w.groups.SetAway(true)
		if err := w.forward(t.Context(), to(m, durable("hi"))); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("settled with %v", err)
		}
		w.groups.SetAway(false)
		if err := w.forward(t.Context(), to(m, durable("hi"))); err != nil || len(w.courier.Sent()) != 1 {
			t.Errorf("settled with %v, %d deliveries", err, len(w.courier.Sent()))
		}
	})
}

func TestAMessageToACrowdIsOneDeliveryForEachPod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		members := make([]ids.UserID, 10_000)
		for i := range members {
			members[i] = ids.NewUser()
		}
		w.ring.Spread(members, "gateway-0", "gateway-1")
		// More large groups than the cache holds: each version is still answered with its own members.
		for range 120 {
			m := transmit.Membership{Group: ids.NewConversation(), Rev: 1}
			w.groups.Set(m, members...)
			if err := w.forward(t.Context(), to(m, durable("hi"))); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(w.courier.Sent()); n != 240 || w.groups.Asked() != 120 {
			t.Errorf("%d deliveries, asked %d times", n, w.groups.Asked())
		}
		checkHomes(t, w, w.courier.Sent(), members)
	})
}

// checkHomes fails unless each pod gets its own users, and all hear equally often.
func checkHomes(t *testing.T, w *world, sent []transmittest.Sent, members []ids.UserID) {
	t.Helper()
	view, heard := w.ring.View(), map[ids.UserID]int{}
	for _, s := range sent {
		for _, user := range s.Delivery.Users {
			if home, _ := view.Home(user); home != s.Pod {
				t.Fatalf("%s gets a user at home on %s", s.Pod, home)
			}
			heard[user]++
		}
	}
	for _, user := range members {
		if heard[user] != heard[members[0]] {
			t.Fatalf("one hears %d times, another %d", heard[user], heard[members[0]])
		}
	}
}

func TestACrowdFollowsTheRing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		members := make([]ids.UserID, 1200)
		for i := range members {
			members[i] = ids.NewUser()
		}
		left := ids.NewUser()
		m := transmit.Membership{Group: ids.NewConversation(), Rev: 2}
		w.groups.Set(m, members...)
		for _, pods := range [][]string{{"gateway-0"}, {"gateway-0", "gateway-1"}, {"gateway-1", "gateway-2", "gateway-0"}} {
			w.ring.Spread(append(slices.Clone(members), left), pods...)
			before := len(w.courier.Sent())
			for _, e := range []transmit.Event{to(m, durable("one")), to(m, durable("two", left, members[3])), to(m, durable("three"))} {
				if err := w.forward(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			sent := w.courier.Sent()[before:]
			if len(sent) != 3*len(pods) {
				t.Errorf("%d deliveries to %d pods", len(sent), len(pods))
			}
			checkHomes(t, w, sent, members)
		}
		if n := w.groups.Asked(); n != 1 {
			t.Errorf("asked %d times for one version", n)
		}
	})
}
