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
	// Ring of the gateways; nil: the fixed ring of Config.RingMembers.
	Ring ring.Source
	// Logger; nil: JSON to standard error.
	Logger *slog.Logger
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
		members, err := ring.ParseMembers(cfg.RingMembers)
		if err != nil {
			return p, closed, fmt.Errorf("read ring members: %w", err)
		}
		p.Ring = ring.Static(members...)
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
