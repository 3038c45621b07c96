// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/secret"
)

func text(k ids.ConversationID, seq int64) *gatewayv1.ServerFrame {
	return &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Messages{Messages: &gatewayv1.Messages{
		ConversationId: k.String(), Items: []*messagev1.Message{{ConversationId: k.String(), Seq: seq}},
	}}}
}

func (w *world) get(url string, header http.Header) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	if header != nil {
		r, err = http.NewRequestWithContext(w.t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// TestAGuestHearsThroughItsHome connects users to a gateway that is not their home.
func TestAGuestHearsThroughItsHome(t *testing.T) {
	t.Parallel()
	hearThroughHome(t, newWorld(t, 2))
}

// TestAGuestHearsThroughRabbitMQ does the same over the real broker; its pods have names of their own.
func TestAGuestHearsThroughRabbitMQ(t *testing.T) {
	t.Parallel()
	address := os.Getenv("PARLEY_TEST_AMQP_URL")
	if address == "" {
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal("needs RabbitMQ in PARLEY_TEST_AMQP_URL")
		}
		t.Skip("needs RabbitMQ in PARLEY_TEST_AMQP_URL; make test starts one")
	}
	bus, err := amqpbroker.Open(amqpbroker.Options{
		URL: secret.New(address), Name: "gateway-test", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	hearThroughHome(t, newWorldOn(t, 2, bus, "gateway-"+ids.NewUser().String()))
}

func hearThroughHome(t *testing.T, w *world) {
	t.Helper()
	for seat := range uint32(2) {
		user := w.userAt(seat)
		home, guest := w.connect(int(seat), user, fmt.Sprint("/v1/ws/", seat)), w.connect(1-int(seat), user, "/v1/ws")
		k := ids.NewConversation()
		for seq := int64(1); seq <= 50; seq++ {
			w.publish(seq, user, text(k, seq))
		}
		for name, p := range map[string]*person{"home": home, "guest": guest} {
			for seq := int64(1); seq <= 50; seq++ {
				if got := p.next().GetMessages().GetItems()[0].GetSeq(); got != seq {
					t.Fatalf("%s got %d, want %d", name, got, seq)
				}
			}
		}
	}
	_, metrics := w.get("http://"+w.ops[0]+"/metrics", nil)
	for _, line := range []string{"parley_gateway_sessions 2", "parley_gateway_guest_sessions 1", "parley_gateway_ring_members 2", "parley_gateway_watches 0", "parley_gateway_watched_users 0", "parley_gateway_relieved_total 0"} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	if _, status := w.get("http://"+w.ops[0]+"/statusz", nil); !strings.Contains(status, `"sessions"`) {
		t.Errorf("status %s", status)
	}
}

func TestSendingAndTyping(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	alice, bob := w.connect(0, w.userAt(0), "/v1/ws"), w.connect(0, w.userAt(1), "/v1/ws")
	w.messages.mu.Lock()
	w.messages.members = []string{alice.user.String(), bob.user.String()}
	w.messages.mu.Unlock()
	k := ids.NewConversation().String()
	for id := int64(3); id < 20; id++ {
		alice.send(&gatewayv1.ClientFrame{Id: id, Kind: &gatewayv1.ClientFrame_Send{Send: &messagev1.SendRequest{
			ConversationId: k, ClientMessageId: ids.NewClientMessage().String(),
			Content: &messagev1.Content{Kind: &messagev1.Content_Text{Text: &messagev1.Text{Body: "hello"}}},
		}}})
	}
	for id := int64(3); id < 20; id++ {
		if f := alice.next(); f.GetRe() != id || f.GetSent().GetSeq() != id-2 {
			t.Fatalf("answer %v, want to %d", f, id)
		}
	}
	alice.send(&gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Typing{Typing: &gatewayv1.Typing{
		ConversationId: k, State: gatewayv1.TypingState_TYPING_STATE_STARTED,
	}}})
	if f := bob.next(); f.GetTyping().GetUserId() != alice.user.String() {
		t.Errorf("bob got %v", f)
	}
}

func TestALogoutEndsTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	user := w.userAt(0)
	gone, stays := w.connect(0, user, "/v1/ws"), w.connect(0, user, "/v1/ws")
	w.users.end(gone.login)
	gone.wantClose(4301)
	w.publish(1, user, text(ids.NewConversation(), 1))
	if f := stays.next(); f.GetMessages() == nil {
		t.Errorf("got %v", f)
	}
}

func TestTheEndOfAPodMovesItsSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	p := w.connect(0, w.userAt(1), "/v1/ws")
	done := make(chan struct{})
	go func() { defer close(done); w.stops[0]() }()
	f := p.next()
	if f.GetReconnect().GetDeadlineMs() != 3000 {
		t.Fatalf("got %v", f)
	}
	next := w.connect(1, p.user, "/v1/ws")
	p.wantClose(4000)
	await(t, done)
	w.publish(1, p.user, text(ids.NewConversation(), 1))
	if f := next.next(); f.GetMessages() == nil {
		t.Errorf("got %v", f)
	}
}

