// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/friend/server"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/secret"
)

// running is a server, what it calls and what calls it.
type running struct {
	keys          map[component.Name]identity.Keys
	base          string
	bus           *membroker.Broker
	users         *userService
	conversations *conversationService
}

func start(t *testing.T, dsn string) *running {
	t.Helper()
	r := &running{
		keys: identity.GenerateKeys(component.All()...), bus: membroker.New(), users: &userService{},
		conversations: &conversationService{id: ids.NewConversation().String(), changed: make(chan struct{}, 1)},
	}
	userURL, messageURL := serveUpstreams(t, r.keys, r.users, r.conversations)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.base = "http://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	started, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- server.Run(ctx, server.Config{MySQLDSN: secret.New(dsn), UserURL: userURL, MessageURL: messageURL}, server.Parts{
			RPC: listener, Broker: r.bus, Keys: r.keys[component.Friend], PageKey: []byte("a key for tests"),
			Logger: slog.New(slog.DiscardHandler), Started: func() { close(started) },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		_ = r.bus.Close()
	})
	select {
	case <-started:
	case err := <-done:
		done <- nil
		t.Fatalf("run ended: %v", err)
	}
	return r
}

func sqliteDSN(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "friend.db")
}

func (r *running) client(t *testing.T, as component.Name) friendv1connect.FriendServiceClient {
	t.Helper()
	c := rpcclient.New(rpcclient.Options{
		Self: as, Audience: component.Friend, BaseURL: r.base, Keys: r.keys[as], Transport: rpcclient.NewTransport(),
	})
	t.Cleanup(c.Close)
	return friendv1connect.NewFriendServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)
}

// as is the context of a call that the gateway makes for a user.
func as(t *testing.T, u *userv1.User) context.Context {
	t.Helper()
	caller := identity.Caller{LoginSessionID: ids.NewLoginSession(), DeviceID: ids.NewDevice()}
	if err := caller.UserID.UnmarshalText([]byte(u.GetUserId())); err != nil {
		t.Fatal(err)
	}
	return identity.NewContext(t.Context(), caller)
}

func wish(to *userv1.User) *friendv1.SendRequestRequest {
	return &friendv1.SendRequestRequest{UserId: to.GetUserId(), Text: "hello", IdempotencyKey: ids.NewIdempotencyKey().String()}
}

// subscribe hears events from now on.
func (r *running) subscribe(t *testing.T) <-chan *eventv1.Event {
	t.Helper()
	heard, bound := make(chan *eventv1.Event, 16), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- r.bus.Subscribe(ctx, broker.Subscription{
			Name: "test", Exchange: broker.EventsExchange, RoutingKeys: []string{"friend.*"},
			Bound: func(context.Context) { close(bound) },
		}, func(_ context.Context, d *broker.Delivery) {
			var batch eventv1.EventBatch
			if err := proto.Unmarshal(d.Body, &batch); err != nil {
				t.Errorf("event: %v", err)
			}
			for _, e := range batch.GetEvents() {
				heard <- e
			}
			d.Ack()
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("subscribe: %v", err)
		}
	})
	<-bound
	return heard
}

