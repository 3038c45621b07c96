// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	transmitv1 "github.com/parley-chat/parley/api/gen/parley/transmit/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/transmit/server"
)

func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = io.WriteString(os.Stderr, err.Error()+"\n")
			code = 1
		}
	}
	os.Exit(code)
}

// friendService answers one list and can be away.
type friendService struct {
	friendv1connect.UnimplementedFriendServiceHandler

	mu    sync.Mutex // guards what follows
	ids   []string
	away  bool
	asked []string
}

func (f *friendService) ListFriendIds( //nolint:revive // the name is generated
	_ context.Context, in *friendv1.ListFriendIdsRequest,
) (*friendv1.ListFriendIdsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, in.GetUserId())
	if f.away {
		return nil, connect.NewError(connect.CodeUnavailable, nil)
	}
	return &friendv1.ListFriendIdsResponse{UserIds: f.ids}, nil
}

// pod is a gateway pod that keeps what it gets.
type pod struct {
	arrived chan *transmitv1.Envelope
}

// world is transmit between a broker, a friend service and pods.
type world struct {
	broker  broker.Broker
	ring    *ring.StaticSource
	friends *friendService
	ops     string
}

func member(seat uint32, name string) ring.Member {
	return ring.Member{Seat: seat, Pod: name, UID: name, URL: "http://127.0.0.1:1", Ready: true, Serving: true}
}

// start runs transmit until the test ends.
func start(t *testing.T, b broker.Broker, members ...ring.Member) *world {
	t.Helper()
	w := &world{broker: b, ring: ring.Static(members...), friends: &friendService{}}
	mux := http.NewServeMux()
	mux.Handle(friendv1connect.NewFriendServiceHandler(w.friends))
	upstream := httptest.NewServer(mux)
	t.Cleanup(upstream.Close)
	ops, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.ops = "http://" + ops.Addr().String()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	ctx, cancel := context.WithCancel(t.Context())
	started, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, server.Config{FriendURL: upstream.URL, MessageURL: upstream.URL}, server.Parts{Ring: w.ring, Parts: process.Parts{
			Ops: ops, Broker: b, Transport: transport, Logger: slog.New(slog.DiscardHandler),
			Keys: identity.GenerateKeys(component.All()...)[component.Transmit], Started: func() { close(started) },
		}})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	<-started
	return w
}

// join binds the queue of a pod.
func join(t *testing.T, b broker.Broker, name string) *pod {
	t.Helper()
	p := &pod{arrived: make(chan *transmitv1.Envelope, 1000)}
	bound := make(chan struct{}, 10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- b.Subscribe(ctx, broker.Subscription{
			Name: name, Exchange: broker.DeliverExchange, RoutingKeys: []string{name},
			Bound: func(context.Context) { bound <- struct{}{} },
		}, func(_ context.Context, d *broker.Delivery) {
			e := &transmitv1.Envelope{}
			if err := proto.Unmarshal(d.Body, e); err == nil {
				p.arrived <- e
			}
			d.Ack()
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("subscription: %v", err)
		}
	})
	<-bound
	return p
}

// next waits for a delivery.
func (p *pod) next(t *testing.T) *transmitv1.Envelope {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case e := <-p.arrived:
			if len(e.GetDeliveries()) > 0 {
				return e
			}
		case <-deadline:
			t.Fatal("nothing was delivered within 30 s")
		}
	}
}

// seqs waits for so many messages and answers their positions, in the order of arrival.
func (p *pod) seqs(t *testing.T, n int) []int64 {
	t.Helper()
	var out []int64
	for len(out) < n {
		out = append(out, seqsOf(t, p.next(t))...)
	}
	return out
}

// seqsOf lists the positions of the messages in an envelope.
func seqsOf(t *testing.T, e *transmitv1.Envelope) []int64 {
	t.Helper()
	var out []int64
	for _, d := range e.GetDeliveries() {
		frame := &gatewayv1.ServerFrame{}
		if err := proto.Unmarshal(d.GetFrame(), frame); err != nil {
			t.Fatal(err)
		}
		for _, m := range frame.GetMessages().GetItems() {
			out = append(out, m.GetSeq())
		}
	}
	return out
}

func (w *world) publish(t *testing.T, key string, events ...*eventv1.Event) {
	t.Helper()
	body, err := proto.Marshal(&eventv1.EventBatch{Events: events})
	if err != nil {
		t.Fatal(err)
	}
	for {
		err := w.broker.Publish(t.Context(), broker.Message{
			Exchange: broker.EventsExchange, RoutingKey: key, Body: body, Persistent: true,
		})
		if err == nil {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond): // the queue is not declared yet
		case <-t.Context().Done():
			t.Fatal(err)
		}
	}
}

func message(conversation ids.ConversationID, seq int64, to ...ids.UserID) *eventv1.Event {
	e := &eventv1.Event{
		EventId: ids.NewEvent().String(), Type: eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED,
		Payload: &eventv1.Event_Message{Message: &messagev1.Message{ConversationId: conversation.String(), Seq: seq}},
	}
	for _, user := range to {
		e.RecipientIds = append(e.RecipientIds, user.String())
	}
	return e
}

