// SPDX-License-Identifier: Apache-2.0

// Package devtest runs all services inside a test, each on a loopback listener of its own.
//
// A test reaches every listener, also those that no client can reach, and signs identities as any
// component. The data goes with the test.
package devtest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	friendserver "github.com/parley-chat/parley/services/friend/server"
	"github.com/parley-chat/parley/services/gateway/proxy"
	gatewayserver "github.com/parley-chat/parley/services/gateway/server"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/secret"
	messageserver "github.com/parley-chat/parley/services/message/server"
	transmitserver "github.com/parley-chat/parley/services/transmit/server"
	userserver "github.com/parley-chat/parley/services/user/server"
)

// startTimeout bounds the start of all services, and stopTimeout their end.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
)

// unlimited stands for no limit of calls: a test is one address and few people.
const unlimited = 1_000_000

// Options of a system.
type Options struct {
	// Gateways is the count of gateways; 0 means 1.
	Gateways int
	// Log gets what the services log, as JSON from level Info on, and codes by SMS are in it. Nil: no codes
	// are sent.
	Log io.Writer
	// Codes is where codes are sent, https; empty: no codes are sent.
	Codes string
	// Speech are settings of the speech service; without them nobody reads recordings.
	Speech map[string]string
	// Files are settings of the file service; without a bucket in them it keeps bytes in a folder.
	Files map[string]string
}

// System is all services, running.
type System struct {
	keys    map[component.Name]identity.Keys
	rpc     map[component.Name]string
	public  []string
	pageKey []byte
	ring    *ring.StaticSource
	members []ring.Member        // gateways that were not drained
	ends    []context.CancelFunc // by seat
	dir     string
	bus     *membroker.Broker
	// filesAhead is how far the clock of the file service is ahead, as a time.Duration.
	filesAhead atomic.Int64

	restartFiles func(testing.TB)
}

// Public is the address of a gateway for clients.
func (s *System) Public(gateway int) string { return s.public[gateway] }

// RPC is the address of a component for other components; of the first gateway for "gateway".
func (s *System) RPC(name component.Name) string { return s.rpc[name] }

// HearEvents calls hear with the body of every event that the services publish from now on, until the test
// ends.
func (s *System) HearEvents(t testing.TB, hear func(body []byte)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	bound, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.bus.Subscribe(ctx, broker.Subscription{
			Name: "ear", Exchange: broker.EventsExchange, RoutingKeys: []string{"#"},
			Bound: func(context.Context) { close(bound) },
		}, func(_ context.Context, d *broker.Delivery) {
			hear(d.Body)
			d.Ack()
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, broker.ErrClosed) {
			t.Error(err)
		}
	})
	select {
	case <-bound:
	case err := <-ended:
		t.Fatal(err)
	}
}

// IdentityHeader is the header in which a component says who it is.
const IdentityHeader = identity.Header

// Subject is the user for whom a component calls; the zero value is no user. Ids are text.
type Subject struct{ UserID, LoginSessionID, DeviceID string }

