// SPDX-License-Identifier: Apache-2.0

package rpcserver_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

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
