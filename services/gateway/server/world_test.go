// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/component"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	transmitv1 "github.com/parley-chat/parley/api/gen/parley/transmit/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/gateway/server"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait of a test.
const patience = 20 * time.Second

// users is a little user service: a token is "user/device/login".
type users struct {
	userv1connect.UnimplementedAuthServiceHandler
	userv1connect.UnimplementedUserServiceHandler

	mu    sync.Mutex // guards ended
	ended []string
}

func (u *users) VerifyToken(_ context.Context, r *userv1.VerifyTokenRequest) (*userv1.VerifyTokenResponse, error) {
	parts := strings.Split(r.GetToken(), "/")
	if len(parts) != 3 {
		return nil, fault.ErrUnauthenticated
	}
	return &userv1.VerifyTokenResponse{
		UserId: parts[0], DeviceId: parts[1], LoginSessionId: parts[2], ExpiresAt: time.Now().Add(time.Hour).UnixMilli(),
	}, nil
}

func (u *users) ListRevocations(context.Context, *userv1.ListRevocationsRequest) (*userv1.ListRevocationsResponse, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := &userv1.ListRevocationsResponse{Position: fmt.Sprint(len(u.ended))}
	for _, id := range u.ended {
		out.Revocations = append(out.Revocations, &userv1.Revocation{LoginSessionId: id, Reason: userv1.EndReason_END_REASON_REVOKED})
	}
	return out, nil
}

func (u *users) end(login string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended = append(u.ended, login)
}

// messages is a little message service: one conversation of all users, without transmit.
type messages struct {
	messagev1connect.UnimplementedMessageServiceHandler
	messagev1connect.UnimplementedConversationServiceHandler

	mu      sync.Mutex // guards everything below
	seq     int64
	members []string
}

func (m *messages) SendBatch(_ context.Context, r *messagev1.SendBatchRequest) (*messagev1.SendBatchResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := &messagev1.SendBatchResponse{}
	for _, item := range r.GetItems() {
		m.seq++
		out.Results = append(out.Results, &messagev1.SendBatchResponse_Result{Outcome: &messagev1.SendBatchResponse_Result_Sent{
			Sent: &messagev1.Sent{
				ClientMessageId: item.GetSend().GetClientMessageId(), ConversationId: item.GetSend().GetConversationId(),
				MessageId: ids.NewMessage().String(), Seq: m.seq, SentAt: 1,
			},
		}})
	}
	return out, nil
}

func (m *messages) SyncBatch(_ context.Context, r *messagev1.SyncBatchRequest) (*messagev1.SyncBatchResponse, error) {
	out := &messagev1.SyncBatchResponse{}
	for range r.GetItems() {
		out.Results = append(out.Results, &messagev1.SyncResponse{Complete: true, Cursor: "c1"})
	}
	return out, nil
}

func (m *messages) ListRecipients(context.Context, *messagev1.ListRecipientsRequest) (*messagev1.ListRecipientsResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &messagev1.ListRecipientsResponse{UserIds: m.members}, nil
}

