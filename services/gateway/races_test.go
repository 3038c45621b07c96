// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/gatewaytest"
	"github.com/parley-chat/parley/services/internal/ids"
)

// TestARingThatChangesTwice lets the ring change again while the first change is still worked on.
func TestARingThatChangesTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		first, second := r.liveOn("pod-c", newLogin()), r.liveOn("pod-c", newLogin())
		r.network.SetSlow("pod-b", time.Second)
		r.network.SetHome(first.login.User, "pod-b")
		pass(500 * time.Millisecond)
		r.network.SetHome(second.login.User, "pod-b")
		pass(2 * time.Second)
		r.hubs["pod-b"].Deliver([]gateway.Delivery{message("hello", ids.NewConversation(), 1, second.login.User)}, false)
		if got := second.texts(); got != "hello" {
			t.Errorf("got %q from the home after the second change", got)
		}
	}, "pod-a", "pod-b", "pod-c")
}

// TestAHomeThatChangesDuringAnOpening lets the home change while the answer of the old one is on its way.
func TestAHomeThatChangesDuringAnOpening(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		login := newLogin()
		r.network.SetSlow("pod-b", time.Second)
		r.network.SetHome(login.User, "pod-b")
		c := r.connectTo("pod-c", login)
		go c.auth(1)
		pass(500 * time.Millisecond)
		r.network.SetHome(login.User, "pod-a")
		pass(time.Second)
		c.want("Welcome")
		pass(time.Second)
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("hello", ids.NewConversation(), 1, login.User)}, false)
		if got := c.texts(); got != "hello" {
			t.Errorf("got %q from the new home", got)
		}
	}, "pod-a", "pod-b", "pod-c")
}

// TestALossWhileHeadsAreRead loses an envelope after the heads of a resume were read and before they
// arrived.
func TestALossWhileHeadsAreRead(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, k := r.live(), ids.NewConversation()
		r.messages.SetSlow(3 * time.Second)
		c.send(2, gateway.Resume{Cursor: "0"})
		pass(time.Second)
		r.messages.Move(c.login.User, gateway.Head{Conversation: k, Seq: 1, MembersRev: 1})
		r.hubs["pod-a"].EnvelopeLost(false)
		pass(3 * time.Second)
		c.want("Heads")
		pass(6 * time.Second)
		if got := as[gateway.Resync](t, c.want("Resync")); got.Conversation != k {
			t.Errorf("resync %+v", got)
		}
		pass(time.Minute)
		c.wantNothing()
	})
}

// TestAMomentWithoutKnowledgeOfEndedLogins drops deliveries between two looks at the freshness.
func TestAMomentWithoutKnowledgeOfEndedLogins(t *testing.T) {
	t.Parallel()
	for name, miss := range map[string]func(r *rig, d gateway.Delivery){
		"a delivery falls into it": func(r *rig, d gateway.Delivery) {
			r.hubs["pod-a"].Deliver([]gateway.Delivery{d}, false)
		},
		"a comparison falls into it": func(r *rig, _ gateway.Delivery) {
			r.hubs["pod-a"].EnvelopeLost(false)
			synctest.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, nil, func(r *rig) {
				c, k := r.resumed(), ids.NewConversation()
				pass(1500 * time.Millisecond) // the clock of the pod ticks each second
				r.messages.Move(c.login.User, gateway.Head{Conversation: k, Seq: 1, MembersRev: 1})
				r.tokens.SetFresh(false)
				miss(r, message("secret", k, 1, c.login.User))
				r.tokens.SetFresh(true)
				c.wantNothing()
				pass(6 * time.Second)
				if got := as[gateway.Resync](t, c.want("Resync")); got.Conversation != k {
					t.Errorf("resync %+v", got)
				}
			})
		})
	}
}

// TestAHomeWithoutBroker hears nothing, and neither do the holders of its users' sessions.
func TestAHomeWithoutBroker(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, k := r.liveOn("pod-b", newLogin()), ids.NewConversation()
		c.send(2, gateway.Resume{Cursor: "0"})
		c.want("Heads")
		r.network.SetLoss(func(string) bool { return true })
		r.hubs["pod-a"].BrokerLost()
		pass(time.Second)
		r.messages.Move(c.login.User, gateway.Head{Conversation: k, Seq: 1, MembersRev: 1})
		pass(15 * time.Second)
		if got := as[gateway.Resync](t, c.want("Resync")); got.Conversation != k {
			t.Errorf("resync %+v", got)
		}
	}, "pod-a", "pod-b")
}

// TestAnOpeningThatFailsLeavesTheOldSession registers at a home whose answer comes too late.
func TestAnOpeningThatFailsLeavesTheOldSession(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		login := newLogin()
		old := r.liveOn("pod-b", login)
		r.network.SetSlow("pod-a", 3*time.Second)
		next := r.connectTo("pod-b", login)
		next.instance = old.instance
		next.auth(1)
		next.wantClose(gateway.CloseOverloaded)
		r.network.SetSlow("pod-a", 0)
		pass(15 * time.Second)
		old.wantOpen()
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("hello", ids.NewConversation(), 1, login.User)}, false)
		if got := old.texts(); got != "hello" {
			t.Errorf("got %q", got)
		}
	}, "pod-a", "pod-b")
}

// TestMarkersOfOtherConversationsStay fills a queue with the markers of one reader, who has read many
// conversations.
func TestMarkersOfOtherConversationsStay(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		c.socket.Stick()
		c.hub.Deliver([]gateway.Delivery{message("first", ids.NewConversation(), 1, c.login.User)}, false)
		synctest.Wait() // "first" is being written
		for i := range 6 {
			c.hub.Deliver([]gateway.Delivery{{
				Frame: gatewaytest.Raw(fmt.Sprint("read", i)), Class: gateway.ClassMarker, Users: []ids.UserID{c.login.User},
				Reader: c.login.User, Marked: ids.ConversationID{byte(1 + i%3)},
			}}, false)
		}
		c.socket.Unstick(nil)
		if got := c.texts(); got != "first read3 read4 read5" {
			t.Errorf("got %q", got)
		}
	})
}

// TestACursorFromElsewhere shows a cursor that a call gave, which this pod does not know.
func TestACursorFromElsewhere(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, k := r.live(), ids.NewConversation()
		c.send(2, gateway.Resume{})
		c.want("Heads")
		seq := int64(0)
		tell := func() {
			seq++
			r.messages.Move(c.login.User, gateway.Head{Conversation: k, Seq: seq, MembersRev: 1})
			r.hubs["pod-a"].Deliver([]gateway.Delivery{message("x", k, seq, c.login.User)}, false)
			c.want("string")
		}
		tell()
		cursor := "1" // of ListConversations
		for range 100 {
			tell()
			pass(25 * time.Second)
			p := c.ping(cursor)
			if !p.Complete {
				t.Fatalf("a client that knows everything up to %d is asked to call Sync", seq)
			}
			cursor = p.Cursor
		}
	})
}
