// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/message/server"
)

// process is a message service with the broker beside it.
type process struct {
	t      *testing.T
	url    string
	ops    string
	keys   map[component.Name]identity.Keys
	events chan *eventv1.Event
}

func start(t *testing.T, dsn string) *process {
	t.Helper()
	bus := membroker.New()
	p := &process{
		t: t, keys: identity.GenerateKeys(component.All()...), events: make(chan *eventv1.Event, 100),
	}
	rpc, ops := listen(t), listen(t)
	friendURL, fileURL := befriends(t, p.keys), files(t, p.keys)
	p.url, p.ops = "http://"+rpc.Addr().String(), "http://"+ops.Addr().String()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	bound := make(chan struct{})
	subscribed := make(chan error, 1)
	go func() { subscribed <- bus.Subscribe(ctx, subscription(bound), p.receive) }()
	<-bound
	started, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		stopped <- server.Run(ctx, server.Config{
			MySQLDSN: secret.New(dsn), FriendURL: friendURL, FileURL: fileURL, Transcripts: true,
		}, server.Parts{
			RPC: rpc, Ops: ops, Broker: bus, Keys: p.keys[component.Message], PageKey: []byte("page key"),
			Logger: slog.New(slog.DiscardHandler), Started: func() { close(started) },
		})
	}()
	select {
	case <-started:
	case err := <-stopped:
		t.Fatalf("run: %v", err)
	}
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-stopped, <-subscribed, bus.Close()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return p
}

// everybody is a friend service where all people are friends.
type everybody struct {
	friendv1connect.UnimplementedFriendServiceHandler
}

func (everybody) CheckFriends(_ context.Context, r *friendv1.CheckFriendsRequest) (*friendv1.CheckFriendsResponse, error) {
	return &friendv1.CheckFriendsResponse{FriendIds: r.GetCandidateIds()}, nil
}

// befriends serves a friend service until the test ends and answers its address.
func befriends(t *testing.T, keys map[component.Name]identity.Keys) string {
	t.Helper()
	rpc := rpcserver.New(rpcserver.Options{
		Component: component.Friend, Keys: keys[component.Friend], Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	rpc.Mount(friendv1connect.NewFriendServiceHandler(everybody{}, rpc.HandlerOptions()...))
	return serve(t, rpc)
}

// serve runs a server until the test ends and answers its address.
func serve(t *testing.T, rpc *rpcserver.Server) string {
	t.Helper()
	l := listen(t)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	stopped := make(chan error, 1)
	go func() { stopped <- rpc.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("another service: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

func subscription(bound chan struct{}) broker.Subscription {
	return broker.Subscription{
		Queue: "test.events", Exchange: broker.EventsExchange, RoutingKeys: []string{"#"},
		Bound: func(context.Context) { close(bound) },
	}
}

func (p *process) receive(_ context.Context, d *broker.Delivery) {
	batch := new(eventv1.EventBatch)
	if err := proto.Unmarshal(d.Body, batch); err != nil {
		p.t.Errorf("event batch: %v", err)
	}
	for _, e := range batch.GetEvents() {
		p.events <- e
	}
	d.Ack()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (p *process) client(as component.Name) *rpcclient.Client {
	return rpcclient.New(rpcclient.Options{Self: as, Audience: component.Message, BaseURL: p.url, Keys: p.keys[as]})
}

func (p *process) messages(as component.Name) messagev1connect.MessageServiceClient {
	c := p.client(as)
	return messagev1connect.NewMessageServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)
}

func (p *process) conversations(as component.Name) messagev1connect.ConversationServiceClient {
	c := p.client(as)
	return messagev1connect.NewConversationServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)
}

func (p *process) as(user ids.UserID) context.Context {
	return identity.NewContext(p.t.Context(), identity.Caller{UserID: user})
}

// event waits for the next event of a type.
func (p *process) event(want eventv1.EventType) *eventv1.Event {
	p.t.Helper()
	for {
		select {
		case e := <-p.events:
			if e.GetType() == want {
				return e
			}
		case <-time.After(20 * time.Second):
			p.t.Fatalf("no %v arrived", want)
		}
	}
}

func (p *process) open(a, b ids.UserID, version int64) string {
	p.t.Helper()
	answer, err := p.conversations(component.Friend).OpenDirect(p.t.Context(), &messagev1.OpenDirectRequest{
		UserIds: []string{a.String(), b.String()}, RelationVersion: version,
	})
	if err != nil {
		p.t.Fatalf("open: %v", err)
	}
	return answer.GetConversationId()
}

func request(conversation, text string) *messagev1.SendRequest {
	return &messagev1.SendRequest{
		ConversationId: conversation, ClientMessageId: ids.NewClientMessage().String(),
		Content: &messagev1.Content{Kind: &messagev1.Content_Text{Text: &messagev1.Text{Body: text}}},
	}
}

func sqlite(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "message.db")
}

func second[T any](_ T, err error) error { return err }

func (p *process) get(path string) *http.Response {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.ops+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp
}

func (p *process) probe(path string) int {
	p.t.Helper()
	resp := p.get(path)
	if err := resp.Body.Close(); err != nil {
		p.t.Error(err)
	}
	return resp.StatusCode
}

// awaitClass polls until MySQL is in the class.
func (p *process) awaitClass(want component.Class) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for p.status().Dependencies[component.MySQL] != want {
		select {
		case <-ctx.Done():
			p.t.Fatalf("status %+v, want %s", p.status(), want)
		case <-ticker.C:
		}
	}
}

func (p *process) status() component.Status {
	p.t.Helper()
	resp := p.get(component.StatusPath)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var status component.Status
	if err := json.Unmarshal(text, &status); err != nil {
		p.t.Fatalf("status %s: %v", text, err)
	}
	return status
}
