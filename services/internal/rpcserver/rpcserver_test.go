// SPDX-License-Identifier: Apache-2.0

package rpcserver_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/component"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

const (
	getMe       = "/parley.user.v1.UserService/GetMe"
	getUser     = "/parley.user.v1.UserService/GetUser"
	batchGet    = "/parley.user.v1.UserService/BatchGetUsers"
	searchUsers = "/parley.user.v1.UserService/SearchUsers"
	login       = "/parley.user.v1.AuthService/Login"
)

// lockedBuffer is a log that several goroutines may write.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// users answers GetMe with what the test wants.
type users struct {
	userv1connect.UnimplementedUserServiceHandler
	me func(context.Context) (*userv1.GetMeResponse, error)
}

func (u users) GetMe(ctx context.Context, _ *userv1.GetMeRequest) (*userv1.GetMeResponse, error) {
	return u.me(ctx)
}

func (u users) GetUser(ctx context.Context, _ *userv1.GetUserRequest) (*userv1.GetUserResponse, error) {
	_, err := u.me(ctx)
	return &userv1.GetUserResponse{}, err
}

func (u users) BatchGetUsers(context.Context, *userv1.BatchGetUsersRequest) (*userv1.BatchGetUsersResponse, error) {
	return &userv1.BatchGetUsersResponse{}, nil
}

func (u users) SearchUsers(context.Context, *userv1.SearchUsersRequest) (*userv1.SearchUsersResponse, error) {
	return &userv1.SearchUsersResponse{}, nil
}

type auth struct {
	userv1connect.UnimplementedAuthServiceHandler
}

func (auth) Login(context.Context, *userv1.LoginRequest) (*userv1.LoginResponse, error) {
	return &userv1.LoginResponse{}, nil
}

// rig is a server of the user service and the keys of all who call it.
type rig struct {
	t        *testing.T
	keys     map[component.Name]identity.Keys
	server   *rpcserver.Server
	url      string
	log      *lockedBuffer
	registry *prometheus.Registry
}

func start(t *testing.T, me func(context.Context) (*userv1.GetMeResponse, error)) *rig {
	t.Helper()
	return startBounded(t, me, nil)
}

