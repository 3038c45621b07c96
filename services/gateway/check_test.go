// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// resumed is a live client that has resumed with the cursor of a device without history.
func (r *rig) resumed() *client {
	c := r.live()
	c.send(2, gateway.Resume{Cursor: "0"})
	c.want("Heads")
	return c
}

func (c *client) ping(cursor string) gateway.Pong {
	c.r.t.Helper()
	c.send(3, gateway.Ping{Cursor: cursor})
	return as[gateway.Pong](c.r.t, c.want("Pong"))
}

func TestResume(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, k := r.live(), ids.NewConversation()
		r.messages.Move(c.login.User, gateway.Head{Conversation: k, Seq: 4, MembersRev: 1})
		c.send(2, gateway.Resume{Cursor: "0"})
		want := gateway.Heads{Complete: true, Cursor: "1", Heads: []gateway.Head{{Conversation: k, Seq: 4, MembersRev: 1}}}
		if diff := cmp.Diff(want, as[gateway.Heads](t, c.want("Heads"))); diff != "" {
			t.Error(diff)
		}
		if p := c.ping("1"); len(p.Heads) != 0 || p.Cursor != "1" || !p.Complete {
			t.Errorf("what was just told is told again: %+v", p)
		}
		c.send(4, gateway.Resume{Cursor: "1"})
		c.wantClose(gateway.CloseProtocolOrder)
	})
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		r.tokens.SetFresh(false)
		c.send(2, gateway.Resume{})
		c.want("Refusal")
		c.wantClose(gateway.CloseOverloaded)
	})
	for name, row := range map[string]struct {
		err  error
		code gateway.CloseCode
	}{
		"message does not answer": {fault.ErrUnavailable, gateway.CloseOverloaded},
		"too many resume":         {gateway.ErrOverloaded, gateway.CloseResumeLimit},
		"a cursor that is none":   {fault.ErrInvalid, gateway.CloseCursorInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, nil, func(r *rig) {
				c := r.live()
				r.messages.Fail(row.err)
				c.send(2, gateway.Resume{})
				c.want("Refusal")
				c.wantClose(row.code)
			})
		})
	}
}

func TestPongShowsMovedHeads(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, k := r.resumed(), ids.NewConversation()
		if p := c.ping(""); len(p.Heads) != 0 || p.Cursor != "" {
			t.Errorf("a ping without cursor: %+v", p)
		}
		pass(time.Second)
		r.hubs["pod-a"].Deliver([]gateway.Delivery{
			message("2", k, 2, c.login.User), message("1", k, 1, c.login.User),
		}, false)
		c.want("string")
		c.want("string")
		p := c.ping("0")
		want := []gateway.Head{{Conversation: k, Seq: 2, MembersRev: 1}}
		if diff := cmp.Diff(want, p.Heads); diff != "" || !p.Complete || p.Cursor != "0" {
			t.Errorf("%+v %s", p, diff)
		}
		// A session that comes later was not told: its own heads cover it.
		later := r.liveOn("pod-a", c.login)
		later.send(2, gateway.Resume{Cursor: "0"})
		later.want("Heads")
		pass(time.Millisecond)
		if p := later.ping("0"); len(p.Heads) != 0 {
			t.Errorf("the later session: %+v", p)
		}
		if n := r.messages.Comparisons(); n != 0 {
			t.Errorf("%d calls for pings", n)
		}
	})
}

func TestPongForgetsWithoutHidingIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(l *gateway.Limits) { l.HeadsKept = 10 }, func(r *rig) {
		c := r.resumed()
		pass(time.Second)
		for i := range 11 {
			r.hubs["pod-a"].Deliver([]gateway.Delivery{message("x", ids.ConversationID{1, byte(i)}, 1, c.login.User)}, false)
			c.want("string")
		}
		if p := c.ping("0"); len(p.Heads) != 10 || p.Complete {
			t.Errorf("%d heads, complete %v", len(p.Heads), p.Complete)
		}
	})
}

