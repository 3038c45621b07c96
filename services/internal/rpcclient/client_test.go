// SPDX-License-Identifier: Apache-2.0

package rpcclient_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// users is the remote component; tests say what BatchGetUsers does.
type users struct {
	userv1connect.UnimplementedUserServiceHandler
	answer func(context.Context) error
}

func (u users) BatchGetUsers(ctx context.Context, _ *userv1.BatchGetUsersRequest) (*userv1.BatchGetUsersResponse, error) {
	return &userv1.BatchGetUsersResponse{}, u.answer(ctx)
}

func server(keys identity.Keys, answer func(context.Context) error) http.Handler {
	s := rpcserver.New(rpcserver.Options{
		Component: component.User, Keys: keys, Logger: slog.New(slog.DiscardHandler),
	})
	s.Mount(userv1connect.NewUserServiceHandler(users{answer: answer}, s.HandlerOptions()...))
	return s.Handler()
}

func client(t *testing.T, keys identity.Keys, transport http.RoundTripper, url string) userv1connect.UserServiceClient {
	t.Helper()
	c := rpcclient.New(rpcclient.Options{
		Self: component.Friend, Audience: component.User, BaseURL: url, Keys: keys, Transport: transport,
	})
	t.Cleanup(c.Close)
	return userv1connect.NewUserServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)
}

// connected is a client of a server whose handler runs answer.
func connected(t *testing.T, answer func(context.Context) error) userv1connect.UserServiceClient {
	t.Helper()
	keys := identity.GenerateKeys(component.All()...)
	s := httptest.NewServer(server(keys[component.User], answer))
	t.Cleanup(s.Close)
	return client(t, keys[component.Friend], nil, s.URL)
}

func request() *userv1.BatchGetUsersRequest {
	return &userv1.BatchGetUsersRequest{UserIds: []string{ids.NewUser().String()}}
}

func TestTheUserGoesOn(t *testing.T) {
	t.Parallel()
	var got identity.Caller
	c := connected(t, func(ctx context.Context) error {
		got = identity.FromContext(ctx)
		return nil
	})
	want := identity.Caller{
		Issuer: component.Gateway, UserID: ids.NewUser(), LoginSessionID: ids.NewLoginSession(),
		DeviceID: ids.NewDevice(), RequestID: "r-1", ClientAddress: "203.0.113.9",
	}
	if _, err := c.BatchGetUsers(identity.NewContext(t.Context(), want), request()); err != nil {
		t.Fatal(err)
	}
	want.Issuer = component.Friend
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestFaultsCrossTheWire(t *testing.T) {
	t.Parallel()
	sentinel := fault.New(fault.NotFound, "USER_NOT_FOUND", "there is no such user")
	for name, sent := range map[string]*fault.Error{
		"a plain one":            sentinel,
		"one with facts":         sentinel.With("field", "user_id").With("rule", "known"),
		"one with a retry":       fault.New(fault.Exhausted, "RATE_LIMITED", "slow down").After(7 * time.Second),
		"one of another kind":    fault.New(fault.Precondition, "READ_ONLY", "closed"),
		"a conflict":             fault.New(fault.Conflict, "LOST_RACE", "again"),
		"one that exists":        fault.New(fault.Exists, "PAYLOAD_DIFFERS", "other payload"),
		"a token that has ended": fault.ErrUnauthenticated,
		"one that is denied":     fault.ErrForbidden,
		"an invalid one":         fault.InvalidField("name", "string.min_len"),
		"an own unavailable":     fault.New(fault.Unavailable, "SEARCH_UNAVAILABLE", "no search").After(time.Second),
	} {
		c := connected(t, func(context.Context) error { return sent })
		_, err := c.BatchGetUsers(t.Context(), request())
		got, ok := fault.Of(err)
		if !ok || !errors.Is(err, sent) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Kind() != sent.Kind() || got.Text() != sent.Text() || got.RetryAfter() != sent.RetryAfter() && sent.RetryAfter() != 0 {
			t.Errorf("%s: got %+v", name, got)
		}
		if diff := cmp.Diff(sent.Metadata(), got.Metadata()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAnInternalErrorIsNoFault(t *testing.T) {
	t.Parallel()
	c := connected(t, func(context.Context) error { return errors.New("table is gone") })
	_, err := c.BatchGetUsers(t.Context(), request())
	if _, ok := fault.Of(err); ok || err == nil {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(err.Error(), "table") || !strings.Contains(err.Error(), "BatchGetUsers") {
		t.Fatalf("got %v", err)
	}
}

func TestARefusedIdentityIsNoEndOfALoginSession(t *testing.T) {
	t.Parallel()
	keys, strangers := identity.GenerateKeys(component.All()...), identity.GenerateKeys(component.All()...)
	s := httptest.NewServer(server(keys[component.User], func(context.Context) error { return nil }))
	t.Cleanup(s.Close)
	_, err := client(t, strangers[component.Friend], nil, s.URL).BatchGetUsers(t.Context(), request())
	if !errors.Is(err, fault.ErrUnavailable) || errors.Is(err, fault.ErrUnauthenticated) {
		t.Fatalf("got %v", err)
	}
}

func TestKeysThatCannotSign(t *testing.T) {
	t.Parallel()
	_, err := client(t, identity.Keys{}, nil, "http://127.0.0.1:1").BatchGetUsers(t.Context(), request())
	if err == nil || errors.Is(err, fault.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String()
}

func TestTroubleWithTheConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	answers := func(handler http.HandlerFunc) string {
		s := httptest.NewServer(handler)
		t.Cleanup(s.Close)
		return s.URL
	}
	for name, url := range map[string]string{
		"nobody listens":           closedPort(t),
		"no such host":             "http://user.invalid",
		"the connection is cut":    answers(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"a proxy says bad gateway": answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }),
		"a proxy asks for a login": answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }),
		"a proxy says no":          answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }),
		"a proxy is too busy":      answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }),
		"the answer is cut in two": answers(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("x"))
		}),
		"a web page instead of data": answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }),
	} {
		keys := identity.GenerateKeys(component.All()...)
		_, err := client(t, keys[component.Friend], nil, url).BatchGetUsers(t.Context(), request())
		if !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	followed := false
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	t.Cleanup(target.Close)
	s := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	t.Cleanup(s.Close)
	keys := identity.GenerateKeys(component.All()...)
	if _, err := client(t, keys[component.Friend], nil, s.URL).BatchGetUsers(t.Context(), request()); err == nil {
		t.Error("a redirect was an answer")
	}
	if followed {
		t.Error("the identity went to another address")
	}
}

