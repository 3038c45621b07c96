// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/client"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// Tests of this file and of the others that a client must pass are listed in
// test/features/conformance.yaml.

// TestResetKeepsTheOutbox comes back with a cursor that the server does not know any more.
func TestResetKeepsTheOutbox(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 2)
		pass(30 * time.Second)
		set(f, &f.onUpgrade, func(int) (int, string) { return 503, "5" })
		f.last().close(4000, "MOVED")
		pass(0)
		if _, err := d.Enqueue("k", client.Text("mine")); err != nil {
			t.Fatal(err)
		}
		set(f, &f.silent, true)
		f.say("k", 2)
		f.say("new", 1)
		set(f, &f.silent, false)
		set(f, &f.onFrame, once(func(c *gatewayv1.ClientFrame) bool { return c.GetResume() != nil }, func(p *peer, frame *gatewayv1.ClientFrame) {
			set(p.f, &p.live, true)
			p.write(&gatewayv1.ServerFrame{Re: frame.GetId(), Kind: &gatewayv1.ServerFrame_Resumed{Resumed: &messagev1.SyncResponse{Reset_: true}}})
		}))
		lost := len(heard[client.ContinuityLost](d))
		set(f, &f.onUpgrade, nil)
		pass(time.Minute)
		d.inState(client.Live)
		check(t, "told that continuity is lost", lost+1, len(heard[client.ContinuityLost](d)))
		check(t, "asks for what was left", []bool{false, true}, get(f, &f.askedLeft))
		check(t, "messages, each once", upTo(5), d.received("k"))
		check(t, "messages of what is new", upTo(1), d.received("new"))
		check(t, "the outbox left", []string{"hi", "hi", "hi", "hi", "mine"}, f.bodies("k"))
	})
}

// TestResyncMidStream drops frames on purpose while others go on.
func TestResyncMidStream(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 3)
		set(f, &f.silent, true)
		f.say("k", 4)
		set(f, &f.silent, false)
		f.say("other", 1)
		f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Resync{Resync: &gatewayv1.Resync{
			ConversationId: "k", FromSeq: 4, Reason: gatewayv1.ResyncReason_RESYNC_REASON_OVERFLOW,
		}}})
		f.say("k", 3)
		f.say("other", 1)
		pass(0)
		check(t, "messages, each once and in order", upTo(10), d.received("k"))
		check(t, "messages of the other conversation", upTo(2), d.received("other"))
		pass(time.Minute)
		check(t, "messages a minute later", upTo(10), d.received("k"))
		check(t, "connections", 1, f.dialed())
	})
}

// TestSameIDOtherPayload has an entry under the id of another message, as after a store was copied.
func TestSameIDOtherPayload(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		listener, store := serve(t, f), client.NewMemoryStore()
		first := joinAt(t, f, listener, store)
		first.send("k", "first")
		pass(time.Second)
		if err := first.stop(); err != nil {
			t.Fatal(err)
		}
		id := f.sends()[0]
		request, err := proto.Marshal(&messagev1.SendRequest{ConversationId: "k", ClientMessageId: id, Content: client.Text("another")})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.PutEntry(client.Entry{ClientMessageID: id, ConversationID: "k", Request: request, CreatedAt: time.Now().UnixMilli()}); err != nil {
			t.Fatal(err)
		}
		second := joinAt(t, f, listener, store)
		next := second.send("k", "next")
		pass(time.Minute)
		failed := heard[client.SendFailed](second)
		if len(failed) != 1 || failed[0].Err.Reason != "CLIENT_MESSAGE_ID_REUSED" {
			t.Fatalf("failed: %v", failed)
		}
		check(t, "the one that follows", int64(2), seqOf(t, next))
		check(t, "stored", []string{"first", "next"}, f.bodies("k"))
		snapshot, _ := store.Load()
		check(t, "outbox", 0, len(snapshot.Outbox))
	})
}

// TestADeletedAccountLeavesNothingBehind wipes what the device knows, and only then.
func TestADeletedAccountLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 2)
		pass(30 * time.Second)
		set(f, &f.onFrame, func(_ *peer, frame *gatewayv1.ClientFrame) bool { return isSend(frame) })
		waiting := d.send("k", "unanswered")
		f.last().close(4304, "ACCOUNT_DELETED")
		pass(0)
		var stop *client.StopError
		if err := d.ended(); !errors.As(err, &stop) || stop.State != client.SignedOut {
			t.Errorf("Run: %v", err)
		}
		if r := <-waiting; !errors.Is(r.err, client.ErrEnded) {
			t.Errorf("send: %v, want ErrEnded", r.err)
		}
		snapshot, _ := d.store.Load()
		check(t, "store", client.Snapshot{Positions: map[string]client.Position{}, Outbox: []client.Entry{}}, snapshot)
		set(f, &f.onFrame, nil)
		d.SetToken("of another account")
		d.start()
		pass(time.Second)
		check(t, "nothing of the old account is sent", []string{"hi", "hi"}, f.bodies("k"))
		check(t, "the new one begins anew", "", cursors(f)[len(cursors(f))-1])
	})
}