func TestAHoleFindsTheLostLastMessage(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(h *gateway.Hub){
		"an envelope is missing": func(h *gateway.Hub) { h.EnvelopeLost(false) },
		"the broker was bound":   func(h *gateway.Hub) { h.BrokerBound() },
		"there is no broker":     func(h *gateway.Hub) { h.BrokerLost() },
		"five minutes pass":      func(*gateway.Hub) { pass(6 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, nil, func(r *rig) {
				c, behind := r.resumed(), r.resumed()
				k := ids.NewConversation()
				for _, who := range []*client{c, behind} {
					r.hubs["pod-a"].Deliver([]gateway.Delivery{message("1", k, 1, who.login.User)}, false)
					who.want("string")
					r.messages.Move(who.login.User, gateway.Head{Conversation: k, Seq: 1, MembersRev: 1})
				}
				r.messages.Move(behind.login.User, gateway.Head{Conversation: k, Seq: 2, MembersRev: 1})
				lose(r.hubs["pod-a"])
				got := as[gateway.Resync](t, behind.want("Resync"))
				if got.Conversation != k || got.FromSeq != 2 || got.Reason != gateway.ResyncBrokerLost {
					t.Errorf("%+v", got)
				}
				c.wantNothing()
				pass(time.Minute)
				behind.wantNothing() // told once
				if p := behind.ping("0"); len(p.Heads) != 1 || p.Heads[0].Seq != 2 || p.Cursor != "2" {
					t.Errorf("pong %+v", p)
				}
				if p := behind.ping("2"); p.Cursor != "2" || len(p.Heads) > 0 {
					t.Errorf("pong %+v", p)
				}
			})
		})
	}
}

func TestWithoutBrokerHeadsAreComparedEveryFiveSeconds(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		for range 3 {
			r.resumed()
		}
		r.hubs["pod-a"].BrokerLost()
		pass(time.Millisecond)
		before := r.messages.Comparisons()
		pass(time.Minute)
		if n := r.messages.Comparisons() - before; n != 12 {
			t.Errorf("%d calls in a minute, want 12", n)
		}
		r.hubs["pod-a"].BrokerBound()
		pass(2 * time.Second)
		before = r.messages.Comparisons()
		pass(time.Minute)
		if n := r.messages.Comparisons() - before; n != 0 {
			t.Errorf("%d calls in a minute with a broker", n)
		}
	})
}

func TestAComparisonThatFailsIsMadeAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, k := r.resumed(), ids.NewConversation()
		r.messages.Move(c.login.User, gateway.Head{Conversation: k, Seq: 1, MembersRev: 1})
		r.messages.Fail(fault.ErrUnavailable)
		r.hubs["pod-a"].EnvelopeLost(false)
		pass(20 * time.Second)
		c.wantNothing()
		r.messages.Fail(nil)
		pass(6 * time.Second)
		c.want("Resync")
	})
}

func TestAMembershipThatWasMissedMakesTheClientAsk(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, k := r.resumed(), ids.NewConversation()
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("1", k, 1, c.login.User)}, false)
		c.want("string")
		r.messages.Move(c.login.User, gateway.Head{Conversation: k, Seq: 1, MembersRev: 2})
		r.hubs["pod-a"].EnvelopeLost(false)
		if got := as[gateway.Resync](t, c.want("Resync")); !got.Conversation.IsZero() {
			t.Errorf("%+v", got)
		}
		if p := c.ping("0"); len(p.Heads) != 1 || p.Heads[0].MembersRev != 2 {
			t.Errorf("pong %+v", p)
		}
	})
}

func TestAChangeThatWasMissedIsInThePong(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, k := r.resumed(), ids.NewConversation()
		change := message("change 4", k, 0, c.login.User)
		change.Rev, change.MembersRev = 4, 0
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("1", k, 1, c.login.User), change}, false)
		c.want("string")
		c.want("string")
		want := []gateway.Head{{Conversation: k, Seq: 1, Rev: 4, MembersRev: 1}}
		if p := c.ping("0"); !cmp.Equal(p.Heads, want) {
			t.Errorf("pong %+v, want %+v", p, want)
		}
		// The envelope of the next change is lost: the client asks, and hears of it.
		r.messages.Move(c.login.User, gateway.Head{Conversation: k, Seq: 1, Rev: 5, MembersRev: 1})
		r.hubs["pod-a"].EnvelopeLost(false)
		if got := as[gateway.Resync](t, c.want("Resync")); !got.Conversation.IsZero() {
			t.Errorf("%+v", got)
		}
		want[0].Rev = 5
		if p := c.ping("0"); !cmp.Equal(p.Heads, want) {
			t.Errorf("pong %+v, want %+v", p, want)
		}
	})
}

func TestManyConversationsBehindMakeOneResync(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.resumed()
		for i := range 20 {
			r.messages.Move(c.login.User, gateway.Head{Conversation: ids.ConversationID{1, byte(i)}, Seq: 1})
		}
		r.hubs["pod-a"].EnvelopeLost(false)
		if got := as[gateway.Resync](t, c.want("Resync")); !got.Conversation.IsZero() {
			t.Errorf("%+v", got)
		}
		c.wantNothing()
		if p := c.ping("0"); len(p.Heads) != 20 {
			t.Errorf("%d heads in pong", len(p.Heads))
		}
	})
}
