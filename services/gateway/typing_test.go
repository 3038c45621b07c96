// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	started = 1
	stopped = 2
)

// typed are the states of typing that have arrived.
func (c *client) typed() []int32 {
	c.r.t.Helper()
	var states []int32
	for _, f := range c.take() {
		states = append(states, as[gateway.Typing](c.r.t, f).State)
	}
	return states
}

func TestF31_WhereTypingIsTold(t *testing.T) {
	t.Parallel()
	crowd := func(n int, others ...ids.UserID) []ids.UserID {
		for len(others) < n {
			others = append(others, ids.NewUser())
		}
		return others
	}
	rows := map[string]struct {
		prepare func(r *rig, k ids.ConversationID, ann, bob ids.UserID)
		heard   bool
	}{
		"between friends": {func(r *rig, k ids.ConversationID, ann, bob ids.UserID) {
			r.messages.SetMembers(k, ann, bob)
		}, true},
		"in a group of two hundred": {func(r *rig, k ids.ConversationID, ann, bob ids.UserID) {
			r.messages.SetMembers(k, crowd(200, ann, bob)...)
		}, true},
		"in a group of more": {func(r *rig, k ids.ConversationID, ann, bob ids.UserID) {
			r.messages.SetMembers(k, crowd(201, ann, bob)...)
		}, false},
		"in a large group, of which only the asking member is named": {func(r *rig, k ids.ConversationID, ann, _ ids.UserID) {
			r.messages.SetMembers(k, ann)
		}, false},
		"where a block or the end of a friendship has closed the conversation": {func(r *rig, k ids.ConversationID, ann, bob ids.UserID) {
			r.messages.SetMembers(k, ann, bob)
			r.messages.Close(k)
		}, false},
		"by who is no member": {func(r *rig, k ids.ConversationID, _, bob ids.UserID) {
			r.messages.SetMembers(k, bob, ids.NewUser())
		}, false},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, nil, func(r *rig) {
				ann, bob, k := newLogin(), newLogin(), ids.NewConversation()
				r.network.SetHome(bob.User, "pod-b")
				phone, laptop, other := r.liveOn("pod-a", ann), r.liveOn("pod-b", ann), r.liveOn("pod-b", bob)
				row.prepare(r, k, ann.User, bob.User)
				phone.send(0, gateway.Typing{Conversation: k, State: started})
				var want []int32
				if row.heard {
					want = []int32{started}
				}
				if diff := cmp.Diff(want, other.typed()); diff != "" {
					t.Errorf("the other one hears (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(want, laptop.typed()); diff != "" {
					t.Errorf("the own other device hears (-want +got):\n%s", diff)
				}
				phone.wantNothing()
			}, "pod-a", "pod-b")
		})
	}
}

// A client says STARTED every four seconds and STOPPED at any time: both pass. What comes faster than one in
// three seconds does not.
func TestF31_TypingHasAPace(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		ann, bob, k := newLogin(), newLogin(), ids.NewConversation()
		r.messages.SetMembers(k, ann.User, bob.User)
		phone, other := r.liveOn("pod-a", ann), r.liveOn("pod-a", bob)
		for range 5 {
			phone.send(0, gateway.Typing{Conversation: k, State: started})
			pass(4 * time.Second)
		}
		phone.send(0, gateway.Typing{Conversation: k, State: stopped})
		if diff := cmp.Diff([]int32{started, started, started, started, started, stopped}, other.typed()); diff != "" {
			t.Errorf("a person who types (-want +got):\n%s", diff)
		}
		pass(time.Minute)
		for range 60 { // half a minute of nothing but typing
			phone.send(0, gateway.Typing{Conversation: k, State: started})
			pass(500 * time.Millisecond)
		}
		if n := len(other.typed()); n > 12 {
			t.Errorf("%d of 60 pass in half a minute", n)
		}
		want := map[gateway.TypingOutcome]int64{gateway.TypingTold: 15, gateway.TypingTooFast: 51, gateway.TypingUnused: 0}
		if diff := cmp.Diff(want, r.hubs["pod-a"].Stats().Typing); diff != "" {
			t.Errorf("counted (-want +got):\n%s", diff)
		}
	})
}

// Who clears what they typed, or sends it, is not shown as typing any more, however soon that is.
func TestF31_AStopIsToldAfterEveryStart(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		ann, bob, k := newLogin(), newLogin(), ids.NewConversation()
		r.messages.SetMembers(k, ann.User, bob.User)
		phone, other := r.liveOn("pod-a", ann), r.liveOn("pod-a", bob)
		say := func(state int32) { phone.send(0, gateway.Typing{Conversation: k, State: state}) }
		say(started)
		say(stopped)
		pass(time.Second)
		say(started) // too soon
		say(stopped) // of a start that nobody heard of
		pass(2 * time.Second)
		say(started)
		pass(100 * time.Millisecond)
		say(stopped)
		say(stopped)
		if diff := cmp.Diff([]int32{started, stopped, started, stopped}, other.typed()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