func TestF8_FromRequestToFriendshipAndBackOverTheWire(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	ann, bob := r.users.add("ann"), r.users.add("bob")
	client, heard := r.client(t, component.Gateway), r.subscribe(t)

	sent, err := client.SendRequest(as(t, ann), wish(bob))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, heard, eventv1.EventType_EVENT_TYPE_FRIEND_REQUESTED, sent.GetRequest(), ann, bob)
	listed, err := client.ListRequests(as(t, bob), &friendv1.ListRequestsRequest{Direction: friendv1.Direction_DIRECTION_INCOMING})
	want := &friendv1.ListRequestsResponse{Requests: []*friendv1.FriendRequest{sent.GetRequest()}}
	if diff := cmp.Diff(want, listed, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("incoming: %v (-want +got):\n%s", err, diff)
	}

	answer, err := client.RespondToRequest(as(t, bob), &friendv1.RespondToRequestRequest{RequestId: sent.GetRequest().GetRequestId(), Accept: true})
	if err != nil || answer.GetConversationId() != r.conversations.id || answer.GetRequest().GetState() != friendv1.RequestState_REQUEST_STATE_ACCEPTED {
		t.Fatalf("answer %v, %v; want accepted with the conversation", answer, err)
	}
	expect(t, heard, eventv1.EventType_EVENT_TYPE_FRIEND_RESPONDED, answer.GetRequest(), ann, bob)
	checkFriends(t, client, ann, &friendv1.Friend{
		User: bob, Since: answer.GetRequest().GetDecidedAt(), ConversationId: r.conversations.id,
	})
	recipients, err := r.client(t, component.Transmit).ListFriendIds(t.Context(), &friendv1.ListFriendIdsRequest{UserId: ann.GetUserId()})
	if err != nil || len(recipients.GetUserIds()) != 1 || recipients.GetUserIds()[0] != bob.GetUserId() {
		t.Errorf("friend ids %v, %v; want bob", recipients, err)
	}

	picked, err := r.client(t, component.Message).CheckFriends(t.Context(), &friendv1.CheckFriendsRequest{
		UserId: ann.GetUserId(), CandidateIds: []string{ids.NewUser().String(), bob.GetUserId(), ann.GetUserId()},
	})
	if err != nil || len(picked.GetFriendIds()) != 1 || picked.GetFriendIds()[0] != bob.GetUserId() {
		t.Errorf("friends among some %v, %v; want bob", picked, err)
	}

	relations, err := r.client(t, component.Gateway).CheckRelations(t.Context(), &friendv1.CheckRelationsRequest{
		UserId: ann.GetUserId(), CandidateIds: []string{ids.NewUser().String(), bob.GetUserId()},
	})
	if err != nil || len(relations.GetFriendIds()) != 1 || relations.GetFriendIds()[0] != bob.GetUserId() || len(relations.GetBlockedIds()) != 0 {
		t.Errorf("relations %v, %v; want bob as a friend", relations, err)
	}

	if _, err := client.RemoveFriend(as(t, ann), &friendv1.RemoveFriendRequest{UserId: bob.GetUserId()}); err != nil {
		t.Fatal(err)
	}
	removed := <-heard
	if removed.GetFriendRemoved().GetUserId() != ann.GetUserId() || removed.GetFriendRemoved().GetFriendId() != bob.GetUserId() || r.conversations.isOpen() {
		t.Errorf("event %v, conversation open %v; want the removal and a closed conversation", removed, r.conversations.isOpen())
	}
	checkFriends(t, client, ann)
	checkFriends(t, client, bob)
}

// expect waits for an event about a request, for both people.
func expect(t *testing.T, heard <-chan *eventv1.Event, kind eventv1.EventType, request *friendv1.FriendRequest, people ...*userv1.User) {
	t.Helper()
	e := <-heard
	if diff := cmp.Diff(request, e.GetFriendRequest(), protocmp.Transform()); diff != "" || e.GetType() != kind {
		t.Errorf("event %v, want %v (-answered +heard):\n%s", e.GetType(), kind, diff)
	}
	var want []string
	for _, u := range people {
		want = append(want, u.GetUserId())
	}
	if diff := cmp.Diff(want, e.GetRecipientIds()); diff != "" {
		t.Errorf("recipients (-want +got):\n%s", diff)
	}
}

func checkFriends(t *testing.T, client friendv1connect.FriendServiceClient, who *userv1.User, want ...*friendv1.Friend) {
	t.Helper()
	got, err := client.ListFriends(as(t, who), &friendv1.ListFriendsRequest{})
	if diff := cmp.Diff(&friendv1.ListFriendsResponse{Friends: want}, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("friends of %s: %v (-want +got):\n%s", who.GetUsername(), err, diff)
	}
}

func TestF12_TheConversationFollowsWhenTheMessageServiceIsBack(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	ann, bob := r.users.add("ann"), r.users.add("bob")
	client := r.client(t, component.Gateway)
	sent, err := client.SendRequest(as(t, ann), wish(bob))
	if err != nil {
		t.Fatal(err)
	}
	r.conversations.set(true)
	crossed, err := client.SendRequest(as(t, bob), wish(ann))
	if err != nil || crossed.GetRequest().GetState() != friendv1.RequestState_REQUEST_STATE_ACCEPTED || crossed.GetConversationId() != "" {
		t.Fatalf("crossing %v, %v; want accepted without a conversation", crossed, err)
	}
	if sent.GetRequest().GetRequestId() == crossed.GetRequest().GetRequestId() {
		t.Error("the crossing request has no id of its own")
	}
	_, err = client.RemoveFriend(as(t, ann), &friendv1.RemoveFriendRequest{UserId: bob.GetUserId()})
	if !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("remove: %v, want UNAVAILABLE", err)
	}
	r.conversations.set(false)
	<-r.conversations.changed // the sweep closes it
	if r.conversations.isOpen() {
		t.Error("the conversation is open")
	}
}

