// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"time"

	"github.com/google/uuid"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
)

// Format of frames.
type Format int

// The formats.
const (
	Binary Format = iota // protobuf; the default
	JSON                 // proto3 JSON
)

// Config of a client. Only BaseURLs is required; without Token and Device only the generated clients of
// public methods work.
type Config struct {
	// BaseURLs are the addresses of gateways, "https://chat.example". After a failure the next one is used.
	BaseURLs []string
	// Token proves the login session.
	Token string
	// Device is the id of this installed client, as given at login.
	Device string
	// Instance is the id of this running copy; empty: a new one.
	Instance string
	// Platform, AppVersion and Locale tell the server what runs here; may be empty.
	Platform   gatewayv1.Platform
	AppVersion string
	Locale     string
	// Format of frames.
	Format Format
	// Resolve asks the server where to connect, before every try; the way to the home pod is then the
	// shortest one.
	Resolve bool
	// Store keeps positions, cursor and unsent messages; nil: a MemoryStore.
	Store Store
	// Events hears everything, one after the other on one goroutine. While it works the client reads on,
	// up to a bound. It may call all methods but must not wait for Run. Nil: nobody listens.
	Events func(Event)
	// Dial opens connections; nil: TCP. TLS is put on top for https.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS for https; may be nil.
	TLS *tls.Config
	// Now and Random (0 to 1) are the clock and the dice; nil: those of the system.
	Now    func() time.Time
	Random func() float64
	// Logger; nil: none.
	Logger *slog.Logger
}

// complete checks and fills what was left out.
func (c Config) complete() (Config, error) {
	if len(c.BaseURLs) == 0 {
		return c, errors.New("no base URL")
	}
	for _, base := range c.BaseURLs {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return c, fmt.Errorf("base URL %q is not http(s)://host", base)
		}
	}
	if c.Instance == "" {
		c.Instance = uuid.NewString()
	}
	if c.Store == nil {
		c.Store = NewMemoryStore()
	}
	if c.Events == nil {
		c.Events = func(Event) {}
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: noProgress}).DialContext
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of the clock
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// auth is the frame that opens a session.
func (c Config) auth(token string, lastEpoch int64) *gatewayv1.Auth {
	return &gatewayv1.Auth{
		Token: token, Protocol: protocolVersion, LastEpoch: lastEpoch,
		Device: &gatewayv1.Auth_Instance{
			DeviceId: c.Device, InstanceId: c.Instance, Platform: c.Platform, AppVersion: c.AppVersion, Locale: c.Locale,
		},
	}
}

// Numbers of the protocol. The server names the ping interval and the sends in flight in welcome.
const (
	protocolVersion = 1
	noProgress      = 10 * time.Second       // a step of connecting without an answer
	pongWait        = 10 * time.Second       // then the connection is dead
	answerWait      = 10 * time.Second       // then the outcome of a send is unknown
	refusedWait     = time.Second            // between bundles of sends while they are told to wait
	gapWait         = 500 * time.Millisecond // a gap may close by itself
	headWait        = 2 * time.Second        // a head that is ahead may be on its way
	ackWait         = 5 * time.Second        // acks are bundled
	ackCount        = 100                    // messages that make a bundle full
	ackPositions    = 200                    // positions in one frame
	readEvery       = time.Second            // read markers per conversation
	maxWatched      = 200                    // people whose presence is followed
	maxAside        = 200                    // messages that wait for an earlier one, per conversation
	farBehind       = 200                    // then a hole is recorded
	newestPage      = 50                     // messages that are loaded above such a hole
	pageSize        = 100                    // messages or changes per pull
	maxChanges      = 1000                   // changes behind; then the old states are forgotten
	maxPulls        = 4                      // pulls at once
	maxUndelivered  = 1000                   // events that wait for Events; then sockets are not read
	defaultInFlight = 32                     // unanswered sends
	maxFrame        = 64 << 10               // bytes of a frame, and so of a message
	defaultPing     = 25 * time.Second
	hiddenPing      = 60 * time.Second
	maxOutbox       = 10000          // unsent messages; chosen, no evidence
	outboxAge       = 24 * time.Hour // then a message is not sent by itself any more
	rpcDeadline     = 10 * time.Second
)
