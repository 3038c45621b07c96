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

func TestAGroupOfTenThousandLeavesInParcels(t *testing.T) {
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
		reached := 0
		for _, s := range w.courier.Sent() {
			if len(s.Delivery.Users) > 1000 {
				t.Fatalf("a delivery for %d users", len(s.Delivery.Users))
			}
			reached += len(s.Delivery.Users)
		}
		if reached != 120*len(members) || w.groups.Asked() != 120 {
			t.Errorf("%d reached, asked %d times", reached, w.groups.Asked())
		}
	})
}