func TestF8_RefusalsOverTheWire(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	ann, bob, carl := r.users.add("ann"), r.users.add("bob"), r.users.add("carl")
	client := r.client(t, component.Gateway)
	first := wish(bob)
	sent, err := client.SendRequest(as(t, ann), first)
	if err != nil {
		t.Fatal(err)
	}
	reused := proto.CloneOf(first)
	reused.UserId = carl.GetUserId()
	bad := wish(bob)
	bad.IdempotencyKey = "nonsense"
	stranger := &userv1.User{UserId: ids.NewUser().String()}
	for _, row := range []struct {
		name    string
		request *friendv1.SendRequestRequest
		want    error
	}{
		{"a second request", wish(bob), friend.ErrRequestPending},
		{"a request to oneself", wish(ann), fault.ErrInvalid},
		{"a request to nobody", wish(stranger), friend.ErrUserNotFound},
		{"a key for somebody else", reused, friend.ErrKeyReused},
		{"a key that is none", bad, fault.ErrInvalid},
	} {
		if _, err := client.SendRequest(as(t, ann), row.request); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
	}
	answer := &friendv1.RespondToRequestRequest{RequestId: sent.GetRequest().GetRequestId()}
	if _, err := client.RespondToRequest(as(t, carl), answer); !errors.Is(err, friend.ErrRequestNotFound) {
		t.Errorf("an answer of a stranger: %v, want REQUEST_NOT_FOUND", err)
	}
	if _, err := client.RespondToRequest(as(t, bob), answer); err != nil {
		t.Fatal(err)
	}
	_, err = client.SendRequest(as(t, ann), wish(bob))
	if f, _ := fault.Of(err); !errors.Is(err, friend.ErrRateLimited) || f.RetryAfter() <= 0 {
		t.Errorf("right after a refusal: %v, want RATE_LIMITED with a retry time", err)
	}
	if _, err := client.ListFriendIds(as(t, ann), &friendv1.ListFriendIdsRequest{UserId: bob.GetUserId()}); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("friends of somebody else: %v, want FORBIDDEN", err)
	}
}

func TestF8_AWithdrawalOverTheWire(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	ann, bob := r.users.add("ann"), r.users.add("bob")
	client, heard := r.client(t, component.Gateway), r.subscribe(t)
	sent, err := client.SendRequest(as(t, ann), wish(bob))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, heard, eventv1.EventType_EVENT_TYPE_FRIEND_REQUESTED, sent.GetRequest(), ann, bob)
	request := &friendv1.CancelRequestRequest{RequestId: sent.GetRequest().GetRequestId()}
	for range 2 {
		if _, err := client.CancelRequest(as(t, ann), request); err != nil {
			t.Fatal(err)
		}
	}
	if e := <-heard; e.GetFriendRequest().GetState() != friendv1.RequestState_REQUEST_STATE_CANCELLED {
		t.Errorf("event %v, want the withdrawal", e)
	}
}

func TestF11_SearchOverTheWire(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	ann, anna := r.users.add("ann"), r.users.add("anna")
	got, err := r.client(t, component.Gateway).SearchUsers(as(t, ann), &friendv1.SearchUsersRequest{Query: "ann"})
	want := &friendv1.SearchUsersResponse{Users: []*friendv1.FoundUser{{User: anna}}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("found: %v (-want +got):\n%s", err, diff)
	}
}

func TestTheServerStaysUpWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	r := start(t, "mysql://nobody@127.0.0.1:1/friend")
	_, err := r.client(t, component.Gateway).ListFriends(as(t, r.users.add("ann")), &friendv1.ListFriendsRequest{})
	if !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("list: %v, want UNAVAILABLE", err)
	}
}

func TestRunFailsForWhatNoRestartRepairs(t *testing.T) {
	t.Parallel()
	keys := identity.GenerateKeys(component.All()...)[component.Friend]
	good := server.Config{MySQLDSN: secret.New(sqliteDSN(t)), RPCListen: "127.0.0.1:0"}
	rows := []struct {
		name   string
		change func(*server.Config, *server.Parts)
	}{
		{"no keys", func(_ *server.Config, p *server.Parts) { p.Keys = identity.Keys{} }},
		{"no page key", func(_ *server.Config, p *server.Parts) { p.PageKey = nil }},
		{"a DSN that is none", func(c *server.Config, _ *server.Parts) { c.MySQLDSN = secret.New("nonsense") }},
		{"no broker", func(_ *server.Config, p *server.Parts) { p.Broker = nil }},
		{"an address that is none", func(c *server.Config, _ *server.Parts) { c.RPCListen = "nowhere:-1" }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cfg, parts := good, server.Parts{
				Broker: membroker.New(), Keys: keys, PageKey: []byte("k"), Logger: slog.New(slog.DiscardHandler),
			}
			cfg.KeysDir = t.TempDir()
			row.change(&cfg, &parts)
			if err := server.Run(t.Context(), cfg, parts); err == nil {
				t.Error("run ended without an error")
			}
		})
	}
}
