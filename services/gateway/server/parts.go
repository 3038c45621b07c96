// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// Parts is what the surrounding process gives; what is missing is made from the Config.
type Parts struct {
	// Public serves clients; nil: listen on Config.PublicListen.
	Public net.Listener
	// RPC serves the other gateway pods; nil: listen on Config.RPCListen.
	RPC net.Listener
	// Ops serves probes and metrics; nil: listen on Config.OpsListen, or not at all if that is empty.
	Ops net.Listener
	// Broker is closed by its owner; nil: RabbitMQ at Config.AMQPURL.
	Broker broker.Broker
	// Transport to other components and gateway pods.
	Transport http.RoundTripper
	// Keys of the gateway; zero: loaded from Config.KeysDir.
	Keys identity.Keys
	// Ring of the gateways; nil: the fixed ring of Config.RingMembers, or this pod alone.
	Ring ring.Source
	// Logger; nil: JSON to standard error.
	Logger *slog.Logger
	// Started is called once everything runs; may be nil.
	Started func()
}

// complete makes what was not given. Closed ends what was made here, and is never nil.
func (p Parts) complete(ctx context.Context, cfg Config) (complete Parts, closed func() error, err error) {
	closed = func() error { return nil }
	if p.Logger == nil {
		p.Logger = telemetry.NewLogger(os.Stderr, component.Gateway, cfg.LogLevel)
	}
	if p.Started == nil {
		p.Started = func() {}
	}
	if p.Transport == nil {
		p.Transport = rpcclient.NewTransport()
	}
	if p.Keys.IsZero() {
		if p.Keys, err = identity.LoadKeys(cfg.KeysDir, component.Gateway); err != nil {
			return p, closed, fmt.Errorf("load keys: %w", err)
		}
	}
	if p.Ring == nil {
		if p.Ring, err = fixedRing(cfg); err != nil {
			return p, closed, err
		}
	}
	if p, err = p.listen(ctx, cfg); err != nil {
		return p, closed, err
	}
	if p.Broker == nil {
		options := amqpbroker.Options{URL: cfg.AMQPURL, Name: cfg.PodName, Logger: p.Logger}
		own, err := amqpbroker.Open(options) //nolint:contextcheck // it lives until closed
		if err != nil {
			return p, closed, errors.Join(fmt.Errorf("open broker: %w", err), p.closeListeners())
		}
		p.Broker, closed = own, own.Close
	}
	return p, closed, nil
}

// fixedRing is that of the configuration; without one, this pod alone.
func fixedRing(cfg Config) (ring.Source, error) {
	members, err := ring.ParseMembers(cfg.RingMembers)
	if err != nil {
		return nil, fmt.Errorf("read ring members: %w", err)
	}
	if len(members) == 0 {
		members = []ring.Member{{
			Seat: cfg.Seat, Pod: cfg.PodName, UID: cfg.PodName, URL: fmt.Sprintf("http://127.0.0.1:%d", component.RPCPort),
			Ready: true, Serving: true,
		}}
	}
	return ring.Static(members...), nil
}

// listen opens the listeners that were not given.
func (p Parts) listen(ctx context.Context, cfg Config) (Parts, error) {
	var config net.ListenConfig
	open := func(given net.Listener, address string) (net.Listener, error) {
		if given != nil || address == "" {
			return given, nil
		}
		return config.Listen(ctx, "tcp", address)
	}
	var errs [3]error
	p.Public, errs[0] = open(p.Public, cfg.PublicListen)
	p.RPC, errs[1] = open(p.RPC, cfg.RPCListen)
	p.Ops, errs[2] = open(p.Ops, cfg.OpsListen)
	err := errors.Join(errs[:]...)
	if err == nil && (p.Public == nil || p.RPC == nil) {
		err = errors.New("the public and the internal listen address must be set")
	}
	if err != nil {
		return p, errors.Join(fmt.Errorf("listen: %w", err), p.closeListeners())
	}
	return p, nil
}

func (p Parts) closeListeners() error {
	var errs []error
	for _, l := range []net.Listener{p.Public, p.RPC, p.Ops} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}
