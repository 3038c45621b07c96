// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/proxy"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

// tokens is a gateway.Tokens with one good token, and one of another user.
type tokens struct {
	login gateway.Login
	other ids.UserID
	mu    sync.Mutex // guards what follows
	asked int
	stale bool
	// roleless says that nobody knows the role now.
	roleless bool
}

func (k *tokens) Role(_ context.Context, token string) (accessv1.Role, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.roleless || token != "good" {
		return 0, fault.ErrUnavailable
	}
	return accessv1.Role_ROLE_MODERATOR, nil
}

func (k *tokens) Verify(_ context.Context, token string) (gateway.Login, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	switch token {
	case "good":
		return k.login, nil
	case "other":
		return gateway.Login{User: k.other, Session: k.login.Session, Device: k.login.Device}, nil
	case "unknown yet":
		return gateway.Login{}, fault.ErrUnavailable
	}
	return gateway.Login{}, gateway.ErrSessionEnded.With("why", "revoked")
}

func (k *tokens) ReceiptsHidden(_ context.Context, token string) bool { return token == "good" }

func (k *tokens) Fresh() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.stale
}

// seen is what a component got.
type seen struct {
	Path, Query string
	Caller      identity.Caller
	Header      http.Header
	Body        string
}

// world is the public port before components that record what they get.
type world struct {
	server *httptest.Server
	tokens *tokens
	keys   map[component.Name]identity.Keys

	mu   sync.Mutex // guards seen
	seen []seen
}

func start(t *testing.T, change ...func(*proxy.Options)) *world {
	t.Helper()
	w := &world{
		keys: identity.GenerateKeys(component.All()...),
		tokens: &tokens{login: gateway.Login{
			User: ids.NewUser(), Session: ids.NewLoginSession(), Device: ids.NewDevice(),
		}, other: ids.NewUser()},
	}
	o := proxy.Options{
		Upstreams: map[component.Name]string{}, Transport: &http.Transport{DisableCompression: true},
		Keys: w.keys[component.Gateway], Tokens: w.tokens, Roles: w.tokens, Session: w.component(component.Gateway),
		Web: fstest.MapFS{
			"index.html":           {Data: []byte("<title>app</title>")},
			"assets/app-1a2b.js":   {Data: []byte("app()")},
			"manifest.webmanifest": {Data: []byte("{}")},
			".keep":                {},
		},
		Docs: fstest.MapFS{
			"index.html":   {Data: []byte("<title>api</title>")},
			"openapi.yaml": {Data: []byte("openapi: 3.1.0")},
		},
		Policy: "default-src 'none'; connect-src 'self'; base-uri 'none'",
		Now:    time.Now, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	for _, name := range []component.Name{component.User, component.Friend, component.File, component.Message} {
		upstream := httptest.NewServer(w.component(name))
		t.Cleanup(upstream.Close)
		o.Upstreams[name] = upstream.URL
	}
	for _, f := range change {
		f(&o)
	}
	h, err := proxy.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewUnstartedServer(nil)
	w.server.Config = proxy.NewServer(h, o.Logger)
	w.server.Start()
	t.Cleanup(w.server.Close)
	return w
}

// component answers {} and records the call.
func (w *world) component(name component.Name) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		caller, err := w.keys[name].Verify(r.Header.Get(identity.Header), name, time.Now())
		if err != nil {
			http.Error(out, err.Error(), http.StatusTeapot)
			return
		}
		var body strings.Builder
		buffer := make([]byte, 1024)
		for {
			n, err := r.Body.Read(buffer)
			body.Write(buffer[:n])
			if err != nil {
				break
			}
		}
		w.mu.Lock()
		w.seen = append(w.seen, seen{r.URL.Path, r.URL.RawQuery, caller, r.Header.Clone(), body.String()})
		w.mu.Unlock()
		out.Header().Set("Content-Type", "application/json")
		out.Header().Set("Server", "component")
		out.Header().Set("Set-Cookie", "a=b")
		_, _ = out.Write([]byte(`{"from":"` + string(name) + `"}`))
	})
}

func (w *world) calls() []seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]seen(nil), w.seen...)
}

// answer of the public port, its body read.
type answer struct {
	*http.Response

	body string
}

func (w *world) do(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := w.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	var text strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := got.Body.Read(buffer)
		text.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	return answer{got, text.String()}
}

