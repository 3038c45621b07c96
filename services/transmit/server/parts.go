// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
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

// Parts is what the surrounding process gives; a nil or zero part is made from the configuration.
type Parts struct {
	// Ops serves probes and metrics; nil: listen on Config.OpsListen, or not at all if that is empty.
	Ops net.Listener
	// Broker is closed by its owner; nil: RabbitMQ at Config.AMQPURL.
	Broker broker.Broker
	// Transport to other components.
	Transport http.RoundTripper
	// Keys of transmit.
	Keys identity.Keys
	// Ring of the gateways; nil: that of Config.RingService, else the fixed ring of Config.RingMembers. One
	// that is a ring.Watched is run.
	Ring ring.Source
	// Logger; nil: JSON to standard error.
	Logger *slog.Logger
	// Version of the program, for /statusz.
	Version string
	// Started is called once everything runs; may be nil.
	Started func()
}

// complete makes what was not given. Closed is called at the end and is never nil.
func (p Parts) complete(ctx context.Context, cfg Config) (complete Parts, closed func() error, err error) {
	closed = func() error { return nil }
	settings := process.Settings{
		Component: component.Transmit, LogLevel: cfg.LogLevel, KeysDir: cfg.KeysDir, AMQPURL: cfg.AMQPURL,
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
	if p.Ops, err = process.Listen(ctx, p.Ops, cfg.OpsListen); err != nil {
		return p, closed, fmt.Errorf("listen for probes: %w", err)
	}
	own, closed, err = own.OpenBroker(settings) //nolint:contextcheck // it lives until closed
	if err != nil {
		return p, closed, err
	}
	p.Broker = own.Broker
	return p, closed, nil
}

// findRing is the ring of the configuration.
func findRing(cfg Config, logger *slog.Logger) (ring.Source, error) {
	if cfg.RingService != "" {
		source, err := endpointslices.New(endpointslices.Options{Service: cfg.RingService, Namespace: cfg.Namespace, Logger: logger})
		if err != nil {
			return nil, fmt.Errorf("watch the ring: %w", err)
		}
		return source, nil
	}
	members, err := ring.ParseMembers(cfg.RingMembers)
	if err != nil {
		return nil, fmt.Errorf("read ring members: %w", err)
	}
	return ring.Static(members...), nil
}