func TestMessagesArriveInOrder(t *testing.T) {
	t.Parallel()
	w := start(t, membroker.New(), member(0, "gateway-0"))
	p := join(t, w.broker, "gateway-0")
	conversation, amy, ben := ids.NewConversation(), ids.NewUser(), ids.NewUser()
	for seq := int64(1); seq <= 200; seq += 2 {
		w.publish(t, "message.created", message(conversation, seq, amy, ben), message(conversation, seq+1, amy, ben))
	}
	for i, seq := range p.seqs(t, 200) {
		if seq != int64(i+1) {
			t.Fatalf("position %d arrives as number %d", seq, i+1)
		}
	}
}

func TestEachPodHearsForItsOwnUsers(t *testing.T) {
	t.Parallel()
	w := start(t, membroker.New(), member(0, "gateway-0"), member(1, "gateway-1"))
	pods := map[string]*pod{"gateway-0": join(t, w.broker, "gateway-0"), "gateway-1": join(t, w.broker, "gateway-1")}
	var crowd []ids.UserID
	want := map[string]int{}
	for range 40 {
		user := ids.NewUser()
		home, _ := w.ring.View().Home(user)
		want[home.Pod]++
		crowd = append(crowd, user)
	}
	w.publish(t, "message.created", message(ids.NewConversation(), 1, crowd...))
	for name, p := range pods {
		if want[name] == 0 {
			continue
		}
		got := p.next(t).GetDeliveries()[0].GetUserIds()
		if len(got) != want[name] {
			t.Errorf("%s hears for %d users, want %d", name, len(got), want[name])
		}
		for _, b := range got {
			user, ok := ids.FromBytes[any](b)
			if home, _ := w.ring.View().Home(ids.UserID(user)); !ok || home.Pod != name {
				t.Errorf("%s hears for a user at home on %s", name, home.Pod)
			}
		}
	}
}

func TestProfileGoesToFriendsOnceTheyAreKnown(t *testing.T) {
	t.Parallel()
	w := start(t, membroker.New(), member(0, "gateway-0"))
	p := join(t, w.broker, "gateway-0")
	amy, ben := ids.NewUser(), ids.NewUser()
	w.friends.mu.Lock()
	w.friends.ids, w.friends.away = []string{ben.String()}, true
	w.friends.mu.Unlock()
	w.publish(t, "user.updated", &eventv1.Event{
		Type:    eventv1.EventType_EVENT_TYPE_USER_UPDATED,
		Payload: &eventv1.Event_User{User: &userv1.User{UserId: amy.String()}},
	})
	w.publish(t, "message.created", message(ids.NewConversation(), 1, amy))
	if got := p.seqs(t, 1); got[0] != 1 {
		t.Fatalf("the message does not pass a profile that waits: %v", got)
	}
	w.friends.mu.Lock()
	w.friends.away = false
	w.friends.mu.Unlock()
	got := p.next(t).GetDeliveries()[0]
	if len(got.GetUserIds()) != 2 {
		t.Errorf("the profile goes to %d users, want its owner and the friend", len(got.GetUserIds()))
	}
}

func TestEventsOutliveABrokerThatGoesAway(t *testing.T) {
	t.Parallel()
	b := membroker.New()
	w := start(t, b, member(0, "gateway-0"))
	p := join(t, b, "gateway-0")
	conversation, amy := ids.NewConversation(), ids.NewUser()
	for seq := int64(1); seq <= 50; seq++ {
		w.publish(t, "message.created", message(conversation, seq, amy))
		if seq%10 == 0 {
			b.Interrupt()
		}
	}
	// The pod's own queue goes with its connection, and what arrives meanwhile is dropped: the pod asks for
	// heads then. Here it is enough that messages come through again.
	for seq := int64(51); ; seq++ {
		w.publish(t, "message.created", message(conversation, seq, amy))
		select {
		case e := <-p.arrived:
			if seqs := seqsOf(t, e); len(seqs) > 0 && slices.Max(seqs) > 50 {
				return
			}
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("nothing comes through after the interruptions")
		}
	}
}

func TestPodThatIsGoneHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := start(t, membroker.New(), member(0, "gone"))
	amy := ids.NewUser()
	w.publish(t, "message.created", message(ids.NewConversation(), 1, amy))
	p := join(t, w.broker, "gateway-1")
	w.ring.Set(member(0, "gateway-1"))
	w.publish(t, "message.created", message(ids.NewConversation(), 2, amy))
	// The first message may follow the second, if it met the new ring after all.
	for arrived := false; !arrived; {
		arrived = slices.Contains(seqsOf(t, p.next(t)), 2)
	}
}

func TestPoisonIsParkedAndTheNextEventPasses(t *testing.T) {
	t.Parallel()
	w := start(t, membroker.New(), member(0, "gateway-0"))
	p := join(t, w.broker, "gateway-0")
	w.publish(t, "message.created", &eventv1.Event{Type: 99})
	w.publish(t, "message.created", message(ids.NewConversation(), 1, ids.NewUser()))
	p.seqs(t, 1)
	if text := get(t, w.ops+"/metrics"); !contains(text, `parley_transmit_batches_total{outcome="rejected"} 1`) {
		t.Error("the poison does not show in the metrics")
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	w := start(t, membroker.New(), member(0, "gateway-0"))
	if text := get(t, w.ops+"/readyz"); text != "ready\n" {
		t.Errorf("readiness is %q", text)
	}
	if text := get(t, w.ops+"/statusz"); !contains(text, `"ready": true`) {
		t.Errorf("status is %s", text)
	}
}
