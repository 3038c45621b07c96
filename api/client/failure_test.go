// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	connectrpc "connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/client"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// failing refuses the first calls of one name.
func failing(name string, times int, code connectrpc.Code) func(string, int) error {
	return func(called string, n int) error {
		if called == name && n <= times {
			return connectrpc.NewError(code, errors.New("not now"))
		}
		return nil
	}
}

func TestPullIsTriedAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		set(f, &f.onCall, failing("ListMessages", 4, connectrpc.CodeUnavailable))
		f.say("k", 3)
		d := join(t, f)
		pass(100 * time.Millisecond)
		d.inState(client.Syncing)
		check(t, "a send does not wait for it", int64(1), seqOf(t, d.send("m", "hi")))
		pass(time.Minute)
		d.inState(client.Live)
		check(t, "messages", upTo(3), d.received("k"))
		check(t, "tries", 5, f.count("ListMessages"))
	})
}

func TestPullOfWhatIsNotThereEnds(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		set(f, &f.onCall, failing("ListMessages", 1000, connectrpc.CodeNotFound))
		f.say("k", 3)
		d := join(t, f)
		pass(time.Minute)
		d.inState(client.Live)
		check(t, "tries", 1, f.count("ListMessages"))
		check(t, "messages", []int64(nil), d.received("k"))
	})
}

func TestHeadThatNobodyCanReachIsGivenUp(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		f.say("k", 2)
		d := join(t, f)
		pass(time.Second)
		f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Conversation{
			Conversation: &messagev1.Conversation{ConversationId: "k", Head: &messagev1.Head{ConversationId: "k", Seq: 9}},
		}})
		pass(10 * time.Minute)
		d.inState(client.Live)
		if n := f.count("ListMessages"); n > 3 {
			t.Errorf("%d pulls for messages that do not exist", n)
		}
		f.say("k", 1)
		pass(time.Second)
		check(t, "messages", upTo(3), d.received("k"))
	})
}

func TestCatchingUpIsTriedAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		set(f, &f.onCall, failing("ListConversations", 2, connectrpc.CodeUnavailable))
		for _, id := range []string{"a", "b", "c"} {
			f.say(id, 1)
		}
		d := join(t, f)
		pass(time.Minute)
		d.inState(client.Live)
		check(t, "conversations", 3, len(heard[client.ConversationChanged](d)))

		set(f, &f.onCall, failing("Sync", 2, connectrpc.CodeUnavailable))
		f.last().close(4000, "MOVED")
		pass(0)
		set(f, &f.limit, 1)
		for _, id := range []string{"a", "b", "c"} {
			f.say(id, 1)
		}
		pass(time.Minute)
		d.inState(client.Live)
		for _, id := range []string{"a", "b", "c"} {
			check(t, "messages of "+id, upTo(2), d.received(id))
		}
	})
}

func TestCursorIsKeptOnlyAfterWhatItAnnounced(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		listener, store := serve(t, f), client.NewMemoryStore()
		d := joinAt(t, f, listener, store)
		f.say("k", 1)
		pass(30 * time.Second)
		set(f, &f.silent, true)
		set(f, &f.onCall, failing("ListMessages", 1000, connectrpc.CodeUnavailable))
		f.say("k", 2)
		pass(2 * time.Minute)
		snapshot, _ := store.Load()
		check(t, "cursor while messages are missing", "c1", snapshot.Cursor)
		d.inState(client.Syncing)
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		set(f, &f.onCall, nil)
		again := joinAt(t, f, listener, store)
		pass(time.Minute)
		check(t, "messages after a restart", span(2, 3), again.received("k"))
		snapshot, _ = store.Load()
		check(t, "cursor", "c3", snapshot.Cursor)
	})
}

// brokenStore stores no positions and, if told so, no messages.
type brokenStore struct {
	*client.MemoryStore

	mu   sync.Mutex // guards full
	full bool
}

func (b *brokenStore) SavePosition(string, client.Position) error { return errors.New("disk full") }

func (b *brokenStore) PutEntry(e client.Entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return errors.New("disk full")
	}
	return b.MemoryStore.PutEntry(e)
}

func TestWhatIsNotStoredIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		store := &brokenStore{MemoryStore: client.NewMemoryStore()}
		d := join(t, f, func(c *client.Config) { c.Store = store })
		f.say("k", 3)
		pass(time.Minute)
		check(t, "messages", upTo(3), d.received("k"))
		acks := got(f, (*gatewayv1.ClientFrame).GetAck, func(a *gatewayv1.Ack) bool { return a != nil })
		check(t, "acks", 0, len(acks))
		store.mu.Lock()
		store.full = true
		store.mu.Unlock()
		if _, err := d.Enqueue("k", client.Text("hi")); err == nil {
			t.Error("a message that is not stored is taken")
		}
		check(t, "sends", 0, len(f.sends()))
	})
}

