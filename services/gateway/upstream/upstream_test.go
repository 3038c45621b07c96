// SPDX-License-Identifier: Apache-2.0

package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/api/component"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/api/gen/parley/gateway/v1/gatewayv1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/connectapi"
	"github.com/parley-chat/parley/services/gateway/upstream"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// messageService is a little message service.
type messageService struct {
	messagev1connect.UnimplementedMessageServiceHandler
	messagev1connect.UnimplementedConversationServiceHandler

	mu      sync.Mutex // guards everything below
	sends   []int      // items of each SendBatch
	syncs   []int      // items of each SyncBatch
	hold    chan struct{}
	files   chan struct{} // holds calls with files up
	stored  []string      // bodies, "file" for one, in their order
	fail    error
	large   int // SyncBatch with more items answers too much
	callers []identity.Caller
	marks   []string
}

func (s *messageService) enter(ctx context.Context) error {
	s.mu.Lock()
	hold, fail := s.hold, s.fail
	s.callers = append(s.callers, identity.FromContext(ctx))
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return fail
}

// SendBatch answers by client message id: those that begin with 0 are refused.
func (s *messageService) SendBatch(ctx context.Context, r *messagev1.SendBatchRequest) (*messagev1.SendBatchResponse, error) {
	s.mu.Lock()
	s.sends = append(s.sends, len(r.GetItems()))
	s.mu.Unlock()
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	s.awaitFiles(r)
	out := &messagev1.SendBatchResponse{}
	for i, item := range r.GetItems() {
		result := &messagev1.SendBatchResponse_Result{}
		send := item.GetSend()
		switch body := bodyOf(send); body {
		case "ok", "file":
			result.Outcome = &messagev1.SendBatchResponse_Result_Sent{Sent: &messagev1.Sent{
				ClientMessageId: send.GetClientMessageId(), ConversationId: send.GetConversationId(),
				MessageId: ids.NewMessage().String(), Seq: int64(i + 1), SentAt: 5,
			}}
		case "nonsense":
			result.Outcome = &messagev1.SendBatchResponse_Result_Sent{Sent: &messagev1.Sent{}}
		default:
			result.Outcome = &messagev1.SendBatchResponse_Result_Error{Error: &messagev1.ItemError{
				Code: body, Reason: "REASON", RetryAfterMs: 1500,
			}}
		}
		out.Results = append(out.Results, result)
	}
	return out, nil
}