// world is gateways on real listen ports, with one broker and one ring.
type world struct {
	t        *testing.T
	users    *users
	messages *messages
	bus      broker.Broker
	prefix   string // of pod names
	source   *ring.StaticSource
	members  []ring.Member // at the start
	known    chan struct{} // not nil: the ring is a watched one, and closes known when the first gateway was seen unready
	timeout  string        // of a drain
	environ  map[string]string
	addrs    []string // public
	ops      []string
	stops    []func()
	logs     *slog.Logger
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run starts something; the answer stops it and waits. The end of the test does so too.
func run(t *testing.T, what func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- what(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// newWorld starts gateways on a broker in memory.
func newWorld(t *testing.T, gateways int) *world {
	t.Helper()
	return newWorldOn(t, gateways, membroker.New(), "gateway")
}

// newWorldOn starts gateways whose pod names begin with prefix; the broker is closed at the end.
func newWorldOn(t *testing.T, gateways int, bus broker.Broker, prefix string) *world {
	t.Helper()
	w := &world{bus: bus, prefix: prefix}
	w.begin(t, gateways)
	return w
}

// begin starts the gateways of a world whose bus, prefix and, where the ring is watched, known are set.
func (w *world) begin(t *testing.T, gateways int) {
	t.Helper()
	keys := identity.GenerateKeys(component.Gateway, component.User, component.Message, component.Friend)
	w.t, w.users, w.messages, w.logs = t, &users{}, &messages{}, slog.New(slog.DiscardHandler)
	transport := rpcclient.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	t.Cleanup(func() { _ = w.bus.Close() })
	serve := func(name component.Name, mount func(*rpcserver.Server)) string {
		s := rpcserver.New(rpcserver.Options{Component: name, Keys: keys[name], Logger: w.logs})
		mount(s)
		l := listen(t)
		run(t, func(ctx context.Context) error { return s.Serve(ctx, l) })
		return "http://" + l.Addr().String()
	}
	userURL := serve(component.User, func(s *rpcserver.Server) {
		s.Mount(userv1connect.NewAuthServiceHandler(w.users, s.HandlerOptions()...))
		s.Mount(userv1connect.NewUserServiceHandler(w.users, s.HandlerOptions()...))
	})
	messageURL := serve(component.Message, func(s *rpcserver.Server) {
		s.Mount(messagev1connect.NewMessageServiceHandler(w.messages, s.HandlerOptions()...))
		s.Mount(messagev1connect.NewConversationServiceHandler(w.messages, s.HandlerOptions()...))
	})
	var members []ring.Member
	var rpcs []net.Listener
	for seat := range gateways {
		rpcs = append(rpcs, listen(t))
		pod := fmt.Sprint(w.prefix, "-", seat)
		members = append(members, ring.Member{
			Seat: uint32(seat), Pod: pod, UID: pod, URL: "http://" + rpcs[seat].Addr().String(), Ready: true, Serving: true,
		})
	}
	w.members, w.source = members, ring.Static(members...)
	var source ring.Source = w.source
	if w.known != nil {
		source = watched{w.source, w.known}
	}
	for seat := range gateways {
		environ := map[string]string{
			"PARLEY_UPSTREAM_USER_URL": userURL, "PARLEY_UPSTREAM_FRIEND_URL": userURL, "PARLEY_UPSTREAM_MESSAGE_URL": messageURL, "PARLEY_UPSTREAM_FILE_URL": userURL,
			"PARLEY_POD_NAME": members[seat].Pod, "PARLEY_GATEWAY_SEAT": fmt.Sprint(seat), "PARLEY_GATEWAY_DRAIN_TIMEOUT": cmp.Or(w.timeout, "4s"),
		}
		maps.Copy(environ, w.environ)
		cfg, err := server.Load(environ)
		if err != nil {
			t.Fatal(err)
		}
		public, ops := listen(t), listen(t)
		w.addrs, w.ops = append(w.addrs, public.Addr().String()), append(w.ops, ops.Addr().String())
		started := make(chan struct{})
		w.stops = append(w.stops, run(t, func(ctx context.Context) error {
			return server.Run(ctx, cfg, server.Parts{Public: public, Ring: source, Parts: process.Parts{
				RPC: rpcs[seat], Ops: ops, Broker: w.bus, Transport: transport, Keys: keys[component.Gateway],
				Logger: w.logs, Started: func() { close(started) },
			}})
		}))
		if w.known != nil && seat == 0 {
			w.wantUnready()
			close(w.known)
		}
		await(t, started)
	}
	w.until("all pods are bound", w.bus.Connected)
}

// wantUnready waits until the first gateway answers, which must not be ready for a while.
func (w *world) wantUnready() {
	w.t.Helper()
	for range 20 {
		if status, _ := w.get("http://"+w.ops[0]+"/readyz", nil); status != http.StatusServiceUnavailable {
			w.t.Fatalf("readyz answers %d before the ring is known", status)
		}
	}
}

// watched is a ring as a cluster has it, which the test changes.
type watched struct {
	*ring.StaticSource
	known chan struct{}
}

func (w watched) Known() <-chan struct{} { return w.known }

func (watched) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func await(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it did not happen")
	}
}

// until polls a condition under the test's patience.
func (w *world) until(what string, condition func() bool) {
	w.t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			w.t.Fatalf("not in time: %s", what)
		}
	}
}

// userAt makes a user who is at home on a seat.
func (w *world) userAt(seat uint32) ids.UserID {
	for {
		user := ids.NewUser()
		if s, _ := w.source.View().Seat(user); s == seat {
			return user
		}
	}
}