const (
	register = "/parley.user.v1.AuthService/Register"
	friends  = "/parley.friend.v1.FriendService/ListFriends"
	good     = "Bearer good"
)

func TestCallsReachTheirComponent(t *testing.T) {
	t.Parallel()
	w := start(t)
	rows := []struct {
		path, token string
		from        component.Name
		user        bool
	}{
		{register, "", component.User, false},
		{"/parley.user.v1.AuthService/Login", good, component.User, false},
		{"/parley.user.v1.AuthService/Logout", good, component.User, true},
		{friends, good, component.Friend, true},
		{friends, "bearer good", component.Friend, true},
		{"/parley.message.v1.MessageService/Send", good, component.Message, true},
		{"/parley.message.v1.ConversationService/ListConversations", good, component.Message, true},
		{"/parley.gateway.v1.SessionService/Resolve", good, component.Gateway, true},
	}
	for i, row := range rows {
		got := w.do(t, http.MethodPost, row.path+"?token=x", `{"n":1}`, "Authorization", row.token)
		if got.StatusCode != http.StatusOK || got.body != `{"from":"`+string(row.from)+`"}` {
			t.Fatalf("%s: %d %s", row.path, got.StatusCode, got.body)
		}
		call := w.calls()[i]
		want := identity.Caller{
			Issuer: component.Gateway, ClientAddress: "127.0.0.1", RequestID: got.Header.Get("X-Request-Id"),
		}
		if row.user {
			login := w.tokens.login
			want.UserID, want.LoginSessionID, want.DeviceID = login.User, login.Session, login.Device
		}
		if diff := cmp.Diff(want, call.Caller); diff != "" {
			t.Errorf("%s: caller (-want +got):\n%s", row.path, diff)
		}
		if call.Path != row.path || call.Body != `{"n":1}` {
			t.Errorf("component got %s %s", call.Path, call.Body)
		}
	}
}

func TestWhatClientsSayAboutThemselvesIsStripped(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.do(
		t, http.MethodPost, friends+"?a=b", "{}", "Authorization", good,
		"Parley-Identity", "forged", "X-User-Id", "u1", "X-User-Agent", "me", "X-Forwarded-For", "10.0.0.1",
		"X-Forwarded-Proto", "https", "Forwarded", "for=10.0.0.1", "Cookie", "a=b", "X-Request-Id", "mine",
		"X-Real-Ip", "10.0.0.1",
	)
	call := w.calls()[0]
	for _, name := range []string{
		"X-User-Id", "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Cookie", "X-Request-Id", "X-Real-Ip",
		"Authorization", "X-Forwarded-Host",
	} {
		if v := call.Header.Get(name); v != "" {
			t.Errorf("component got %s: %s", name, v)
		}
	}
	if call.Caller.ClientAddress != "127.0.0.1" || call.Caller.RequestID == "mine" {
		t.Errorf("component believes %+v", call.Caller)
	}
}

func TestPathsWithoutRoute(t *testing.T) {
	t.Parallel()
	w := start(t)
	unknown := w.do(t, http.MethodPost, "/parley.user.v1.AuthService/Nothing", "{}", "Authorization", good)
	for _, path := range []string{
		"/parley.user.v1.AuthService/VerifyToken",
		"/parley.user.v1.AuthService/ListRevocations",
		"/parley.friend.v1.FriendService/ListFriendIds",
		"/parley.message.v1.MessageService/SendBatch",
		"/parley.message.v1.ConversationService/OpenDirect",
		"/parley.gateway.v1.HomeService/Register",
		"/parley.user.v1.AuthService/", "/parley.user.v1.AuthService//Login", "/v1/ws", "/v1/other",
		"/parley.user.v1.AuthService/Login/",
	} {
		got := w.do(t, http.MethodPost, path, "{}", "Authorization", good)
		if got.StatusCode != unknown.StatusCode || got.body != unknown.body {
			t.Errorf("%s answers %d %s, want what an unknown path answers", path, got.StatusCode, got.body)
		}
		if got.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %d, want 404", path, got.StatusCode)
		}
	}
	if len(w.calls()) != 0 {
		t.Errorf("components got %v", w.calls())
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, row := range []struct{ method, path string }{
		{http.MethodGet, register},
		{http.MethodPut, register},
		{http.MethodTrace, register},
		{http.MethodOptions, register},
		{http.MethodPost, "/"},
		{http.MethodDelete, "/c/1"},
		{http.MethodTrace, "/"},
	} {
		if got := w.do(t, row.method, row.path, "", "Content-Type", "application/json"); got.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s answers %d, want 405", row.method, row.path, got.StatusCode)
		}
	}
	if got := w.do(t, http.MethodPost, register, "a=b", "Content-Type", "text/plain"); got.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a form answers %d, want 415", got.StatusCode)
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	loopback := func(o *proxy.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	}
	rows := map[string]struct {
		trust           bool
		forwarded, want string
	}{
		"nobody is believed by default":                   {false, "192.0.2.7", "127.0.0.1"},
		"a trusted proxy is believed":                     {true, "192.0.2.7", "192.0.2.7"},
		"the last address that is no proxy counts":        {true, "198.51.100.1, 192.0.2.7, 10.1.1.1", "192.0.2.7"},
		"a trusted proxy that says nothing is the client": {true, "", "127.0.0.1"},
		"nonsense ends the list":                          {true, "192.0.2.7, x", "127.0.0.1"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var change []func(*proxy.Options)
			if row.trust {
				change = append(change, loopback)
			}
			w := start(t, change...)
			w.do(t, http.MethodPost, register, "{}", "X-Forwarded-For", row.forwarded)
			if got := w.calls()[0].Caller.ClientAddress; got != row.want {
				t.Errorf("address %s, want %s", got, row.want)
			}
		})
	}
}

