// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/argon2hasher"
	"github.com/parley-chat/parley/services/user/server"
)

const password = "correct horse battery"

// running is a server and what talks to it.
type running struct {
	keys map[component.Name]identity.Keys
	base string
	ops  string
	bus  *membroker.Broker
	log  *logged
}

// logged is a log in memory.
type logged struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func start(t *testing.T, dsn string) *running {
	t.Helper()
	return startWith(t, dsn, server.SMSConfig{Provider: server.ProviderLog, DailyBudget: 100})
}

func startWith(t *testing.T, dsn string, sms server.SMSConfig) *running {
	t.Helper()
	r := &running{keys: identity.GenerateKeys(component.All()...), bus: membroker.New(), log: &logged{}}
	rpc, ops := listen(t), listen(t)
	r.base, r.ops = "http://"+rpc.Addr().String(), "http://"+ops.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	started, done := make(chan struct{}), make(chan error, 1)
	cfg := server.Config{
		MySQLDSN: secret.New(dsn), AddressLogins: 3, Hashing: argon2hasher.Options{Memory: 64, Iterations: 1},
		Development: true, SMS: sms, Search: indexserver.Settings{Folder: filepath.Join(t.TempDir(), "index")},
	}
	go func() {
		done <- server.Run(ctx, cfg, server.Parts{
			RPC: rpc, Ops: ops, Broker: r.bus, Keys: r.keys[component.User], PageKey: []byte("a key for tests"),
			Logger: slog.New(slog.NewJSONHandler(r.log, nil)), Started: func() { close(started) },
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

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func sqliteDSN(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "user.db")
}

func (r *running) client(t *testing.T, as component.Name) *rpcclient.Client {
	t.Helper()
	c := rpcclient.New(rpcclient.Options{
		Self: as, Audience: component.User, BaseURL: r.base, Keys: r.keys[as], Transport: rpcclient.NewTransport(),
	})
	t.Cleanup(c.Close)
	return c
}

func (r *running) auth(t *testing.T) userv1connect.AuthServiceClient {
	t.Helper()
	c := r.client(t, component.Gateway)
	return userv1connect.NewAuthServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)
}

func (r *running) profiles(t *testing.T, as component.Name) userv1connect.UserServiceClient {
	t.Helper()
	c := r.client(t, as)
	return userv1connect.NewUserServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)
}

func newDevice() *userv1.Device {
	return &userv1.Device{DeviceId: ids.NewDevice().String(), Name: "test"}
}

func register(t *testing.T, auth userv1connect.AuthServiceClient, username, nickname string) *userv1.RegisterResponse {
	t.Helper()
	answer, err := auth.Register(t.Context(), &userv1.RegisterRequest{
		Username: username, Nickname: nickname, Password: password, Device: newDevice(),
	})
	if err != nil {
		t.Fatalf("register %s: %v", username, err)
	}
	return answer
}

// as is the context of a call that the gateway makes for the holder of a token.
func as(t *testing.T, auth userv1connect.AuthServiceClient, token string) context.Context {
	t.Helper()
	proof, err := auth.VerifyToken(t.Context(), &userv1.VerifyTokenRequest{Token: token})
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	var caller identity.Caller
	if err := errors.Join(
		caller.UserID.UnmarshalText([]byte(proof.GetUserId())),
		caller.LoginSessionID.UnmarshalText([]byte(proof.GetLoginSessionId())),
		caller.DeviceID.UnmarshalText([]byte(proof.GetDeviceId())),
	); err != nil {
		t.Fatal(err)
	}
	return identity.NewContext(t.Context(), caller)
}

func TestF1_RegisterLoginAndLogoutOverTheWire(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	auth, profiles := r.auth(t), r.profiles(t, component.Gateway)
	first := register(t, auth, "Ann", "Ann")
	ctx := as(t, auth, first.GetToken())
	me, err := profiles.GetMe(ctx, &userv1.GetMeRequest{})
	if diff := cmp.Diff(first.GetUser(), me.GetMe(), protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("get me: %v (-registered +got):\n%s", err, diff)
	}
	second, err := auth.Login(t.Context(), &userv1.LoginRequest{Username: "ann", Password: password, Device: newDevice()})
	if err != nil {
		t.Fatal(err)
	}
	list, err := auth.ListSessions(ctx, &userv1.ListSessionsRequest{})
	if err != nil || len(list.GetSessions()) != 2 {
		t.Fatalf("sessions %v, %v; want two", list, err)
	}
	for _, s := range list.GetSessions() {
		if s.GetCurrent() != (s.GetLoginSessionId() == first.GetLoginSessionId()) {
			t.Errorf("session %s says current %v", s.GetLoginSessionId(), s.GetCurrent())
		}
	}
	before, err := auth.ListRevocations(t.Context(), &userv1.ListRevocationsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auth.RevokeSession(ctx, &userv1.RevokeSessionRequest{LoginSessionId: second.GetLoginSessionId()}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // repeating it is harmless
		if _, err := auth.Logout(ctx, &userv1.LogoutRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	checkDead(t, auth, first.GetToken(), second.GetToken())
	after, err := auth.ListRevocations(t.Context(), &userv1.ListRevocationsRequest{Position: before.GetPosition()})
	if err != nil || after.GetReset_() || len(after.GetRevocations()) != 2 || after.GetRevocations()[0].GetReason() != userv1.EndReason_END_REASON_REVOKED {
		t.Errorf("revocations %v, %v; want both sessions and no reset", after, err)
	}
}

func checkDead(t *testing.T, auth userv1connect.AuthServiceClient, tokens ...string) {
	t.Helper()
	for _, token := range tokens {
		_, err := auth.VerifyToken(t.Context(), &userv1.VerifyTokenRequest{Token: token})
		f, _ := fault.Of(err)
		if !errors.Is(err, user.ErrSessionEnded) || f.Metadata()["why"] != "revoked" {
			t.Errorf("an ended token: %v, want SESSION_ENDED with why", err)
		}
	}
}

func TestF1_RefusalsOverTheWire(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	auth := r.auth(t)
	register(t, auth, "ann", "Ann")
	good := &userv1.RegisterRequest{Username: "bob", Nickname: "Bob", Password: password, Device: newDevice()}
	rows := []struct {
		name   string
		change func(*userv1.RegisterRequest)
		want   error
		rule   string
	}{
		{"a taken name", func(r *userv1.RegisterRequest) { r.Username = "ANN" }, user.ErrUsernameTaken, ""},
		{"a common password", func(r *userv1.RegisterRequest) { r.Password = "Password123" }, fault.ErrInvalid, "too_common"},
		{"a nickname that shows nothing", func(r *userv1.RegisterRequest) { r.Nickname = "\u200b" }, fault.ErrInvalid, "visible"},
		{"no device", func(r *userv1.RegisterRequest) { r.Device = nil }, fault.ErrInvalid, "*"},
		{"a device in upper case", func(r *userv1.RegisterRequest) {
			r.Device = &userv1.Device{DeviceId: strings.ToUpper(ids.NewDevice().String())}
		}, fault.ErrInvalid, "*"},
	}
	for _, row := range rows {
		request := proto.CloneOf(good)
		row.change(request)
		_, err := auth.Register(t.Context(), request)
		f, _ := fault.Of(err)
		if !errors.Is(err, row.want) || row.rule != "*" && f.Metadata()["rule"] != row.rule {
			t.Errorf("%s: %v, want %v with rule %q", row.name, err, row.want, row.rule)
		}
	}
	wrong := &userv1.LoginRequest{Username: "ann", Password: "wrong password", Device: newDevice()}
	if _, err := auth.Login(t.Context(), wrong); !errors.Is(err, user.ErrInvalidCredentials) {
		t.Errorf("a wrong password: %v, want INVALID_CREDENTIALS", err)
	}
	elsewhere := identity.NewContext(t.Context(), identity.Caller{ClientAddress: "192.0.2.7"})
	var err error
	for range 4 { // the server was started with three a minute
		_, err = auth.Login(elsewhere, &userv1.LoginRequest{Username: "nobody", Password: password, Device: newDevice()})
	}
	if f, _ := fault.Of(err); !errors.Is(err, user.ErrRateLimited) || f.RetryAfter() <= 0 {
		t.Errorf("the fourth try of an address: %v, want RATE_LIMITED with a retry time", err)
	}
}

func TestF6_ProfilesOverTheWire(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	auth, profiles := r.auth(t), r.profiles(t, component.Gateway)
	ann, bob := register(t, auth, "ann", "Ann"), register(t, auth, "bob", "Bob")
	ctx := as(t, auth, ann.GetToken())
	heard := r.subscribe(t)
	updated, err := profiles.UpdateProfile(ctx, &userv1.UpdateProfileRequest{Nickname: new("王小明")})
	if err != nil || updated.GetMe().GetUser().GetNickname() != "王小明" {
		t.Fatalf("update: %v, %v", updated, err)
	}
	event := <-heard
	if diff := cmp.Diff(updated.GetMe().GetUser(), event.GetUser(), protocmp.Transform()); diff != "" || len(event.GetRecipientIds()) != 0 {
		t.Errorf("event for %v (-answered +heard):\n%s", event.GetRecipientIds(), diff)
	}
	got, err := profiles.GetUser(ctx, &userv1.GetUserRequest{UserId: bob.GetUser().GetUser().GetUserId()})
	if diff := cmp.Diff(bob.GetUser().GetUser(), got.GetUser(), protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("get user: %v (-want +got):\n%s", err, diff)
	}
	if _, err := profiles.GetUser(ctx, &userv1.GetUserRequest{UserId: ids.NewUser().String()}); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("an unknown user: %v, want NOT_FOUND", err)
	}
	nobody := ids.NewUser().String()
	want := &userv1.BatchGetUsersResponse{
		Users: []*userv1.User{bob.GetUser().GetUser(), updated.GetMe().GetUser()}, MissingUserIds: []string{nobody},
	}
	request := &userv1.BatchGetUsersRequest{
		UserIds: []string{want.GetUsers()[0].GetUserId(), nobody, want.GetUsers()[1].GetUserId()},
	}
	for _, caller := range []component.Name{component.Gateway, component.Friend} {
		batch, err := r.profiles(t, caller).BatchGetUsers(ctx, request)
		if diff := cmp.Diff(want, batch, protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("batch for %s: %v (-want +got):\n%s", caller, err, diff)
		}
	}
	shown, err := r.profiles(t, component.Gateway).CheckPresence(ctx, &userv1.CheckPresenceRequest{UserIds: request.GetUserIds()})
	if err != nil || len(shown.GetUserIds()) != 2 || slices.Contains(shown.GetUserIds(), nobody) {
		t.Errorf("who shows their presence: %v, %v; want both who exist", shown, err)
	}
}

// subscribe hears events from now on.
func (r *running) subscribe(t *testing.T) <-chan *eventv1.Event {
	t.Helper()
	heard, bound := make(chan *eventv1.Event, 16), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- r.bus.Subscribe(ctx, broker.Subscription{
			Name: "test", Exchange: broker.EventsExchange, RoutingKeys: []string{"user.updated"},
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

func TestF11_SearchIsForTheFriendServiceOnly(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	auth := r.auth(t)
	ann, bob := register(t, auth, "ann", "Ann"), register(t, auth, "bob", "Anna")
	ctx := as(t, auth, ann.GetToken())
	request := &userv1.SearchUsersRequest{Query: "ANN", ExcludedUserIds: []string{ann.GetUser().GetUser().GetUserId()}}
	want := &userv1.SearchUsersResponse{
		Users:   []*userv1.User{bob.GetUser().GetUser()},
		Matches: []*userv1.NameMatch{{Spans: []*userv1.NameSpan{{Start: 0, End: 3}}}},
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := r.profiles(t, component.Friend).SearchUsers(ctx, request)
		if diff := cmp.Diff(want, found, protocmp.Transform()); err == nil && diff == "" {
			break
		} else if err != nil && !errors.Is(err, user.ErrSearchUnavailable) || len(found.GetUsers()) > 0 {
			t.Fatalf("search: %v (-want +got):\n%s", err, diff)
		}
		select { // the index follows
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("never found")
		}
	}
	if _, err := r.profiles(t, component.Gateway).SearchUsers(ctx, request); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("search through the gateway: %v, want FORBIDDEN", err)
	}
}

func TestTheServerStaysUpWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	r := start(t, "mysql://nobody@127.0.0.1:1/user")
	auth := r.auth(t)
	_, err := auth.Login(t.Context(), &userv1.LoginRequest{Username: "ann", Password: password, Device: newDevice()})
	if !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("login: %v, want UNAVAILABLE", err)
	}
	if _, err := auth.ListRevocations(t.Context(), &userv1.ListRevocationsRequest{}); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("revocations that were never read: %v, want UNAVAILABLE", err)
	}
	if status, body := get(t, r.ops+component.ReadyPath); status != http.StatusOK {
		t.Errorf("readyz answers %d %q, want 200: a restart would not bring the database back", status, body)
	}
	if _, body := get(t, r.ops+component.MetricsPath); !strings.Contains(body, "parley_user_hashes_total") {
		t.Error("the metrics do not count hashes")
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestRunFailsForWhatNoRestartRepairs(t *testing.T) {
	t.Parallel()
	keys := identity.GenerateKeys(component.All()...)[component.User]
	good := server.Config{MySQLDSN: secret.New(sqliteDSN(t)), RPCListen: "127.0.0.1:0"}
	rows := []struct {
		name   string
		change func(*server.Config, *server.Parts)
	}{
		{"no keys", func(_ *server.Config, p *server.Parts) { p.Keys = identity.Keys{} }},
		{"no page key", func(_ *server.Config, p *server.Parts) { p.PageKey = nil }},
		{"a DSN that is none", func(c *server.Config, _ *server.Parts) { c.MySQLDSN = secret.New("nonsense") }},
		{"a SQLite file that cannot be made", func(c *server.Config, _ *server.Parts) {
			c.MySQLDSN = secret.New("sqlite:/nowhere/at/all/user.db")
		}},
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
