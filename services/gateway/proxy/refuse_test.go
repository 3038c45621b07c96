// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/parley-chat/parley/api/component"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	"github.com/parley-chat/parley/services/gateway/proxy"
)

// withToken adds a token to each call of a client.
func withToken(token string) connect.ClientOption {
	return connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
			if token != "" {
				r.Header().Set("Authorization", "Bearer "+token)
			}
			return next(ctx, r)
		}
	}))
}

// plainHTTP2 speaks HTTP/2 without TLS, as gRPC clients do.
func plainHTTP2() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: protocols}}
}

// reasonOf reads code, reason and retry time of a refusal.
func reasonOf(t *testing.T, err error) (code connect.Code, reason string, retry bool) {
	t.Helper()
	var e *connect.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want one of the protocol", err)
	}
	for _, d := range e.Details() {
		value, err := d.Value()
		if err != nil {
			t.Fatal(err)
		}
		switch info := value.(type) {
		case *errdetails.ErrorInfo:
			reason = info.GetReason()
			if info.GetDomain() != "chat.parley.dev" {
				t.Errorf("domain %s", info.GetDomain())
			}
		case *errdetails.RetryInfo:
			retry = true
		}
	}
	return e.Code(), reason, retry
}

func TestRefusalsInEachProtocol(t *testing.T) {
	t.Parallel()
	w := start(t, func(o *proxy.Options) { o.Upstreams[component.Friend] = "http://" + closedAddress(t) })
	protocols := map[string][]connect.ClientOption{
		"connect": nil, "connect with JSON": {connect.WithProtoJSON()},
		"grpc": {connect.WithGRPC()}, "grpc-web": {connect.WithGRPCWeb()},
	}
	rows := map[string]struct {
		token, reason string
		code          connect.Code
		retry         bool
	}{
		"without a token":                     {"", "UNAUTHENTICATED", connect.CodeUnauthenticated, false},
		"with a revoked token":                {"revoked", "SESSION_ENDED", connect.CodeUnauthenticated, false},
		"with a token nobody can verify now":  {"unknown yet", "UNAVAILABLE", connect.CodeUnavailable, true},
		"to a component that does not answer": {"good", "UNAVAILABLE", connect.CodeUnavailable, true},
	}
	for protocol, options := range protocols {
		client := w.server.Client()
		if protocol == "grpc" {
			client = plainHTTP2()
		}
		for name, row := range rows {
			t.Run(protocol+" "+name, func(t *testing.T) {
				t.Parallel()
				friends := friendv1connect.NewFriendServiceClient(client, w.server.URL, append(options, withToken(row.token))...)
				_, err := friends.ListFriends(t.Context(), &friendv1.ListFriendsRequest{})
				code, reason, retry := reasonOf(t, err)
				if code != row.code || reason != row.reason || retry != row.retry {
					t.Errorf("refused with %v %s, retry %v; want %v %s, retry %v",
						code, reason, retry, row.code, row.reason, row.retry)
				}
			})
		}
	}
}

// closedAddress is one where nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestCallsPassInEachProtocol(t *testing.T) {
	t.Parallel()
	path, h := friendv1connect.NewFriendServiceHandler(friendServer{})
	mux := http.NewServeMux()
	mux.Handle(path, h)
	upstream := serve(t, mux)
	w := start(t, func(o *proxy.Options) { o.Upstreams[component.Friend] = upstream })
	for name, options := range map[string][]connect.ClientOption{
		"connect": nil, "connect with JSON": {connect.WithProtoJSON()}, "compressed": {connect.WithSendGzip()},
		"grpc": {connect.WithGRPC()}, "grpc-web": {connect.WithGRPCWeb()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := w.server.Client()
			if name == "grpc" {
				client = plainHTTP2()
			}
			friends := friendv1connect.NewFriendServiceClient(client, w.server.URL, append(options, withToken("good"))...)
			got, err := friends.SearchUsers(t.Context(), &friendv1.SearchUsersRequest{Query: "amy"})
			if err != nil || got.GetNextPageToken() != "amy" {
				t.Errorf("answer %v, %v", got, err)
			}
			_, err = friends.ListFriends(t.Context(), &friendv1.ListFriendsRequest{})
			if connect.CodeOf(err) != connect.CodeAborted {
				t.Errorf("error of the component arrives as %v", err)
			}
		})
	}
}

// friendServer answers what it was asked.
type friendServer struct {
	friendv1connect.UnimplementedFriendServiceHandler
}

