// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/ring/endpointslices"
	"github.com/parley-chat/parley/services/internal/rpcclient"
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
	// Ring of the gateways; nil: that of Config.RingService, the fixed ring of Config.RingMembers, or this
	// pod alone. One that is a ring.Watched is run, and tells of pods that end.
	Ring ring.Source
	// Logger; nil: JSON to standard error.
	Logger *slog.Logger
	// Version of the program, for /statusz.
	Version string
	// Started is called once everything runs; may be nil.
	Started func()
}

// complete makes what was not given. Closed ends what was made here, and is never nil.
func (p Parts) complete(ctx context.Context, cfg Config) (complete Parts, closed func() error, err error) {
	closed = func() error { return nil }
	settings := process.Settings{
		Component: component.Gateway, BrokerName: cfg.PodName, LogLevel: cfg.LogLevel, KeysDir: cfg.KeysDir, AMQPURL: cfg.AMQPURL,
	}
	own, err := process.Parts{Broker: p.Broker, Keys: p.Keys, Logger: p.Logger, Started: p.Started}.Load(settings)
	if err != nil {
		return p, closed, err
	}
	p.Keys, p.Logger, p.Started = own.Keys, own.Logger, own.Started
	if p.Transport == nil {
		p.Transport = rpcclient.NewTransport()
	}
	if p.Ring == nil {
		if p.Ring, err = findRing(cfg, p.Logger); err != nil {
			return p, closed, err
		}
	}
	if p, err = p.listen(ctx, cfg); err != nil {
		return p, closed, err
	}
	own, closed, err = own.OpenBroker(settings) //nolint:contextcheck // it lives until closed
	if err != nil {
		return p, closed, errors.Join(err, p.closeListeners())
	}
	p.Broker = own.Broker
	return p, closed, nil
}

// findRing is the ring of the configuration.
func findRing(cfg Config, logger *slog.Logger) (ring.Source, error) {
	if cfg.RingService == "" {
		return fixedRing(cfg)
	}
	source, err := endpointslices.New(endpointslices.Options{Service: cfg.RingService, Namespace: cfg.Namespace, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("watch the ring: %w", err)
	}
	return source, nil
}

// fixedRing is that of the configuration; without one, this pod alone.
func fixedRing(cfg Config) (ring.Source, error) {
	members, err := ring.ParseMembers(cfg.RingMembers)
	if err != nil {
		return nil, fmt.Errorf("read ring members: %w", err)
	}
	if len(members) == 0 {
		members = []ring.Member{{
			Seat: cfg.Seat, Pod: cfg.PodName, UID: cmp.Or(cfg.PodUID, cfg.PodName), URL: fmt.Sprintf("http://127.0.0.1:%d", component.RPCPort),
			Ready: true, Serving: true,
		}}
	}
	return ring.Static(members...), nil
}

// listen opens the listeners that were not given.
func (p Parts) listen(ctx context.Context, cfg Config) (Parts, error) {
	var errs [3]error
	p.Public, errs[0] = process.Listen(ctx, p.Public, cfg.PublicListen)
	p.RPC, errs[1] = process.Listen(ctx, p.RPC, cfg.RPCListen)
	p.Ops, errs[2] = process.Listen(ctx, p.Ops, cfg.OpsListen)
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