func TestSocketGetsTheAddressAndNoIdentity(t *testing.T) {
	t.Parallel()
	var caller identity.Caller
	w := start(t, func(o *proxy.Options) {
		o.Socket = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { caller = identity.FromContext(r.Context()) })
	})
	for _, path := range []string{"/v1/ws", "/v1/ws/3"} {
		caller = identity.Caller{}
		w.do(t, http.MethodGet, path, "", "Authorization", good, "Parley-Identity", "forged")
		if caller.ClientAddress != "127.0.0.1" || caller.RequestID == "" || !caller.UserID.IsZero() {
			t.Errorf("%s: caller %+v", path, caller)
		}
	}
}

func TestNewNeedsEveryAddress(t *testing.T) {
	t.Parallel()
	_, err := proxy.New(proxy.Options{
		Session: http.NotFoundHandler(), Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(), Upstreams: map[component.Name]string{component.User: "http://user:8081"},
	})
	if err == nil {
		t.Error("a component without an address is accepted")
	}
}

func TestF28_OnlyAReadingCarriesWhetherItIsHidden(t *testing.T) {
	t.Parallel()
	w := start(t)
	for i, path := range []string{"/parley.message.v1.ConversationService/MarkRead", friends} {
		if got := w.do(t, http.MethodPost, path, "{}", "Authorization", good); got.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", path, got.StatusCode, got.body)
		}
		if got := w.calls()[i].Caller.ReceiptsHidden; got != (i == 0) {
			t.Errorf("%s carries %v", path, got)
		}
	}
}

func TestARoleIsReadForCallsOfAdministratorsOnly(t *testing.T) {
	t.Parallel()
	w := start(t)
	const find, claim = "/parley.user.v1.AdminService/FindAccounts", "/parley.user.v1.AdminService/ClaimAdministrator"
	for i, row := range []struct {
		path string
		role accessv1.Role
	}{
		{friends, 0},
		{claim, 0},
		{find, accessv1.Role_ROLE_MODERATOR},
		{"/parley.message.v1.ModerationService/RemoveMessage", accessv1.Role_ROLE_MODERATOR},
	} {
		if got := w.do(t, http.MethodPost, row.path, "{}", "Authorization", good); got.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", row.path, got.StatusCode, got.body)
		}
		if call := w.calls()[i]; call.Caller.Role != row.role {
			t.Errorf("%s carries role %v, want %v", row.path, call.Caller.Role, row.role)
		}
	}
	for token, want := range map[string]int{"": http.StatusUnauthorized, "Bearer bad": http.StatusUnauthorized, "Bearer unknown yet": http.StatusServiceUnavailable} {
		if got := w.do(t, http.MethodPost, find, "{}", "Authorization", token); got.StatusCode != want {
			t.Errorf("with %q: %d, want %d", token, got.StatusCode, want)
		}
	}
	w.tokens.mu.Lock()
	w.tokens.roleless = true
	w.tokens.mu.Unlock()
	if got := w.do(t, http.MethodPost, find, "{}", "Authorization", good); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("while nobody knows the role: %d, want 503", got.StatusCode)
	}
}
