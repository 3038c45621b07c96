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
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
	"github.com/parley-chat/parley/services/message"
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

func TestAMessageFromSendToHistory(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	a, b := ids.NewUser(), ids.NewUser()
	id := p.open(a, b, 1)
	if e := p.event(eventv1.EventType_EVENT_TYPE_CONVERSATION_CREATED); e.GetConversation().GetConversationId() != id {
		t.Errorf("created %v", e)
	}
	req := request(id, "hello")
	sent, err := p.messages(component.Gateway).Send(p.as(a), req)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	again, err := p.messages(component.Gateway).Send(p.as(a), req)
	if diff := cmp.Diff(sent, again, protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("retry: %v (-first +again):\n%s", err, diff)
	}
	want := &messagev1.Message{
		ConversationId: id, Seq: 1, MessageId: sent.GetSent().GetMessageId(), ClientMessageId: req.GetClientMessageId(),
		SenderId: a.String(), SentAt: sent.GetSent().GetSentAt(),
		Content: &messagev1.Message_Text{Text: &messagev1.Text{Body: "hello"}},
	}
	e := p.event(eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED)
	if diff := cmp.Diff(want, e.GetMessage(), protocmp.Transform()); diff != "" || len(e.GetRecipientIds()) != 2 {
		t.Errorf("event for %v (-want +got):\n%s", e.GetRecipientIds(), diff)
	}
	page, err := p.messages(component.Gateway).ListMessages(p.as(b), &messagev1.ListMessagesRequest{ConversationId: id})
	if err != nil {
		t.Fatalf("history: %v", err)
	}
	head := &messagev1.Head{ConversationId: id, Seq: 1, MembersRev: 1, Unread: 1}
	answer := &messagev1.ListMessagesResponse{Items: []*messagev1.Message{want}, Head: head}
	if diff := cmp.Diff(answer, page, protocmp.Transform()); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	read, err := p.conversations(component.Gateway).MarkRead(p.as(b), &messagev1.MarkReadRequest{ConversationId: id, Seq: 7})
	if err != nil || read.GetHead().GetReadSeq() != 1 || read.GetHead().GetUnread() != 0 {
		t.Errorf("mark read: %v, %v", read, err)
	}
	if m := p.event(eventv1.EventType_EVENT_TYPE_MARKER_MOVED).GetMarker(); m.GetUserId() != b.String() || m.GetSeq() != 1 {
		t.Errorf("marker %v", m)
	}
}

func TestListsAndSync(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	gateway, a := p.conversations(component.Gateway), ids.NewUser()
	first, second := p.open(a, ids.NewUser(), 1), p.open(a, ids.NewUser(), 1)
	if _, err := p.messages(component.Gateway).Send(p.as(a), request(first, "newest")); err != nil {
		t.Fatal(err)
	}
	page, err := gateway.ListConversations(p.as(a), &messagev1.ListConversationsRequest{PageSize: 1})
	if err != nil || page.GetCursor() == "" || page.GetNextPageToken() == "" {
		t.Fatalf("first page: %v, %v", page, err)
	}
	if c := page.GetConversations()[0]; c.GetConversationId() != first || c.GetLastMessage().GetText().GetBody() != "newest" || len(c.GetMarkers()) != 2 {
		t.Errorf("first conversation: %v", c)
	}
	rest, err := gateway.ListConversations(p.as(a), &messagev1.ListConversationsRequest{PageToken: page.GetNextPageToken()})
	if err != nil || len(rest.GetConversations()) != 1 || rest.GetConversations()[0].GetConversationId() != second || rest.GetNextPageToken() != "" {
		t.Errorf("second page: %v, %v", rest, err)
	}
	got, err := gateway.GetConversation(p.as(a), &messagev1.GetConversationRequest{ConversationId: first})
	if diff := cmp.Diff(page.GetConversations()[0], got.GetConversation(), protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("conversation: %v (-list +got):\n%s", err, diff)
	}
	synced, err := p.messages(component.Gateway).Sync(p.as(a), &messagev1.SyncRequest{Cursor: page.GetCursor()})
	if err != nil || len(synced.GetHeads()) != 2 || !synced.GetComplete() || synced.GetReset_() {
		t.Errorf("sync: %v, %v", synced, err)
	}
	batch, err := p.messages(component.Gateway).SyncBatch(t.Context(), &messagev1.SyncBatchRequest{Items: []*messagev1.SyncBatchRequest_Item{
		{UserId: a.String(), Cursor: page.GetCursor()}, {UserId: ids.NewUser().String(), Cursor: page.GetCursor()},
	}})
	if err != nil || len(batch.GetResults()[0].GetHeads()) != 2 || !batch.GetResults()[1].GetReset_() {
		t.Errorf("sync batch: %v, %v", batch, err)
	}
	changes, err := p.messages(component.Gateway).ListChanges(p.as(a), &messagev1.ListChangesRequest{ConversationId: first})
	if err != nil || len(changes.GetItems()) != 0 || changes.GetUpToRev() != 0 {
		t.Errorf("changes: %v, %v", changes, err)
	}
}