// Identity is the value of IdentityHeader as issuer would make it for audience.
func (s *System) Identity(t testing.TB, issuer, audience component.Name, subject Subject) string {
	t.Helper()
	caller := identity.Caller{RequestID: "test"}
	if subject != (Subject{}) {
		var errs [3]error
		caller.UserID, errs[0] = ids.ParseUser("user_id", subject.UserID)
		caller.LoginSessionID, errs[1] = ids.ParseLoginSession("login_session_id", subject.LoginSessionID)
		caller.DeviceID, errs[2] = ids.ParseDevice("device_id", subject.DeviceID)
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	header, err := s.keys[issuer].Sign(caller, audience, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return header
}

// Start runs all services until the test ends. It fails the test if one does not start.
func Start(t testing.TB, options Options) *System {
	t.Helper()
	r := &runner{
		t: t, started: make(chan struct{}, 16), done: make(chan error, 16),
		logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		System: &System{keys: identity.GenerateKeys(component.All()...), rpc: map[component.Name]string{}, pageKey: []byte("thirty-two bytes for page tokens"), dir: t.TempDir(), bus: membroker.New()},
	}
	if r.codes = options.Log != nil; r.codes {
		r.logger = slog.New(slog.NewJSONHandler(options.Log, nil))
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(func() { r.stop(cancel) })
	files, filesURL := r.listen()
	r.rpc[component.File] = filesURL
	r.user(ctx, options.Codes)
	r.talks(ctx)
	r.file(ctx, files, options.Files)
	r.speech(ctx, options.Speech)
	r.gateways(ctx, max(options.Gateways, 1))
	deadline := time.After(startTimeout)
	for range r.running {
		select {
		case <-r.started:
		case err := <-r.done:
			t.Fatalf("a service ended at its start: %v", err)
		case <-deadline:
			t.Fatal("the services did not start in time")
		}
	}
	for _, base := range r.public {
		r.awaitTokens(base)
	}
	return r.System
}

// awaitTokens waits until a gateway knows which login sessions ended; before that it lets nobody in.
func (r *runner) awaitTokens(base string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, base+"/parley.user.v1.UserService/GetMe", strings.NewReader("{}"))
		if err != nil {
			r.t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer nobody")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			r.t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusUnauthorized {
			return
		}
		select {
		case <-tick.C:
		case <-r.t.Context().Done():
			r.t.Fatal("a gateway never knew its tokens")
		}
	}
}

// runner starts the services of one system.
type runner struct {
	*System
	t       testing.TB
	logger  *slog.Logger
	codes   bool
	started chan struct{}
	done    chan error
	running int
}

// run owns a service until its end.
func (r *runner) run(service func() error) {
	r.running++
	go func() { r.done <- service() }()
}

func (r *runner) stop(cancel context.CancelFunc) {
	cancel()
	deadline := time.After(stopTimeout)
	for range r.running {
		select {
		case err := <-r.done:
			if err != nil {
				r.t.Errorf("a service ended with %v", err)
			}
		case <-deadline:
			r.t.Error("a service did not stop")
			return
		}
	}
	if err := r.bus.Close(); err != nil {
		r.t.Error(err)
	}
}

// listen opens a loopback port.
func (r *runner) listen() (net.Listener, string) {
	listener, err := new(net.ListenConfig).Listen(r.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	return listener, "http://" + listener.Addr().String()
}

// load parses the environment of a service and fails the test on a problem.
func load[C any](r *runner, loader func(map[string]string) (C, error), environ map[string]string) C {
	environ[component.EnvLogLevel] = "warn"
	cfg, err := loader(environ)
	if err != nil {
		r.t.Fatal(err)
	}
	return cfg
}

func (s *System) dsn(name string) string { return "sqlite:" + filepath.Join(s.dir, name+".db") }

func (r *runner) up() { r.started <- struct{}{} }

func (r *runner) user(ctx context.Context, codes string) {
	listener, url := r.listen()
	r.rpc[component.User] = url
	cfg := load(r, userserver.Load, map[string]string{component.EnvMySQLDSN: r.dsn("user"), component.EnvUpstreamFileURL: r.rpc[component.File]})
	cfg.OpsListen, cfg.AddressLogins = "", -1
	if codes != "" {
		cfg.SMS.Provider, cfg.SMS.URL, cfg.SMS.SigningKey = userserver.ProviderWebhook, secret.New(codes), secret.New("a key for tests")
	}
	cfg.Search.Folder = filepath.Join(r.dir, "user.index")
	cfg.Hashing.Memory, cfg.Hashing.Iterations = 64, 1
	if r.codes {
		cfg.Development, cfg.SMS.Provider = true, userserver.ProviderLog
	}
	r.run(func() error {
		return userserver.Run(ctx, cfg, userserver.Parts{
			RPC: listener, Broker: r.bus, Keys: r.keys[component.User], PageKey: r.pageKey, Logger: r.logger, Started: r.up,
		})
	})
}

func (r *runner) message(ctx context.Context, listener net.Listener) {
	cfg := load(r, messageserver.Load, map[string]string{
		component.EnvMySQLDSN: r.dsn("message"), component.EnvUpstreamFriendURL: r.rpc[component.Friend],
		component.EnvUpstreamFileURL: r.rpc[component.File], component.EnvTranscripts: "true",
	})
	cfg.OpsListen = ""
	cfg.Search.Folder = filepath.Join(r.dir, "message.index")
	r.run(func() error {
		return messageserver.Run(ctx, cfg, messageserver.Parts{
			RPC: listener, Broker: r.bus, Keys: r.keys[component.Message], PageKey: r.pageKey, Logger: r.logger, Started: r.up,
		})
	})
}

// talks starts message and friend, which call each other.
func (r *runner) talks(ctx context.Context) {
	messages, messageURL := r.listen()
	friends, friendURL := r.listen()
	r.rpc[component.Message], r.rpc[component.Friend] = messageURL, friendURL
	r.message(ctx, messages)
	r.friend(ctx, friends)
}

func (r *runner) friend(ctx context.Context, listener net.Listener) {
	cfg := load(r, friendserver.Load, map[string]string{
		component.EnvMySQLDSN: r.dsn("friend"), component.EnvUpstreamUserURL: r.rpc[component.User], component.EnvUpstreamMessageURL: r.rpc[component.Message],
	})
	cfg.OpsListen = ""
	r.run(func() error {
		return friendserver.Run(ctx, cfg, friendserver.Parts{
			RPC: listener, Broker: r.bus, Keys: r.keys[component.Friend], PageKey: r.pageKey, Logger: r.logger, Started: r.up,
		})
	})
}

// gateways starts transmit too: both must see the same ring.
func (r *runner) gateways(ctx context.Context, count int) {
	var members []ring.Member
	var rpcs, publics []net.Listener
	for seat := range count {
		rpc, rpcURL := r.listen()
		public, publicURL := r.listen()
		rpcs, publics = append(rpcs, rpc), append(publics, public)
		r.public = append(r.public, publicURL)
		pod := podName(seat)
		members = append(members, ring.Member{Seat: uint32(seat), Pod: pod, UID: pod, URL: rpcURL, Ready: true, Serving: true})
	}
	source := ring.Static(members...)
	r.ring, r.members, r.ends = source, members, make([]context.CancelFunc, count)
	r.rpc[component.Gateway] = members[0].URL
	r.transmit(ctx, source)
	for seat := range count {
		cfg := load(r, gatewayserver.Load, map[string]string{
			component.EnvPodName: podName(seat), component.EnvPodUID: podName(seat), component.EnvGatewaySeat: string(rune('0' + seat)),
			component.EnvUpstreamUserURL: r.rpc[component.User], component.EnvUpstreamFriendURL: r.rpc[component.Friend],
			component.EnvUpstreamMessageURL: r.rpc[component.Message], component.EnvUpstreamSpeechURL: r.rpc[component.Speech],
			component.EnvUpstreamFileURL: r.rpc[component.File],
		})
		cfg.OpsListen = ""
		cfg.Calls = proxy.Limits{PublicRate: unlimited, PublicBurst: unlimited, UserRate: unlimited, UserBurst: unlimited, FailedRate: unlimited, FailedBurst: unlimited}
		ctx, end := context.WithCancel(ctx)
		r.ends[seat] = end
		r.run(func() error {
			return gatewayserver.Run(ctx, cfg, gatewayserver.Parts{Public: publics[seat], Ring: source, Parts: process.Parts{
				RPC: rpcs[seat], Broker: r.bus, Keys: r.keys[component.Gateway], Logger: r.logger, Started: r.up,
			}})
		})
	}
}

func podName(seat int) string { return "gateway-" + string(rune('0'+seat)) }

func (r *runner) transmit(ctx context.Context, source ring.Source) {
	cfg := load(r, transmitserver.Load, map[string]string{
		component.EnvUpstreamFriendURL: r.rpc[component.Friend], component.EnvUpstreamMessageURL: r.rpc[component.Message],
	})
	cfg.OpsListen = ""
	r.run(func() error {
		return transmitserver.Run(ctx, cfg, transmitserver.Parts{Ring: source, Parts: process.Parts{
			Broker: r.bus, Keys: r.keys[component.Transmit], Logger: r.logger, Started: r.up,
		}})
	})
}