// TestAPodOfAClusterHandsOver ends a pod in a ring that tells of it: no ready gateway before the ring is
// known, the seat stays in the ring while there is somebody to hand over to, then it leaves.
func TestAPodOfAClusterHandsOver(t *testing.T) {
	t.Parallel()
	w := &world{bus: membroker.New(), prefix: "gateway", known: make(chan struct{}), timeout: "12s"}
	w.begin(t, 2)
	p := w.connect(0, w.userAt(0), "/v1/ws")
	ends := slices.Clone(w.members)
	ends[0].Ready = false
	w.source.Set(ends...)
	done := make(chan struct{})
	go func() { defer close(done); w.stops[0]() }()
	w.until("the pod that ends says so", func() bool { return w.status(0).Drain != nil })
	if s := w.status(0); s.Seat != 0 || s.Sessions != 1 || s.RingMembers != 2 || s.Drain.Remaining != 1 || s.Drain.Deadline-s.Drain.StartedAt != 12000 {
		t.Errorf("status %+v, drain %+v", s, s.Drain)
	}
	w.until("its seat may leave the ring", func() bool {
		status, _ := w.get("http://"+w.ops[0]+"/readyz", nil)
		return status != http.StatusOK
	})
	w.source.Set(w.members[1])
	if f := p.next(); f.GetReconnect().GetReason() != "ROLLOUT" {
		t.Fatalf("got %v", f)
	}
	if s := w.status(0); s.Guests != 1 || s.RingMembers != 1 {
		t.Errorf("the session is no guest yet: %+v", s)
	}
	w.publish(1, p.user, text(ids.NewConversation(), 1))
	if f := p.next(); f.GetMessages() == nil {
		t.Errorf("as a guest it got %v", f)
	}
	next := w.connect(1, p.user, "/v1/ws")
	p.conn.WriteClose(1000, nil)
	await(t, done)
	w.publish(2, p.user, text(ids.NewConversation(), 1))
	if f := next.next(); f.GetMessages() == nil {
		t.Errorf("got %v", f)
	}
	next.conn.WriteClose(1000, nil)
	w.source.Set() // the other pod has nothing to wait for
}

// status is what a gateway says of itself.
func (w *world) status(gateway int) *component.GatewayStatus {
	w.t.Helper()
	_, body := w.get("http://"+w.ops[gateway]+"/statusz", nil)
	var s component.Status
	if err := json.Unmarshal([]byte(body), &s); err != nil || s.Gateway == nil {
		w.t.Fatalf("status %s: %v", body, err)
	}
	return s.Gateway
}

func TestTheEndOfTheOnlyPodTellsWhenToComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	p := w.connect(0, w.userAt(0), "/v1/ws")
	w.stops[0]()
	p.wantClose(4203)
}

func TestTheBrokerComesBack(t *testing.T) {
	t.Parallel()
	bus := membroker.New()
	w := newWorldOn(t, 1, bus, "gateway")
	p := w.connect(0, w.userAt(0), "/v1/ws")
	bus.SetAway(true)
	bus.SetAway(false)
	// Envelopes may get lost until the queue is bound again; then they arrive.
	number := int64(0)
	w.until("envelopes arrive again", func() bool {
		number++
		_ = w.tryPublish(number, p.user, text(ids.NewConversation(), 1))
		select {
		case f := <-p.frames:
			return f.GetMessages() != nil
		default:
			return false
		}
	})
}

// A browser opens connections ahead of need. Whoever asked nothing does not hold up the end, which the world
// finds to be without an error.
func TestASilentConnectionDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	silent, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	w.get("http://"+w.addrs[0]+"/v1/ws", nil) // accepted after the silent one
	w.stops[0]()
}

func TestThePublicPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	p := w.connect(0, w.userAt(0), "/v1/ws")
	base := "http://" + w.addrs[0]
	call := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + p.token}}
	if status, body := w.get(base+"/parley.gateway.v1.SessionService/Resolve", call); status != 200 || !strings.Contains(body, `"/v1/ws"`) {
		t.Errorf("resolve: %d %s", status, body)
	}
	if status, body := w.get(base+"/parley.gateway.v1.HomeService/Register", call); status != 404 {
		t.Errorf("an internal method: %d %s", status, body)
	}
	if status, _ := w.get(base+"/v1/ws", nil); status != 426 {
		t.Errorf("no upgrade: %d", status)
	}
	if status, _ := w.get(base+"/healthz", http.Header{}); status == 200 {
		t.Errorf("probes on the public port: %d", status)
	}
	if status, _ := w.get("http://"+w.ops[0]+"/readyz", nil); status != 200 {
		t.Errorf("not ready: %d", status)
	}
}
