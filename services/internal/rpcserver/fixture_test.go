// SPDX-License-Identifier: Apache-2.0

package rpcserver_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/component"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
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
