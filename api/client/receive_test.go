// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"github.com/parley-chat/parley/api/client"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

func TestNewDeviceLoadsEverything(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		for _, id := range []string{"a", "b", "c"} {
			f.say(id, 3)
		}
		d := join(t, f)
		pass(time.Second)
		d.inState(client.Live)
		for _, id := range []string{"a", "b", "c"} {
			check(t, "messages of "+id, upTo(3), d.received(id))
		}
		check(t, "conversations", 3, len(heard[client.ConversationChanged](d)))
		check(t, "continuity lost", 1, len(heard[client.ContinuityLost](d)))
		check(t, "pages of conversations", 2, f.count("ListConversations"))
		check(t, "states", []client.State{
			client.Waiting, client.Connecting, client.Authenticating, client.Resuming, client.Syncing, client.Live,
		}[1:], d.states())
	})
}

func TestPushedMessagesArriveInOrder(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 5)
		pass(0)
		check(t, "messages", upTo(5), d.received("k"))
		check(t, "pulls", 0, f.count("ListMessages"))
	})
}

func TestDuplicatePushIsToldOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		items := f.say("k", 2)
		f.last().messages("k", items...)
		pass(time.Second)
		check(t, "messages", upTo(2), d.received("k"))
	})
}

func TestReorderedPushIsToldInOrder(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.silent, true)
		items := f.say("k", 3)
		slices.Reverse(items)
		for _, m := range items {
			f.last().messages("k", m)
		}
		pass(0)
		check(t, "messages", upTo(3), d.received("k"))
		pass(time.Second)
		check(t, "pulls for a gap that closed by itself", 0, f.count("ListMessages"))
	})
}

func TestGapIsPulled(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.silent, true)
		items := f.say("k", 5)
		f.last().messages("k", items[4])
		pass(400 * time.Millisecond)
		check(t, "messages before the wait is over", []int64(nil), d.received("k"))
		pass(200 * time.Millisecond)
		check(t, "messages", upTo(5), d.received("k"))
		check(t, "pulls", 1, f.count("ListMessages"))
	})
}

func TestDeclaredGapCounts(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.silent, true)
		f.say("k", 6)
		f.hide("k", 2, 4)
		set(f, &f.silent, false)
		f.say("k", 1)
		pass(time.Second)
		check(t, "messages", []int64{1, 5, 6, 7}, d.received("k"))
		check(t, "gaps", []client.GapDeclared{{"k", client.Range{From: 2, To: 4}, messagev1.GapReason_GAP_REASON_NOT_MEMBER}},
			heard[client.GapDeclared](d))
		snapshot, _ := d.store.Load()
		check(t, "position", client.Position{Seq: 7}, snapshot.Positions["k"])
	})
}

func TestLostLastPushIsFoundByThePing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		set(f, &f.silent, true)
		f.say("k", 1)
		pass(24 * time.Second)
		check(t, "messages before the ping", upTo(1), d.received("k"))
		pass(2500 * time.Millisecond)
		check(t, "messages right after the pong", upTo(1), d.received("k"))
		pass(2 * time.Second)
		check(t, "messages", upTo(2), d.received("k"))
	})
}

func TestResumeAfterABreak(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 3)
		pass(30 * time.Second) // a pong brings a cursor that stands for them
		f.last().close(4000, "MOVED")
		pass(0)
		f.say("k", 120)
		pass(time.Second)
		d.inState(client.Live)
		check(t, "messages", upTo(123), d.received("k"))
		check(t, "lists of conversations", 1, f.count("ListConversations"))
		stale := len(heard[client.PeopleStale](d))
		check(t, "told to reload people at reset and at resume", 2, stale)
	})
}

func TestFarBehindRecordsAHole(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		f.say("k", 1)
		d := join(t, f)
		pass(time.Second)
		f.last().close(4000, "MOVED")
		pass(0)
		set(f, &f.silent, true)
		f.say("k", 201)
		pass(time.Second)
		check(t, "messages", append(upTo(1), span(153, 202)...), d.received("k"))
		hole := client.Range{From: 2, To: 152}
		check(t, "holes", []client.HoleRecorded{{"k", hole}}, heard[client.HoleRecorded](d))

		items, err := d.Fill(t.Context(), "k", hole)
		if err != nil {
			t.Fatal(err)
		}
		pass(0)
		check(t, "filled", []int64{53, 152}, []int64{items[0].GetSeq(), items[len(items)-1].GetSeq()})
		snapshot, _ := d.store.Load()
		check(t, "position", client.Position{Seq: 202, Holes: []client.Range{{From: 2, To: 52}}}, snapshot.Positions["k"])
		items, err = d.Fill(t.Context(), "k", snapshot.Positions["k"].Holes[0])
		if err != nil {
			t.Fatal(err)
		}
		pass(0)
		check(t, "filled", []int64{2, 52}, []int64{items[0].GetSeq(), items[len(items)-1].GetSeq()})
		snapshot, _ = d.store.Load()
		check(t, "position without a hole", client.Position{Seq: 202}, snapshot.Positions["k"])
	})
}

func TestTwoHundredBehindIsLoadedWhole(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		f.say("k", 200)
		d := join(t, f)
		pass(time.Second)
		check(t, "messages", upTo(200), d.received("k"))
		check(t, "holes", 0, len(heard[client.HoleRecorded](d)))
	})
}

