// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	const lease = 30 * time.Second
	user, instance := ids.UserID{1}, ids.InstanceID{2}
	first, second := ids.SessionID{1}, ids.SessionID{2}
	start := time.UnixMilli(1_000_000)
	type step struct {
		after  time.Duration
		holder string
		item   gateway.Registration
		want   gateway.Registered
	}
	open := func(s ids.SessionID, last int64) gateway.Registration {
		return gateway.Registration{Action: gateway.ActionOpen, User: user, Instance: instance, Session: s, Epoch: last}
	}
	renew := func(s ids.SessionID, epoch int64) gateway.Registration {
		return gateway.Registration{Action: gateway.ActionRenew, User: user, Instance: instance, Session: s, Epoch: epoch}
	}
	ended := func(s ids.SessionID) gateway.Registration {
		return gateway.Registration{Action: gateway.ActionClose, User: user, Instance: instance, Session: s, Epoch: 5}
	}
	for name, row := range map[string]struct {
		steps   []step
		holders []string
	}{
		"a new connection gets the time as its epoch": {
			steps:   []step{{0, "a", open(first, 0), gateway.Registered{Epoch: 1_000_000}}},
			holders: []string{"a"},
		},
		"the client's last epoch is passed, also with a fast clock": {
			steps:   []step{{0, "a", open(first, 9_000_000), gateway.Registered{Epoch: 9_000_001}}},
			holders: []string{"a"},
		},
		"a last epoch that cannot be is not followed": {
			steps: []step{
				{0, "a", open(first, math.MaxInt64), gateway.Registered{Epoch: 1_000_001 + 365*24*3600*1000}},
				{0, "b", open(second, 0), gateway.Registered{Epoch: 1_000_002 + 365*24*3600*1000}},
			},
			holders: []string{"b"},
		},
		"a second connection in the same millisecond is newer": {
			steps: []step{
				{0, "a", open(first, 0), gateway.Registered{Epoch: 1_000_000}},
				{0, "b", open(second, 0), gateway.Registered{Epoch: 1_000_001}},
			},
			holders: []string{"b"},
		},
		"the older connection is superseded when it renews": {
			steps: []step{
				{0, "a", open(first, 0), gateway.Registered{Epoch: 1_000_000}},
				{0, "b", open(second, 0), gateway.Registered{Epoch: 1_000_001}},
				{0, "a", renew(first, 1_000_000), gateway.Registered{Epoch: 1_000_001, Superseded: true}},
			},
			holders: []string{"b"},
		},
		"a renewal keeps the epoch": {
			steps: []step{
				{0, "a", open(first, 0), gateway.Registered{Epoch: 1_000_000}},
				{10 * time.Second, "a", renew(first, 1_000_000), gateway.Registered{Epoch: 1_000_000}},
			},
			holders: []string{"a"},
		},
		"a new home takes over what it does not know": {
			steps: []step{
				{0, "a", renew(first, 77), gateway.Registered{Epoch: 77, Fresh: true}},
				{0, "a", renew(first, 77), gateway.Registered{Epoch: 77}},
			},
			holders: []string{"a"},
		},
		"a new home keeps the newer of two": {
			steps: []step{
				{0, "b", renew(second, 78), gateway.Registered{Epoch: 78, Fresh: true}},
				{0, "a", renew(first, 77), gateway.Registered{Epoch: 78, Superseded: true}},
			},
			holders: []string{"b"},
		},
		"a newer one that renews replaces the older": {
			steps: []step{
				{0, "a", renew(first, 77), gateway.Registered{Epoch: 77, Fresh: true}},
				{0, "b", renew(second, 78), gateway.Registered{Epoch: 78, Fresh: true}},
			},
			holders: []string{"b"},
		},
		"of two with one epoch the same one wins everywhere": {
			steps: []step{
				{0, "b", renew(second, 77), gateway.Registered{Epoch: 77, Fresh: true}},
				{0, "a", renew(first, 77), gateway.Registered{Epoch: 77, Superseded: true}},
			},
			holders: []string{"b"},
		},
		"a lapsed lease delivers nothing, and a late renewal says so": {
			steps: []step{
				{0, "a", open(first, 0), gateway.Registered{Epoch: 1_000_000}},
				{lease + time.Second, "a", renew(first, 1_000_000), gateway.Registered{Epoch: 1_000_000, Fresh: true}},
			},
			holders: []string{"a"},
		},
		"nobody renews": {
			steps: []step{
				{0, "a", open(first, 0), gateway.Registered{Epoch: 1_000_000}},
				{lease + time.Second, "a", ended(second), gateway.Registered{Epoch: 5}},
			},
		},
		"the end of a session that was replaced changes nothing": {
			steps: []step{
				{0, "a", open(first, 0), gateway.Registered{Epoch: 1_000_000}},
				{0, "b", open(second, 0), gateway.Registered{Epoch: 1_000_001}},
				{0, "a", ended(first), gateway.Registered{Epoch: 5}},
			},
			holders: []string{"b"},
		},
		"the end of the session forgets it": {
			steps: []step{
				{0, "a", open(first, 0), gateway.Registered{Epoch: 1_000_000}},
				{0, "a", ended(first), gateway.Registered{Epoch: 5}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := start
			r := gateway.NewRegistry(func() time.Time { return now }, lease, lease)
			for i, s := range row.steps {
				now = now.Add(s.after)
				if diff := cmp.Diff(s.want, r.Apply(s.holder, s.item)); diff != "" {
					t.Errorf("step %d: %s", i, diff)
				}
			}
			if diff := cmp.Diff(row.holders, r.Holders(nil, user)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRegistrySweep(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_000_000)
	r := gateway.NewRegistry(func() time.Time { return now }, 30*time.Second, 30*time.Second)
	for i := range 3 {
		r.Apply(fmt.Sprint("pod-", i), gateway.Registration{User: ids.UserID{1}, Instance: ids.InstanceID{byte(i + 1)}})
		now = now.Add(20 * time.Second)
	}
	for _, row := range []struct {
		after time.Duration
		all   int
	}{{0, 3}, {time.Second, 2}, {20 * time.Second, 1}, {20 * time.Second, 0}} {
		now = now.Add(row.after)
		r.Sweep()
		if all, _ := r.Sessions("pod-0"); all != row.all {
			t.Errorf("%d registered at %v, want %d", all, now.Sub(time.UnixMilli(1_000_000)), row.all)
		}
	}
}

// TestRegistryModel drives a registry with random histories: an epoch is never given twice to an
// instance, never goes back, and only the newest session is ever held.
func TestRegistryModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.UnixMilli(1_000_000)
		r := gateway.NewRegistry(func() time.Time { return now }, 30*time.Second, 30*time.Second)
		type live struct {
			item   gateway.Registration
			holder string
		}
		user := ids.UserID{1}
		newest := map[ids.InstanceID]live{}
		var all []live
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				instance := ids.InstanceID{rapid.Byte().Draw(t, "instance") % 3}
				holder := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "holder")
				item := gateway.Registration{
					Action: gateway.ActionOpen, User: user, Instance: instance, Session: ids.NewSession(),
					Epoch: rapid.Int64Range(0, 2_000_000).Draw(t, "last"),
				}
				got := r.Apply(holder, item)
				if old, ok := newest[instance]; ok && got.Epoch <= old.item.Epoch || got.Epoch <= item.Epoch {
					t.Fatalf("epoch %d is not above %d and %d", got.Epoch, newest[instance].item.Epoch, item.Epoch)
				}
				item.Action, item.Epoch = gateway.ActionRenew, got.Epoch
				newest[instance] = live{item, holder}
				all = append(all, newest[instance])
			},
			"renew": func(t *rapid.T) {
				if len(all) == 0 {
					t.Skip("nobody is there")
				}
				l := rapid.SampledFrom(all).Draw(t, "session")
				got := r.Apply(l.holder, l.item)
				if want := newest[l.item.Instance].item.Session != l.item.Session; got.Superseded != want {
					t.Fatalf("superseded %v, want %v", got.Superseded, want)
				}
			},
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, 10).Draw(t, "seconds")) * time.Second)
				for _, l := range newest { // live sessions renew in time
					r.Apply(l.holder, l.item)
				}
				r.Sweep()
			},
			"": func(t *rapid.T) {
				var want []string
				for _, l := range newest {
					if !slices.Contains(want, l.holder) {
						want = append(want, l.holder)
					}
				}
				got := r.Holders(nil, user)
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("holders %v, want %v", got, want)
				}
			},
		})
	})
}