func (friendServer) SearchUsers(
	_ context.Context, in *friendv1.SearchUsersRequest,
) (*friendv1.SearchUsersResponse, error) {
	return &friendv1.SearchUsersResponse{NextPageToken: in.GetQuery()}, nil
}

func (friendServer) ListFriends(
	context.Context, *friendv1.ListFriendsRequest,
) (*friendv1.ListFriendsResponse, error) {
	return nil, connect.NewError(connect.CodeAborted, errors.New("lost a race"))
}

func TestSizes(t *testing.T) {
	t.Parallel()
	w := start(t)
	rows := map[string]struct {
		body    string
		chunked bool
		zipped  bool
		status  int
	}{
		"a body of 1 MiB passes":                          {strings.Repeat("x", 1<<20), false, false, 200},
		"a larger one is refused":                         {strings.Repeat("x", 1<<20+1), false, false, 429},
		"a larger one without a length is refused":        {strings.Repeat("x", 1<<20+1), true, false, 429},
		"a small compressed one passes":                   {"{}", false, true, 200},
		"a compressed one over 64 KiB is refused":         {noise(80 << 10), false, true, 429},
		"a compressed one without a length is refused so": {noise(80 << 10), true, true, 429},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := []byte(row.body)
			if row.zipped {
				body = zip(t, body)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+register, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if row.zipped {
				r.Header.Set("Content-Encoding", "gzip")
			}
			if row.chunked {
				r.ContentLength = -1
			}
			got, err := w.server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = got.Body.Close() }()
			if got.StatusCode != row.status {
				t.Errorf("status %d, want %d", got.StatusCode, row.status)
			}
		})
	}
	if got := w.do(t, http.MethodPost, register, "{}", "X-Long", strings.Repeat("x", 24<<10)); got.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 24 KiB answers %d, want 431", got.StatusCode)
	}
}

// noise does not compress.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func zip(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRates(t *testing.T) {
	t.Parallel()
	few := func(o *proxy.Options) {
		o.Limits = proxy.Limits{
			PublicRate: 0.001, PublicBurst: 2, UserRate: 0.001, UserBurst: 3, SendRate: 0.001, SendBurst: 2, FailedRate: 0.001, FailedBurst: 2,
		}
	}
	const send = "/parley.message.v1.MessageService/Send"
	rows := map[string]struct {
		path, token, before, limit string
		burst                      int
	}{
		"public calls of one address":   {register, "", "", "public_calls_of_address", 2},
		"calls of one user":             {friends, "Bearer good", "", "calls_of_user", 3},
		"sends of one user":             {send, "Bearer good", "", "sends_of_user", 2},
		"refused tokens of one address": {friends, "Bearer bad", "SESSION_ENDED", "refused_tokens_of_address", 2},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, few)
			for range row.burst {
				got := w.do(t, http.MethodPost, row.path, "{}", "Authorization", row.token)
				if got.StatusCode == http.StatusTooManyRequests || !strings.Contains(got.body, row.before) {
					t.Fatalf("answer %d %s within the burst", got.StatusCode, got.body)
				}
			}
			got := w.do(t, http.MethodPost, row.path, "{}", "Authorization", row.token)
			if got.StatusCode != http.StatusTooManyRequests || !strings.Contains(got.body, "RATE_LIMITED") || !strings.Contains(got.body, row.limit) {
				t.Errorf("answer %d %s, want RATE_LIMITED by %s", got.StatusCode, got.body, row.limit)
			}
			if got.Header.Get("Retry-After") == "" {
				t.Error("no retry time")
			}
			if row.before != "" && w.tokens.asked > 2 {
				t.Errorf("%d tokens verified, the last one after the limit", w.tokens.asked)
			}
		})
	}
}

func TestNothingIsCalledWhileEndedLoginsAreNotKnown(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.tokens.mu.Lock()
	w.tokens.stale = true
	w.tokens.mu.Unlock()
	got := w.do(t, http.MethodPost, friends, "{}", "Authorization", good)
	if got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.body, "UNAVAILABLE") {
		t.Errorf("answer %d %s, want UNAVAILABLE", got.StatusCode, got.body)
	}
	if len(w.calls()) != 0 {
		t.Error("a component was called")
	}
}

func TestRefusalTellsNothingAboutTheInside(t *testing.T) {
	t.Parallel()
	w := start(t, func(o *proxy.Options) { o.Upstreams[component.Friend] = "http://" + closedAddress(t) })
	got := w.do(t, http.MethodPost, friends, "{}", "Authorization", good)
	if strings.Contains(got.body, "127.0.0.1") || strings.Contains(got.body, "dial") {
		t.Errorf("answer %s", got.body)
	}
}