func startBounded(t *testing.T, me func(context.Context) (*userv1.GetMeResponse, error), bounds map[string]rpcserver.Bounds) *rig {
	t.Helper()
	if me == nil {
		me = func(context.Context) (*userv1.GetMeResponse, error) { return &userv1.GetMeResponse{}, nil }
	}
	r := &rig{t: t, keys: identity.GenerateKeys(component.All()...), log: &lockedBuffer{}, registry: prometheus.NewRegistry()}
	r.server = rpcserver.New(rpcserver.Options{
		Component:  component.User,
		Keys:       r.keys[component.User],
		Logger:     slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelError})),
		Registerer: r.registry,
		Bounds:     bounds,
	})
	r.server.Mount(userv1connect.NewUserServiceHandler(users{me: me}, r.server.HandlerOptions()...))
	r.server.Mount(userv1connect.NewAuthServiceHandler(auth{}, r.server.HandlerOptions()...))
	server := httptest.NewServer(r.server.Handler())
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *rig) header(issuer component.Name, user bool) string {
	r.t.Helper()
	caller := identity.Caller{RequestID: "request-7"}
	if user {
		caller.UserID = ids.NewUser()
	}
	header, err := r.keys[issuer].Sign(caller, component.User, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return header
}

// answer is what a Connect client sees of a refusal.
type answer struct {
	Status   int
	Code     string
	Message  string
	Reason   string
	Metadata map[string]string
	Retry    time.Duration
}

type call struct {
	path   string
	header map[string]string
	body   []byte
	method string
}

func (r *rig) post(c call) answer {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), "POST", r.url+c.path, bytes.NewReader(c.body))
	if err != nil {
		r.t.Fatal(err)
	}
	if c.method != "" {
		request.Method = c.method
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(identity.Header, r.header(component.Gateway, true))
	for name, value := range c.header {
		request.Header.Set(name, value)
		if value == "" {
			request.Header.Del(name)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	return r.read(response)
}

func (r *rig) read(response *http.Response) answer {
	r.t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	got := answer{Status: response.StatusCode}
	if response.StatusCode == http.StatusOK {
		return got
	}
	var wire struct {
		Code, Message string
		Details       []struct{ Type, Value string }
	}
	if err := json.Unmarshal(text, &wire); err != nil {
		r.t.Fatalf("%d %q: %v", response.StatusCode, text, err)
	}
	got.Code, got.Message = wire.Code, wire.Message
	for _, detail := range wire.Details {
		raw, err := base64.RawStdEncoding.DecodeString(detail.Value)
		if err != nil {
			r.t.Fatal(err)
		}
		switch detail.Type {
		case "google.rpc.ErrorInfo":
			var info errdetails.ErrorInfo
			if err := proto.Unmarshal(raw, &info); err != nil || info.GetDomain() != rpcserver.Domain {
				r.t.Fatalf("%v, domain %q", err, info.GetDomain())
			}
			got.Reason, got.Metadata = info.GetReason(), info.GetMetadata()
		case "google.rpc.RetryInfo":
			var retry errdetails.RetryInfo
			if err := proto.Unmarshal(raw, &retry); err != nil {
				r.t.Fatal(err)
			}
			got.Retry = retry.GetRetryDelay().AsDuration()
		}
	}
	return got
}

func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	someone := `{"userId":"` + ids.NewUser().String() + `"}`
	several := `{"userIds":["` + ids.NewUser().String() + `"]}`
	entry := `{"username":"ada","password":"x","device":{"deviceId":"` + ids.NewDevice().String() + `"}}`
	for name, row := range map[string]struct {
		path, body string
		issuer     component.Name
		user       bool
		want       string // reason; empty: let in
	}{
		"PUBLIC, anybody through the gateway":         {login, entry, component.Gateway, false, ""},
		"PUBLIC, a user through the gateway":          {login, entry, component.Gateway, true, ""},
		"PUBLIC, not from another component":          {login, entry, component.Friend, false, "FORBIDDEN"},
		"USER, with a user":                           {getUser, someone, component.Gateway, true, ""},
		"USER, without a user":                        {getUser, someone, component.Gateway, false, "UNAUTHENTICATED"},
		"USER, from another component with a user":    {getUser, someone, component.Friend, true, "FORBIDDEN"},
		"INTERNAL, the named component":               {searchUsers, `{"query":"ada","pageSize":10}`, component.Friend, true, ""},
		"INTERNAL, the gateway is not named":          {searchUsers, `{"query":"ada","pageSize":10}`, component.Gateway, true, "FORBIDDEN"},
		"INTERNAL, a component that is not named":     {searchUsers, `{"query":"ada","pageSize":10}`, component.Transmit, false, "FORBIDDEN"},
		"USER or INTERNAL, a user":                    {batchGet, several, component.Gateway, true, ""},
		"USER or INTERNAL, the named component":       {batchGet, several, component.Friend, false, ""},
		"USER or INTERNAL, a component without right": {batchGet, several, component.Message, true, "FORBIDDEN"},
	} {
		got := r.post(call{path: row.path, body: []byte(row.body), header: map[string]string{
			identity.Header: r.header(row.issuer, row.user),
		}})
		if got.Reason != row.want || (row.want == "") != (got.Status == 200) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestACallWithoutAValidIdentity(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	foreign, err := r.keys[component.Gateway].Sign(identity.Caller{}, component.Message, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, header := range map[string]string{
		"none": "", "nonsense": "nonsense", "another component's": foreign,
	} {
		for _, path := range []string{getMe, login, searchUsers} {
			// What is wrong with the message is not told to a caller that is not known.
			for _, body := range []string{"{}", "{", `{"nonsense":1}`} {
				got := r.post(call{path: path, body: []byte(body), header: map[string]string{identity.Header: header}})
				if got.Status != 401 || got.Reason != "IDENTITY_INVALID" || len(got.Metadata) != 0 {
					t.Errorf("%s, %s %s: got %+v", name, path, body, got)
				}
			}
		}
	}
}

// A caller that may not call learns nothing of what its message would have caused, and cannot make the
// server read a large one.
func TestACallerThatMayNotCallIsToldOnlyThat(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for name, body := range map[string]string{
		"a good message":      `{"query":"ada"}`,
		"a broken one":        `{`,
		"an unknown field":    `{"nonsense":1}`,
		"one against a rule":  `{"query":""}`,
		"one that is too big": strings.Repeat(" ", 2<<20),
	} {
		got := r.post(call{path: searchUsers, body: []byte(body)})
		if got.Status != 403 || got.Reason != "FORBIDDEN" || len(got.Metadata) != 0 {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestTwoIdentitiesAreNone(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	request, err := http.NewRequestWithContext(t.Context(), "POST", r.url+getMe, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Add(identity.Header, r.header(component.Gateway, true))
	request.Header.Add(identity.Header, r.header(component.Gateway, true))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := r.read(response); got.Reason != "IDENTITY_INVALID" {
		t.Fatalf("got %+v", got)
	}
}

func TestTheHandlerSeesTheCaller(t *testing.T) {
	t.Parallel()
	var got identity.Caller
	r := start(t, func(ctx context.Context) (*userv1.GetMeResponse, error) {
		got = identity.FromContext(ctx)
		return &userv1.GetMeResponse{}, nil
	})
	want := identity.Caller{
		Issuer: component.Gateway, UserID: ids.NewUser(), LoginSessionID: ids.NewLoginSession(),
		DeviceID: ids.NewDevice(), RequestID: "r-1", ClientAddress: "203.0.113.9",
	}
	header, err := r.keys[component.Gateway].Sign(want, component.User, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if a := r.post(call{path: getMe, body: []byte("{}"), header: map[string]string{identity.Header: header}}); a.Status != 200 {
		t.Fatalf("got %+v", a)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestErrorsOfAHandler(t *testing.T) {
	t.Parallel()
	sentinel := fault.New(fault.NotFound, "USER_NOT_FOUND", "there is no such user")
	for name, row := range map[string]struct {
		err  error
		want answer
	}{
		"a fault": {sentinel, answer{404, "not_found", "there is no such user", "USER_NOT_FOUND", nil, 0}},
		"a wrapped fault with facts": {
			fmt.Errorf("read profile: %w", sentinel.With("field", "user_id")),
			answer{404, "not_found", "there is no such user", "USER_NOT_FOUND", map[string]string{"field": "user_id"}, 0},
		},
		"a fault does not show its cause": {
			fault.ErrUnavailable.Because(errors.New("dial tcp 10.0.0.7:3306")).After(3 * time.Second),
			answer{503, "unavailable", fault.ErrUnavailable.Text(), "UNAVAILABLE", nil, 3 * time.Second},
		},
		"unavailable always tells when to retry": {
			fault.ErrUnavailable, answer{503, "unavailable", fault.ErrUnavailable.Text(), "UNAVAILABLE", nil, time.Second},
		},
		"a limit tells when to retry": {
			fault.New(fault.Exhausted, "RATE_LIMITED", "slow down"), answer{429, "resource_exhausted", "slow down", "RATE_LIMITED", nil, time.Second},
		},
		"an unknown error shows nothing": {
			errors.New("Error 1064: near 'SELECT secret FROM /var/lib'"),
			answer{500, "internal", "internal error, quote the request id", "INTERNAL", map[string]string{"request_id": "request-7"}, 0},
		},
		"a deadline": {
			fmt.Errorf("query: %w", context.DeadlineExceeded),
			answer{504, "deadline_exceeded", "the call took too long, its outcome is unknown", "DEADLINE_EXCEEDED", nil, 0},
		},
		"a caller that went away": {
			context.Canceled, answer{499, "canceled", "the caller has gone", "CANCELED", nil, 0},
		},
		"a Connect error of a library is unknown": {
			connect.NewError(connect.CodeDataLoss, errors.New("/etc/passwd")),
			answer{500, "internal", "internal error, quote the request id", "INTERNAL", map[string]string{"request_id": "request-7"}, 0},
		},
	} {
		r := start(t, func(context.Context) (*userv1.GetMeResponse, error) { return nil, row.err })
		got := r.post(call{path: getMe, body: []byte("{}")})
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if logged := strings.Count(r.log.String(), "call failed"); logged != map[bool]int{true: 1}[got.Code == "internal"] {
			t.Errorf("%s: logged %d times: %s", name, logged, r.log)
		}
	}
}

func TestEveryKindHasItsCode(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fault.Kind]connect.Code{
		fault.Internal: connect.CodeInternal, fault.Invalid: connect.CodeInvalidArgument,
		fault.Unauthenticated: connect.CodeUnauthenticated, fault.Denied: connect.CodePermissionDenied,
		fault.NotFound: connect.CodeNotFound, fault.Exists: connect.CodeAlreadyExists,
		fault.Conflict: connect.CodeAborted, fault.Precondition: connect.CodeFailedPrecondition,
		fault.Exhausted: connect.CodeResourceExhausted, fault.Unavailable: connect.CodeUnavailable,
		fault.Kind(99): connect.CodeInternal,
	} {
		if got := rpcserver.Code(kind); got != want {
			t.Errorf("kind %d: got %s, want %s", kind, got, want)
		}
	}
	if rpcserver.ToConnect(nil, "") != nil {
		t.Error("nil became an error")
	}
}

func TestAPanicIsOneScrubbedLine(t *testing.T) {
	t.Parallel()
	const canary = "canary-8861"
	for name, panicking := range map[string]func(){
		"a string":        func() { panic(canary) },
		"an error":        func() { panic(errors.New(canary)) },
		"a wrong type":    func() { var v any = canary; _ = v.(fmt.Stringer) },
		"an out of range": func() { i := len(canary); _ = canary[:0][i-1:] },
	} {
		r := start(t, func(context.Context) (*userv1.GetMeResponse, error) { panicking(); return nil, nil })
		got := r.post(call{path: getMe, body: []byte("{}")})
		if got.Status != 500 || got.Message != "internal error, quote the request id" {
			t.Errorf("%s: got %+v", name, got)
		}
		log := r.log.String()
		if strings.Count(log, "\n") != 1 || strings.Contains(log, canary) || !strings.Contains(log, "rpcserver_test") ||
			!strings.Contains(log, `"request_id":"request-7"`) {
			t.Errorf("%s: logged %q", name, log)
		}
		if after := r.post(call{path: getUser, body: []byte("{}")}); after.Status == 500 {
			t.Errorf("%s: the server is broken: %+v", name, after)
		}
	}
}

func TestAnAbortedAnswerIsNotCaught(t *testing.T) {
	t.Parallel()
	r := start(t, func(context.Context) (*userv1.GetMeResponse, error) { panic(http.ErrAbortHandler) })
	request, _ := http.NewRequestWithContext(t.Context(), "POST", r.url+getMe, strings.NewReader("{}"))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(identity.Header, r.header(component.Gateway, true))
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
		t.Fatalf("got %s", response.Status)
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	left := make(chan time.Duration, 1)
	r := start(t, func(ctx context.Context) (*userv1.GetMeResponse, error) {
		end, _ := ctx.Deadline()
		left <- time.Until(end)
		return &userv1.GetMeResponse{}, nil
	})
	for name, row := range map[string]struct {
		header  string
		low, up time.Duration
	}{
		"without one, 5 s":    {"", 3 * time.Second, 5 * time.Second},
		"a shorter one holds": {"2000", 0, 2 * time.Second},
		"a longer one holds":  {"20000", 15 * time.Second, 20 * time.Second},
		"30 s are the most":   {"9999999999", 25 * time.Second, 30 * time.Second},
	} {
		got := r.post(call{path: getMe, body: []byte("{}"), header: map[string]string{"Connect-Timeout-Ms": row.header}})
		if got.Status != 200 {
			t.Fatalf("%s: %+v", name, got)
		}
		if d := <-left; d < row.low || d > row.up {
			t.Errorf("%s: %s are left", name, d)
		}
	}
	got := r.post(call{path: getMe, body: []byte("{}"), header: map[string]string{"Connect-Timeout-Ms": "0"}})
	if got.Code != "deadline_exceeded" || got.Reason != "DEADLINE_EXCEEDED" {
		t.Errorf("a deadline of 0: got %+v", got)
	}
	for _, text := range []string{"-1", "1e3", "abc", "1000000000000000000", " 5", "5s"} {
		got := r.post(call{path: getMe, body: []byte("{}"), header: map[string]string{"Connect-Timeout-Ms": text}})
		if text != " 5" && (got.Code != "invalid_argument" || got.Reason != "CONTENT_INVALID") {
			t.Errorf("deadline %q: got %+v", text, got)
		}
	}
}

func TestAHandlerThatIgnoresItsDeadlineIsTold(t *testing.T) {
	t.Parallel()
	r := start(t, func(ctx context.Context) (*userv1.GetMeResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	got := r.post(call{path: getMe, body: []byte("{}"), header: map[string]string{"Connect-Timeout-Ms": "20"}})
	if got.Code != "deadline_exceeded" {
		t.Fatalf("got %+v", got)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.post(call{path: getMe, body: []byte("{}")})
	r.post(call{path: getMe, body: []byte("{}")})
	r.post(call{path: getMe, body: []byte("{")})
	r.post(call{path: "/parley.user.v1.UserService/Nothing", body: []byte("{}")})
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	want := map[string]float64{
		"parley_rpc_requests_total invalid_argument parley.user.v1.UserService/GetMe": 1,
		"parley_rpc_requests_total ok parley.user.v1.UserService/GetMe":               2,
		"parley_rpc_duration_seconds parley.user.v1.UserService/GetMe":                3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// A second server of the process shares them.
	rpcserver.New(rpcserver.Options{Component: component.User, Logger: slog.Default(), Registerer: r.registry})
}

func TestMountRefusesWhatIsNoService(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for _, path := range []string{"/parley.nothing.v1.NothingService/", "/parley.user.v1.User/", "/"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was mounted", path)
				}
			}()
			r.server.Mount(path, http.NotFoundHandler())
		}()
	}
}

func TestGRPCWorksToo(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	listener, stop := serve(t, r.server)
	defer stop()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	client := userv1connect.NewUserServiceClient(&http.Client{Transport: transport}, "http://"+listener, connect.WithGRPC())
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set(identity.Header, r.header(component.Gateway, true))
	if _, err := client.GetMe(ctx, &userv1.GetMeRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err := client.GetUser(ctx, &userv1.GetUserRequest{UserId: "nonsense"})
	if connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Fatalf("got %v", err)
	}
	_, err = client.GetUser(ctx, &userv1.GetUserRequest{UserId: strings.Repeat("x", 1<<20)})
	if connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Fatalf("got %v", err)
	}
}
