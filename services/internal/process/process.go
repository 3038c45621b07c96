// SPDX-License-Identifier: Apache-2.0

// Package process is what every service of Parley needs around it: logger, keys, broker and listeners.
//
// A part that is given wins and stays its giver's; only what was opened here is closed here.
package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// Parts is what the surrounding process gives; what is missing is made from the Settings.
type Parts struct {
	RPC       net.Listener      // internal RPC; nil: listen on Settings.RPCListen
	Ops       net.Listener      // probes and metrics; nil: listen on Settings.OpsListen, if that is set
	Broker    broker.Broker     // nil: RabbitMQ at Settings.AMQPURL; one that is given stays open
	Transport http.RoundTripper // to other components; nil: a transport of its own
	Keys      identity.Keys     // zero: loaded from Settings.KeysDir
	PageKey   []byte            // nil: loaded from Settings.KeysDir, where the service has pages
	Logger    *slog.Logger      // nil: JSON to standard error
	Version   string            // of the program, for /statusz
	Started   func()            // called once when it serves; may be nil

	linger time.Duration // how long it serves on when it must stop; set by Load
}

// Settings are those of a service's configuration that make the parts that were not given.
type Settings struct {
	Component  component.Name
	BrokerName string // of the connection to the broker; empty: the component's
	LogLevel   string
	RPCListen  string
	OpsListen  string
	KeysDir    string
	AMQPURL    secret.String
	Namespace  string // of the pod; empty where no Kubernetes is
}

// Load makes logger, keys and Started where they are missing. It opens nothing.
func (p Parts) Load(s Settings) (Parts, error) {
	if p.Logger == nil {
		p.Logger = telemetry.NewLogger(os.Stderr, s.Component, s.LogLevel)
	}
	if p.Started == nil {
		p.Started = func() {}
	}
	if s.Namespace != "" {
		p.linger = podLinger
	}
	if p.Keys.IsZero() {
		keys, err := identity.LoadKeys(s.KeysDir, s.Component)
		if err != nil {
			return p, fmt.Errorf("load keys: %w", err)
		}
		p.Keys = keys
	}
	return p, nil
}

// LoadWithPageKey is Load for a service that makes page tokens.
func (p Parts) LoadWithPageKey(s Settings) (Parts, error) {
	p, err := p.Load(s)
	if err != nil || p.PageKey != nil {
		return p, err
	}
	if p.PageKey, err = identity.LoadPageKey(s.KeysDir); err != nil {
		return p, fmt.Errorf("load page key: %w", err)
	}
	return p, nil
}

// OpenBroker opens the broker if none was given, without waiting for a connection. Closed ends a broker
// that was opened here, leaves one that was given alone, and is never nil. Call Load before.
func (p Parts) OpenBroker(s Settings) (complete Parts, closed func() error, err error) {
	closed = func() error { return nil }
	if p.Broker != nil {
		return p, closed, nil
	}
	if s.AMQPURL.IsZero() {
		return p, closed, errors.New("open broker: PARLEY_RABBITMQ_URL must name a broker")
	}
	name := s.BrokerName
	if name == "" {
		name = string(s.Component)
	}
	own, err := amqpbroker.Open(amqpbroker.Options{URL: s.AMQPURL, Name: name, Logger: p.Logger})
	if err != nil {
		return p, closed, fmt.Errorf("open broker: %w", err)
	}
	p.Broker = own
	return p, own.Close, nil
}

// Listen opens the listeners that are missing; Ops stays nil without an address. After an error nothing
// that was opened here is left open.
func (p Parts) Listen(ctx context.Context, s Settings) (Parts, error) {
	var config net.ListenConfig
	rpc := p.RPC
	if rpc == nil {
		own, err := config.Listen(ctx, "tcp", s.RPCListen)
		if err != nil {
			return p, fmt.Errorf("listen for calls: %w", err)
		}
		rpc = own
	}
	ops, err := Listen(ctx, p.Ops, s.OpsListen)
	if err != nil {
		err = fmt.Errorf("listen for probes: %w", err)
		if p.RPC == nil {
			err = errors.Join(err, rpc.Close())
		}
		return p, err
	}
	p.RPC, p.Ops = rpc, ops
	return p, nil
}

// Listen answers the given listener, else one on address, else, if that is empty, nil.
func Listen(ctx context.Context, given net.Listener, address string) (net.Listener, error) {
	if given != nil || address == "" {
		return given, nil
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

// ServeOps makes group serve probes and metrics on listener, if there is one.
func ServeOps(group *lifecycle.Group, ops *telemetry.Ops, listener net.Listener) {
	if listener != nil {
		group.Go("ops", func(ctx context.Context) error { return ops.Serve(ctx, listener) })
	}
}