func TestABatchAnswersEachItem(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	a, b := ids.NewUser(), ids.NewUser()
	id := p.open(a, b, 1)
	req := request(id, "one")
	changed := proto.CloneOf(req)
	changed.Content = request(id, "other").GetContent()
	upper := request(strings.ToUpper(id), "x")
	items := []*messagev1.SendBatchRequest_Item{
		{SenderId: a.String(), Send: req},
		{SenderId: a.String(), Send: changed},
		{SenderId: ids.NewUser().String(), Send: request(id, "foreign")},
		{SenderId: a.String(), Send: upper},
		{SenderId: b.String(), Send: request(id, "two")},
	}
	answer, err := p.messages(component.Gateway).SendBatch(t.Context(), &messagev1.SendBatchRequest{Items: items})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range answer.GetResults() {
		got = append(got, r.GetError().GetCode()+" "+r.GetError().GetReason())
	}
	want := []string{" ", "already_exists CLIENT_MESSAGE_ID_REUSED", "not_found NOT_FOUND", "invalid_argument CONTENT_INVALID", " "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if seq := answer.GetResults()[4].GetSent().GetSeq(); seq != 2 {
		t.Errorf("last message has seq %d", seq)
	}
}

func TestClosingAndRecipients(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	a, b := ids.NewUser(), ids.NewUser()
	id := p.open(a, b, 1)
	_, err := p.conversations(component.Friend).CloseDirect(t.Context(), &messagev1.CloseDirectRequest{
		UserIds: []string{b.String(), a.String()}, RelationVersion: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	e := p.event(eventv1.EventType_EVENT_TYPE_CONVERSATION_UPDATED).GetConversation()
	if e.GetState() != messagev1.ConversationState_CONVERSATION_STATE_READ_ONLY || len(e.GetMemberIds()) != 2 {
		t.Errorf("event %v", e)
	}
	if _, err := p.messages(component.Gateway).Send(p.as(a), request(id, "x")); !errors.Is(err, message.ErrReadOnly) {
		t.Errorf("send: %v", err)
	}
	recipients := func(user ids.UserID) (*messagev1.ListRecipientsResponse, error) {
		return p.messages(component.Gateway).ListRecipients(t.Context(), &messagev1.ListRecipientsRequest{ConversationId: id, UserId: user.String()})
	}
	if got, err := recipients(a); err != nil || len(got.GetUserIds()) != 2 || !got.GetReadOnly() || got.GetMembersRev() != 2 {
		t.Errorf("recipients: %v, %v", got, err)
	}
	if _, err := recipients(ids.NewUser()); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("a stranger's question: %v", err)
	}
}

func TestForeignAndUnknownLookAlike(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	id, stranger := p.open(ids.NewUser(), ids.NewUser(), 1), p.as(ids.NewUser())
	unknown := ids.NewConversation().String()
	m, c := p.messages(component.Gateway), p.conversations(component.Gateway)
	calls := map[string]func(id string) error{
		"send": func(id string) error { _, err := m.Send(stranger, request(id, "x")); return err },
		"history": func(id string) error {
			_, err := m.ListMessages(stranger, &messagev1.ListMessagesRequest{ConversationId: id})
			return err
		},
		"changes": func(id string) error {
			_, err := m.ListChanges(stranger, &messagev1.ListChangesRequest{ConversationId: id})
			return err
		},
		"get": func(id string) error {
			_, err := c.GetConversation(stranger, &messagev1.GetConversationRequest{ConversationId: id})
			return err
		},
		"read": func(id string) error {
			_, err := c.MarkRead(stranger, &messagev1.MarkReadRequest{ConversationId: id, Seq: 1})
			return err
		},
	}
	for name, call := range calls {
		foreign, missing := call(id), call(unknown)
		if !errors.Is(foreign, message.ErrNotFound) || foreign.Error() != missing.Error() {
			t.Errorf("%s: foreign %v, unknown %v", name, foreign, missing)
		}
	}
}

func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	_, err := p.conversations(component.Gateway).OpenDirect(t.Context(), &messagev1.OpenDirectRequest{
		UserIds: []string{ids.NewUser().String(), ids.NewUser().String()}, RelationVersion: 1,
	})
	if !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("the gateway opens: %v", err)
	}
	if _, err := p.messages(component.Gateway).Sync(t.Context(), &messagev1.SyncRequest{}); !errors.Is(err, fault.ErrUnauthenticated) {
		t.Errorf("nobody syncs: %v", err)
	}
	if _, err := p.messages(component.Friend).SendBatch(t.Context(), &messagev1.SendBatchRequest{Items: []*messagev1.SendBatchRequest_Item{
		{SenderId: ids.NewUser().String(), Send: request(ids.NewConversation().String(), "x")},
	}}); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("friend sends: %v", err)
	}
}