func TestIncompleteHeadsAreSynced(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("z", 1)
		pass(30 * time.Second)
		f.last().close(4000, "MOVED")
		pass(0)
		set(f, &f.limit, 2)
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			f.say(id, 2)
		}
		pass(2 * time.Second)
		d.inState(client.Live)
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			check(t, "messages of "+id, upTo(2), d.received(id))
		}
		check(t, "calls of Sync", 2, f.count("Sync"))
		snapshot, _ := d.store.Load()
		check(t, "cursor", "c11", snapshot.Cursor)
	})
}

func TestResync(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		pass(30 * time.Second)
		set(f, &f.silent, true)
		f.say("k", 2)
		f.say("m", 2)
		f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Resync{Resync: &gatewayv1.Resync{
			ConversationId: "k", FromSeq: 2, Reason: gatewayv1.ResyncReason_RESYNC_REASON_OVERFLOW,
		}}})
		pass(0)
		check(t, "messages of the conversation that was named", upTo(3), d.received("k"))
		f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Resync{Resync: &gatewayv1.Resync{
			Reason: gatewayv1.ResyncReason_RESYNC_REASON_BROKER_LOST,
		}}})
		pass(3 * time.Second)
		check(t, "messages of the other", upTo(2), d.received("m"))
		check(t, "connections", 1, f.dialed())
	})
}

func TestChangesAreToldInTheirLatestState(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 3)
		pass(30 * time.Second)
		f.change("k", 2, "edited")
		f.change("k", 3, "edited")
		f.change("k", 2, "edited again")
		pass(30 * time.Second)
		var bodies []string
		for _, e := range heard[client.MessagesChanged](d) {
			for _, m := range e.Items {
				bodies = append(bodies, m.GetText().GetBody())
			}
		}
		check(t, "changes", []string{"edited", "edited", "edited again"}, bodies)
		snapshot, _ := d.store.Load()
		check(t, "position", client.Position{Seq: 3, Rev: 3}, snapshot.Positions["k"])
	})
}

func TestTooManyChangesAreSkipped(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		pass(30 * time.Second)
		for range 1001 {
			f.change("k", 1, "edited")
		}
		pass(30 * time.Second)
		check(t, "skipped", []client.ChangesSkipped{{"k"}}, heard[client.ChangesSkipped](d))
		check(t, "calls", 0, f.count("ListChanges"))
	})
}

func TestBadFramesAreSkipped(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		pings := func() int {
			return len(got(f, (*gatewayv1.ClientFrame).GetPing, func(p *gatewayv1.Ping) bool { return p != nil }))
		}
		before := pings()
		f.last().raw(gws.OpcodeBinary, []byte{0xff, 0xff, 0xff})
		pass(0)
		check(t, "pings after what cannot be decoded", before+1, pings())
		// A frame of a kind that this client does not know: field 1000, a string.
		f.last().raw(gws.OpcodeBinary, []byte{0xc2, 0x3e, 0x01, 'x'})
		f.say("k", 1)
		pass(0)
		check(t, "messages", upTo(2), d.received("k"))
		check(t, "pings after an unknown kind", before+1, pings())
		check(t, "connections", 1, f.dialed())
	})
}

func TestAcksFollowTheStoreAndAreBundled(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		acks := func() []int64 {
			var out []int64
			for _, a := range got(f, (*gatewayv1.ClientFrame).GetAck, func(a *gatewayv1.Ack) bool { return a != nil }) {
				for _, p := range a.GetPositions() {
					out = append(out, p.GetSeq())
				}
			}
			return out
		}
		hold := make(chan struct{})
		d := join(t, f, func(c *client.Config) {
			next := c.Events
			c.Events = func(e client.Event) {
				if _, ok := e.(client.MessagesReceived); ok {
					<-hold
				}
				next(e)
			}
		})
		f.say("k", 3)
		pass(8 * time.Second)
		check(t, "acks before anything was heard", []int64(nil), acks())
		close(hold)
		pass(4 * time.Second)
		check(t, "acks within the bundle's time", []int64(nil), acks())
		pass(2 * time.Second)
		check(t, "acks", []int64{3}, acks())
		f.say("k", 100)
		pass(0)
		check(t, "acks when a hundred wait", []int64{3, 103}, acks())
		f.say("k", 1)
		pass(0)
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		check(t, "acks at the end", []int64{3, 103, 104}, acks())
	})
}

func TestRestartGoesOnWhereTheStoreStands(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		listener, store := serve(t, f), client.NewMemoryStore()
		first := joinAt(t, f, listener, store)
		f.say("k", 3)
		pass(30 * time.Second)
		if err := first.stop(); err != nil {
			t.Fatal(err)
		}
		f.say("k", 2)
		second := joinAt(t, f, listener, store)
		pass(time.Second)
		check(t, "messages of the second run", span(4, 5), second.received("k"))
		check(t, "lists of conversations", 1, f.count("ListConversations"))
	})
}

func TestReadsAreSparse(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		for seq := int64(1); seq <= 5; seq++ {
			d.MarkRead("k", seq)
			pass(100 * time.Millisecond)
		}
		d.MarkRead("k", 2)
		d.Typing("k", gatewayv1.TypingState_TYPING_STATE_STARTED)
		pass(2 * time.Second)
		var seqs []int64
		for _, r := range got(f, (*gatewayv1.ClientFrame).GetRead, func(r *gatewayv1.Read) bool { return r != nil }) {
			seqs = append(seqs, r.GetSeq())
		}
		check(t, "read markers", []int64{1, 5}, seqs)
		typing := got(f, (*gatewayv1.ClientFrame).GetTyping, func(x *gatewayv1.Typing) bool { return x != nil })
		check(t, "typing", 1, len(typing))
	})
}