// publish does what transmit does: one envelope to the home pod of a user.
func (w *world) publish(number int64, user ids.UserID, frame *gatewayv1.ServerFrame) {
	w.t.Helper()
	if err := w.tryPublish(number, user, frame); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tryPublish(number int64, user ids.UserID, frame *gatewayv1.ServerFrame) error {
	w.t.Helper()
	data, err := proto.Marshal(frame)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := proto.Marshal(&transmitv1.Envelope{SenderId: "transmit-" + user.String(), Number: number, Deliveries: []*transmitv1.Delivery{{
		Frame: data, Class: transmitv1.DeliveryClass_DELIVERY_CLASS_DURABLE, UserIds: [][]byte{user.Bytes()},
	}}})
	if err != nil {
		w.t.Fatal(err)
	}
	home, _ := w.source.View().Home(user)
	return w.bus.Publish(w.t.Context(), broker.Message{Exchange: broker.DeliverExchange, RoutingKey: home.Pod, Body: body})
}

// person is a WebSocket client.
type person struct {
	gws.BuiltinEventHandler

	w      *world
	user   ids.UserID
	login  string
	token  string
	device string
	conn   *gws.Conn
	frames chan *gatewayv1.ServerFrame
	closed chan uint16
}

// OnMessage keeps a frame.
func (p *person) OnMessage(_ *gws.Conn, m *gws.Message) {
	f := &gatewayv1.ServerFrame{}
	if err := proto.Unmarshal(m.Bytes(), f); err == nil {
		p.frames <- f
	}
	_ = m.Close()
}

// OnClose keeps the code.
func (p *person) OnClose(_ *gws.Conn, err error) {
	code := uint16(1006)
	if closed, ok := errors.AsType[*gws.CloseError](err); ok {
		code = closed.Code
	}
	p.closed <- code
}

// connect opens a session of a user on a gateway; path may name a seat.
func (w *world) connect(gateway int, user ids.UserID, path string) *person {
	w.t.Helper()
	p := &person{
		w: w, user: user, login: ids.NewLoginSession().String(), device: ids.NewDevice().String(),
		frames: make(chan *gatewayv1.ServerFrame, 1000), closed: make(chan uint16, 1),
	}
	p.token = user.String() + "/" + p.device + "/" + p.login
	conn, response, err := gws.NewClient(p, &gws.ClientOption{
		Addr: "ws://" + w.addrs[gateway] + path, RequestHeader: http.Header{"Sec-WebSocket-Protocol": {"parley.v1.proto"}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	_ = response.Body.Close()
	p.conn = conn
	done := make(chan struct{})
	go func() { defer close(done); conn.ReadLoop() }()
	w.t.Cleanup(func() {
		_ = conn.NetConn().Close()
		<-done
	})
	p.send(&gatewayv1.ClientFrame{Id: 1, Kind: &gatewayv1.ClientFrame_Auth{Auth: &gatewayv1.Auth{
		Token: p.token, Protocol: 1, Device: &gatewayv1.Auth_Instance{DeviceId: p.device, InstanceId: ids.NewInstance().String()},
	}}})
	p.send(&gatewayv1.ClientFrame{Id: 2, Kind: &gatewayv1.ClientFrame_Resume{Resume: &gatewayv1.Resume{Cursor: "c0"}}})
	if f := p.next(); f.GetRe() != 1 || f.GetWelcome() == nil {
		w.t.Fatalf("not welcome: %v", f)
	}
	if f := p.next(); f.GetRe() != 2 || f.GetResumed().GetCursor() != "c1" {
		w.t.Fatalf("not resumed: %v", f)
	}
	return p
}

func (p *person) send(f *gatewayv1.ClientFrame) {
	p.w.t.Helper()
	data, err := proto.Marshal(f)
	if err == nil {
		err = p.conn.WriteMessage(gws.OpcodeBinary, data)
	}
	if err != nil {
		p.w.t.Fatal(err)
	}
}

func (p *person) next() *gatewayv1.ServerFrame {
	p.w.t.Helper()
	select {
	case f := <-p.frames:
		return f
	case code := <-p.closed:
		p.w.t.Fatalf("closed %d", code)
	case <-time.After(patience):
		p.w.t.Fatal("no frame")
	}
	return nil
}

// wantClose waits for the close frame.
func (p *person) wantClose(code uint16) {
	p.w.t.Helper()
	select {
	case got := <-p.closed:
		if got != code {
			p.w.t.Errorf("closed %d, want %d", got, code)
		}
	case <-time.After(patience):
		p.w.t.Errorf("not closed")
	}
}