// direct carries calls to a handler without a network, so that time can be fake.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	d.handler.ServeHTTP(recorder, r)
	return recorder.Result(), r.Context().Err()
}

// silent never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestDeadlinesOfCalls(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		caller, want time.Duration
	}{
		"without one, 5 s":              {0, 5 * time.Second},
		"a second, less a margin":       {time.Second, 950 * time.Millisecond},
		"little time, less a tenth":     {100 * time.Millisecond, 90 * time.Millisecond},
		"an hour is cut to 30 s":        {time.Hour, 30 * time.Second},
		"the cap leaves its own margin": {30 * time.Second, 30*time.Second - 50*time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			if row.caller > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, row.caller)
				defer cancel()
			}
			keys := identity.GenerateKeys(component.All()...)
			started := time.Now()
			_, err := client(t, keys[component.Friend], silent{}, "http://user").BatchGetUsers(ctx, request())
			if took := time.Since(started); took != row.want {
				t.Errorf("%s: ended after %s", name, took)
			}
			if !errors.Is(err, fault.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestACallerThatGoesAwayIsNoFaultOfTheUpstream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		keys := identity.GenerateKeys(component.All()...)
		time.AfterFunc(time.Second, cancel)
		_, err := client(t, keys[component.Friend], silent{}, "http://user").BatchGetUsers(ctx, request())
		if !errors.Is(err, context.Canceled) || errors.Is(err, fault.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestTheDeadlineGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := identity.GenerateKeys(component.All()...)
		var left time.Duration
		handler := server(keys[component.User], func(ctx context.Context) error {
			end, _ := ctx.Deadline()
			left = time.Until(end)
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := client(t, keys[component.Friend], direct{handler}, "http://user").BatchGetUsers(ctx, request()); err != nil {
			t.Fatal(err)
		}
		if left != 1950*time.Millisecond {
			t.Fatalf("%s are left", left)
		}
	})
}

func TestARemoteThatTakesTooLong(t *testing.T) {
	t.Parallel()
	c := connected(t, func(context.Context) error { return context.DeadlineExceeded })
	_, err := c.BatchGetUsers(t.Context(), request())
	if !errors.Is(err, fault.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
}