// awaitFiles stands still where a file service that hangs is asked.
func (s *messageService) awaitFiles(r *messagev1.SendBatchRequest) {
	s.mu.Lock()
	files := s.files
	s.mu.Unlock()
	if files != nil && slices.ContainsFunc(r.GetItems(), func(i *messagev1.SendBatchRequest_Item) bool { return bodyOf(i.GetSend()) == "file" }) {
		<-files
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, item := range r.GetItems() {
		s.stored = append(s.stored, bodyOf(item.GetSend()))
	}
}

func bodyOf(send *messagev1.SendRequest) string {
	if send.GetContent().GetFile() != nil {
		return "file"
	}
	return send.GetContent().GetText().GetBody()
}

func (s *messageService) SyncBatch(ctx context.Context, r *messagev1.SyncBatchRequest) (*messagev1.SyncBatchResponse, error) {
	s.mu.Lock()
	s.syncs = append(s.syncs, len(r.GetItems()))
	large := s.large > 0 && len(r.GetItems()) > s.large
	s.mu.Unlock()
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	out := &messagev1.SyncBatchResponse{}
	for _, item := range r.GetItems() {
		heads := []*messagev1.Head{{ConversationId: item.GetUserId(), Seq: 3, MembersRev: 1}}
		if large {
			heads = slices.Repeat(heads, 10_000)
		}
		out.Results = append(out.Results, &messagev1.SyncResponse{Complete: true, Cursor: item.GetCursor() + "+", Heads: heads})
	}
	return out, nil
}

func (s *messageService) ListRecipients(ctx context.Context, r *messagev1.ListRecipientsRequest) (*messagev1.ListRecipientsResponse, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	return &messagev1.ListRecipientsResponse{UserIds: []string{r.GetUserId()}, ReadOnly: true}, nil
}

func (s *messageService) MarkRead(ctx context.Context, r *messagev1.MarkReadRequest) (*messagev1.MarkReadResponse, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks = append(s.marks, fmt.Sprint(r.GetConversationId(), " ", r.GetSeq()))
	return &messagev1.MarkReadResponse{}, nil
}

// world is a client of a service behind a real listener.
type world struct {
	service  *messageService
	messages *upstream.Messages
}

func serve(t *testing.T, name component.Name, keys identity.Keys, mount func(*rpcserver.Server)) string {
	t.Helper()
	server := rpcserver.New(rpcserver.Options{Component: name, Keys: keys, Logger: slog.New(slog.DiscardHandler)})
	mount(server)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	start(t, func(ctx context.Context) error { return server.Serve(ctx, listener) })
	return "http://" + listener.Addr().String()
}

// start runs something until the test ends, and waits for it.
func start(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

func newWorld(t *testing.T) *world {
	t.Helper()
	keys := identity.GenerateKeys(component.Gateway, component.Message)
	w := &world{service: &messageService{}}
	transport := rpcclient.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	url := serve(t, component.Message, keys[component.Message], func(s *rpcserver.Server) {
		s.Mount(messagev1connect.NewMessageServiceHandler(w.service, s.HandlerOptions()...))
		s.Mount(messagev1connect.NewConversationServiceHandler(w.service, s.HandlerOptions()...))
	})
	w.messages = upstream.NewMessages(rpcclient.New(rpcclient.Options{
		Self: component.Gateway, Audience: component.Message, BaseURL: url, Keys: keys[component.Gateway], Transport: transport,
	}))
	start(t, w.messages.Run)
	return w
}

// outcome of one send.
type outcome struct {
	sent gateway.Sent
	err  error
}

func (w *world) send(conversation ids.ConversationID, body string) <-chan outcome {
	result := make(chan outcome, 1)
	request := &messagev1.SendRequest{
		ConversationId: conversation.String(), ClientMessageId: ids.NewClientMessage().String(),
		Content: &messagev1.Content{Kind: &messagev1.Content_Text{Text: &messagev1.Text{Body: body}}},
	}
	w.messages.Send(gateway.Outgoing{
		Sender: ids.NewUser(), Conversation: conversation, Size: 100, Request: request,
	}, func(s gateway.Sent, err error) { result <- outcome{s, err} })
	return result
}

func TestEachSendHasItsOwnOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for body, want := range map[string]fault.Kind{
		"invalid_argument": fault.Invalid, "unauthenticated": fault.Unauthenticated, "permission_denied": fault.Denied,
		"not_found": fault.NotFound, "already_exists": fault.Exists, "aborted": fault.Conflict,
		"failed_precondition": fault.Precondition, "resource_exhausted": fault.Exhausted, "unavailable": fault.Unavailable,
		"internal": fault.Unavailable, "who knows": fault.Unavailable, "nonsense": fault.Unavailable,
	} {
		good := w.send(ids.NewConversation(), "ok")
		got := <-w.send(ids.NewConversation(), body)
		f, _ := fault.Of(got.err)
		if fault.KindOf(got.err) != want {
			t.Errorf("%s: %v", body, got.err)
		} else if body != "nonsense" && (f.Reason() != "REASON" || f.RetryAfter() != 1500*time.Millisecond) {
			t.Errorf("%s: %s after %v", body, f.Reason(), f.RetryAfter())
		}
		if g := <-good; g.err != nil || g.sent.Seq < 1 || g.sent.SentAt != 5 || g.sent.Message.IsZero() {
			t.Errorf("the good one: %+v", g)
		}
	}
}

func TestSendsThatArriveTogetherTravelTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hold := make(chan struct{})
	w.service.mu.Lock()
	w.service.hold = hold
	w.service.mu.Unlock()
	k := ids.NewConversation()
	first := w.send(k, "ok")
	waitFor(t, func() bool { w.service.mu.Lock(); defer w.service.mu.Unlock(); return len(w.service.sends) == 1 })
	var rest []<-chan outcome
	for range 40 {
		rest = append(rest, w.send(k, "ok"))
	}
	w.service.mu.Lock()
	w.service.hold = nil
	w.service.mu.Unlock()
	close(hold)
	<-first
	for i, r := range rest {
		if got := <-r; got.err != nil || got.sent.Seq != int64(i%32+1) {
			t.Errorf("send %d: %+v", i, got)
		}
	}
	w.service.mu.Lock()
	defer w.service.mu.Unlock()
	if diff := cmp.Diff([]int{1, 32, 8}, w.service.sends); diff != "" {
		t.Error(diff)
	}
	if c := w.service.callers[0]; c.Issuer != component.Gateway || !c.UserID.IsZero() {
		t.Errorf("caller %+v", c)
	}
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("it did not happen")
		}
	}
}