func TestWithoutItsDatabaseTheServiceStaysUp(t *testing.T) {
	t.Parallel()
	l := listen(t)
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p := start(t, "mysql://nobody@"+address+"/gone")
	for name, err := range map[string]error{
		"send": second(p.messages(component.Gateway).Send(p.as(ids.NewUser()), request(ids.NewConversation().String(), "x"))),
		"list": second(p.conversations(component.Gateway).ListConversations(p.as(ids.NewUser()), &messagev1.ListConversationsRequest{})),
	} {
		if !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.awaitClass(component.ClassUnreachable)
	if got := p.probe("/readyz"); got != http.StatusOK {
		t.Errorf("readiness: %d", got)
	}
}

func TestStatusOfAFileNamesNoDependency(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	if diff := cmp.Diff(component.Status{Component: component.Message, Ready: true}, p.status()); diff != "" {
		t.Error(diff)
	}
}

func TestTheDurabilityOfAFile(t *testing.T) {
	t.Parallel()
	if got, err := server.Durability(t.Context(), secret.New(sqlite(t))); got != "Durable" || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := server.Durability(t.Context(), secret.New("mysql://nobody@127.0.0.1:1/gone")); got != "Unknown" || err == nil {
		t.Errorf("of a server that is away: got %s, %v", got, err)
	}
}

func TestOnMySQL(t *testing.T) {
	t.Parallel()
	dsn := sqldbtest.CreateSchema(t, "message")
	if err := server.Migrate(t.Context(), server.Config{MySQLDSN: secret.New(dsn)}); err != nil {
		t.Fatal(err)
	}
	p := start(t, dsn)
	a := ids.NewUser()
	id := p.open(a, ids.NewUser(), 1)
	sent, err := p.messages(component.Gateway).Send(p.as(a), request(id, "hello"))
	if err != nil || sent.GetSent().GetSeq() != 1 {
		t.Fatalf("send: %v, %v", sent, err)
	}
	if got := p.event(eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED).GetMessage().GetText().GetBody(); got != "hello" {
		t.Errorf("event with %q", got)
	}
	p.awaitClass(component.ClassReachable)
	if level, err := server.Durability(t.Context(), secret.New(dsn)); level != "Durable" && level != "Weak" {
		t.Errorf("durability %s, %v", level, err)
	}
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