func TestFillOfWhatIsNotVisible(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		f.say("k", 300)
		f.hide("k", 1, 250)
		d := join(t, f)
		pass(time.Second)
		hole := heard[client.HoleRecorded](d)[0].Range
		check(t, "hole", client.Range{From: 1, To: 250}, hole)
		for range 3 {
			snapshot, _ := d.store.Load()
			holes := snapshot.Positions["k"].Holes
			if len(holes) == 0 {
				break
			}
			items, err := d.Fill(t.Context(), "k", holes[0])
			if err != nil || len(items) != 0 {
				t.Fatalf("fill: %d messages, %v", len(items), err)
			}
			pass(0)
		}
		snapshot, _ := d.store.Load()
		check(t, "position", client.Position{Seq: 300}, snapshot.Positions["k"])
	})
}

func TestFillFails(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		set(f, &f.onCall, failing("ListMessages", 1, connectrpc.CodeUnavailable))
		d := join(t, f)
		if _, err := d.Fill(t.Context(), "k", client.Range{From: 1, To: 9}); connectrpc.CodeOf(err) != connectrpc.CodeUnavailable {
			t.Errorf("fill: %v", err)
		}
	})
}

func TestFewerInFlightIfTheServerSaysSo(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool {
			if frame.GetAuth() != nil {
				p.welcome(frame.GetId(), 2)
				return true
			}
			return isSend(frame)
		})
		d := join(t, f)
		for _, id := range []string{"a", "b", "c", "d"} {
			if _, err := d.Enqueue(id, client.Text("hi")); err != nil {
				t.Fatal(err)
			}
		}
		pass(5 * time.Second)
		check(t, "unanswered", 2, len(f.sends()))
	})
}

func TestSocketThatIsNotReadIsGivenUp(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		hold := make(chan struct{})
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool {
			if p.n == 1 && frame.GetTyping() != nil {
				<-hold // the server reads no more
			}
			return false
		})
		for range 1000 {
			d.Typing("k", gatewayv1.TypingState_TYPING_STATE_STARTED)
		}
		pass(30 * time.Second)
		close(hold)
		pass(30 * time.Second)
		d.inState(client.Live)
		check(t, "connections", 2, f.dialed())
	})
}

func TestNewsOfPeopleMarkersAndTypingIsPassedOn(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Event{}})
		f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Read{}})
		f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Typing{}})
		pass(0)
		check(t, "people, markers, typing", []int{1, 1, 1}, []int{
			len(heard[client.PeopleChanged](d)), len(heard[client.MarkerMoved](d)), len(heard[client.TypingChanged](d)),
		})
	})
}

func TestF32_AWatchFollowsTheClientOverItsConnections(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		watches := func() []string {
			var sets []string
			for _, w := range got(f, (*gatewayv1.ClientFrame).GetWatch, func(w *gatewayv1.Watch) bool { return w != nil }) {
				sets = append(sets, strings.Join(w.GetUserIds(), " "))
			}
			return sets
		}
		d.Watch("ann", "bob")
		pass(time.Second)
		check(t, "named at once", []string{"ann bob"}, watches())
		f.last().close(4000, "MOVED")
		pass(30 * time.Second)
		d.inState(client.Live)
		check(t, "named again on the next connection", []string{"ann bob", "ann bob"}, watches())
		d.Watch()
		pass(time.Second)
		f.last().close(4000, "MOVED")
		pass(30 * time.Second)
		check(t, "nobody is named once", []string{"ann bob", "ann bob", ""}, watches())
		item := &gatewayv1.Presence_Item{UserId: "ann", State: gatewayv1.PresenceState_PRESENCE_STATE_AWAY, LastActiveAt: 7}
		f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Presence{
			Presence: &gatewayv1.Presence{Items: []*gatewayv1.Presence_Item{item}},
		}})
		pass(0)
		told := heard[client.PresenceChanged](d)
		if len(told) != 1 || !proto.Equal(told[0].Items[0], item) {
			t.Errorf("told %v", told)
		}
	})
}

func TestCallsCarryTheToken(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		var headers []string
		listener := newPipes()
		server := &http.Server{
			ReadHeaderTimeout: time.Minute,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				headers = append(headers, r.Header.Get("Authorization"))
				f.handler().ServeHTTP(w, r)
			}),
		}
		go func() { _ = server.Serve(listener) }()
		defer func() { _ = server.Close() }()
		c, err := client.New(client.Config{BaseURLs: []string{"http://chat.example"}, Dial: listener.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, token := range []string{"", "one", "two"} {
			c.SetToken(token)
			if _, err := c.Conversations().ListConversations(t.Context(), &messagev1.ListConversationsRequest{}); err != nil {
				t.Fatal(err)
			}
		}
		check(t, "headers", []string{"", "Bearer one", "Bearer two"}, headers)
	})
}