func TestAServiceThatIsAwayLeavesTheOutcomeUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.service.mu.Lock()
	w.service.fail = fault.ErrUnavailable
	w.service.mu.Unlock()
	if got := <-w.send(ids.NewConversation(), "ok"); fault.KindOf(got.err) != fault.Unavailable {
		t.Errorf("send: %v", got.err)
	}
	if _, err := w.messages.Sync(t.Context(), gateway.Question{User: ids.NewUser()}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("sync: %v", err)
	}
	if err := w.messages.MarkRead(t.Context(), gateway.Reading{Conversation: ids.NewConversation(), Seq: 1}); err == nil {
		t.Error("a marker without a user was moved")
	}
}

func TestSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := ids.NewUser()
	got, err := w.messages.Sync(t.Context(), gateway.Question{User: user, Cursor: "c"})
	want := gateway.Heads{Complete: true, Cursor: "c+", Heads: []gateway.Head{{Conversation: ids.ConversationID(user), Seq: 3, MembersRev: 1}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	w.service.mu.Lock()
	w.service.large, w.service.syncs = 3, nil
	w.service.mu.Unlock()
	var qs []gateway.Question
	for i := range 8 {
		qs = append(qs, gateway.Question{User: ids.NewUser(), Cursor: fmt.Sprint(i)})
	}
	answers, err := w.messages.SyncAll(t.Context(), qs)
	if err != nil || len(answers) != 8 {
		t.Fatalf("%d answers, %v", len(answers), err)
	}
	for i, a := range answers {
		if a.Cursor != fmt.Sprint(i, "+") {
			t.Errorf("answer %d is for cursor %s", i, a.Cursor)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.messages.Sync(ctx, gateway.Question{User: user}); !errors.Is(err, context.Canceled) {
		// The answer may have been faster than the look at the context.
		if err != nil {
			t.Errorf("error %v", err)
		}
	}
}

func TestCallsForAUserCarryTheUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	login := gateway.Login{User: ids.NewUser(), Session: ids.NewLoginSession(), Device: ids.NewDevice()}
	k := ids.NewConversation()
	if err := w.messages.MarkRead(t.Context(), gateway.Reading{Login: login, Conversation: k, Seq: 7, Hidden: true}); err != nil {
		t.Fatal(err)
	}
	r, err := w.messages.Recipients(t.Context(), k, login.User)
	if err != nil || !r.ReadOnly || fmt.Sprint(r.Users) != fmt.Sprint([]ids.UserID{login.User}) {
		t.Errorf("recipients %+v, %v", r, err)
	}
	w.service.mu.Lock()
	defer w.service.mu.Unlock()
	c := w.service.callers[0]
	if c.UserID != login.User || c.LoginSessionID != login.Session || c.DeviceID != login.Device || !c.ReceiptsHidden || !w.service.callers[1].UserID.IsZero() {
		t.Errorf("callers %+v", w.service.callers)
	}
	if diff := cmp.Diff([]string{k.String() + " 7"}, w.service.marks); diff != "" {
		t.Error(diff)
	}
}

func TestAfterTheEndNothingIsSent(t *testing.T) {
	t.Parallel()
	keys := identity.GenerateKeys(component.Gateway)[component.Gateway]
	m := upstream.NewMessages(rpcclient.New(rpcclient.Options{
		Self: component.Gateway, Audience: component.Message, BaseURL: "http://127.0.0.1:1", Keys: keys,
	}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Run(ctx); err != nil {
		t.Fatal(err)
	}
	w := &world{messages: m}
	if got := <-w.send(ids.NewConversation(), "ok"); fault.KindOf(got.err) != fault.Unavailable {
		t.Errorf("error %v", got.err)
	}
}

// registrar notes registrations.
type registrar struct {
	holder string
	items  []gateway.Registration
	short  bool // answers about nobody
}

func (r *registrar) Watch(holder string, users []ids.UserID) []gateway.Watched {
	r.holder = holder
	if r.short {
		return nil
	}
	return []gateway.Watched{
		{Presence: gateway.Presence{User: users[0], State: gateway.PresenceAway, ActiveAt: 7}}, {Presence: gateway.Presence{User: users[1]}, NotHome: true},
	}
}

func (r *registrar) Register(holder string, items []gateway.Registration) []gateway.Registered {
	r.holder, r.items = holder, items
	return []gateway.Registered{{Epoch: 9}, {Superseded: true, Epoch: 3}, {NotHome: true}, {Fresh: true}}
}

// TestRegistrationsGoRound takes the client of one pod to the handler of another.
func TestRegistrationsGoRound(t *testing.T) {
	t.Parallel()
	keys := identity.GenerateKeys(component.Gateway)[component.Gateway]
	r := &registrar{}
	url := serve(t, component.Gateway, keys, func(s *rpcserver.Server) {
		s.Mount(gatewayv1connect.NewHomeServiceHandler(connectapi.NewHome(r), s.HandlerOptions()...))
		s.Mount(gatewayv1connect.NewSessionServiceHandler(connectapi.Session{}, s.HandlerOptions()...))
	})
	transport := rpcclient.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	homes := upstream.NewHomes(keys, transport, time.Now)
	var items []gateway.Registration
	for _, action := range []gateway.Action{gateway.ActionOpen, gateway.ActionRenew, gateway.ActionClose, gateway.ActionRenew} {
		items = append(items, gateway.Registration{
			Action: action, User: ids.NewUser(), Instance: ids.NewInstance(), Session: ids.NewSession(), Epoch: 5, ActiveAt: 8,
		})
	}
	got, err := homes.Register(t.Context(), gateway.Member{URL: url}, "pod-b", items)
	want := []gateway.Registered{{Epoch: 9}, {Superseded: true, Epoch: 3}, {NotHome: true}, {Fresh: true}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if diff := cmp.Diff(items, r.items); diff != "" || r.holder != "pod-b" {
		t.Errorf("holder %s %s", r.holder, diff)
	}
	if _, err := homes.Register(t.Context(), gateway.Member{URL: "http://127.0.0.1:1"}, "pod-b", items); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a pod that is gone: %v", err)
	}
	users := []ids.UserID{ids.NewUser(), ids.NewUser()}
	watched, err := homes.Watch(t.Context(), gateway.Member{URL: url}, "pod-c", users)
	seen := []gateway.Watched{
		{Presence: gateway.Presence{User: users[0], State: gateway.PresenceAway, ActiveAt: 7}},
		{Presence: gateway.Presence{User: users[1]}, NotHome: true},
	}
	if diff := cmp.Diff(seen, watched); diff != "" || err != nil || r.holder != "pod-c" {
		t.Errorf("holder %s, %v %s", r.holder, err, diff)
	}
	r.short = true
	if _, err := homes.Watch(t.Context(), gateway.Member{URL: url}, "pod-c", users); err == nil {
		t.Error("an answer about nobody is taken")
	}
	resolved, err := connectapi.Session{}.Resolve(t.Context(), &gatewayv1.ResolveRequest{})
	if err != nil || resolved.GetPath() != "/v1/ws" {
		t.Errorf("resolved %v, %v", resolved, err)
	}
}

func TestRing(t *testing.T) {
	t.Parallel()
	source := ring.Static()
	r := upstream.NewRing(source)
	user := ids.NewUser()
	if _, ok := r.View().Home(user); ok {
		t.Error("an empty ring has a home")
	}
	changed := r.Changed()
	source.Set(ring.Member{Seat: 2, Pod: "pod-b", UID: "u", URL: "http://b", Ready: true, Serving: true})
	<-changed
	want := gateway.Member{Seat: 2, Pod: "pod-b", URL: "http://b", Ready: true}
	if home, ok := r.View().Home(user); !ok || home != want {
		t.Errorf("home %+v", home)
	}
	if diff := cmp.Diff([]gateway.Member{want}, r.View().Members()); diff != "" {
		t.Error(diff)
	}
}
