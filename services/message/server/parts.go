// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// Parts is what the surrounding process gives; a nil or zero part is made from the configuration.
type Parts struct {
	// RPC serves other components; nil: listen on Config.RPCListen.
	RPC net.Listener
	// Ops serves probes and metrics; nil: listen on Config.OpsListen, or not at all if that is empty.
	Ops net.Listener
	// Broker is closed by its owner; nil: RabbitMQ at Config.AMQPURL.
	Broker broker.Broker
	// Transport to other components; the message service calls none.
	Transport http.RoundTripper
	// Keys of the message service.
	Keys identity.Keys
	// PageKey makes page tokens and cursors.
	PageKey []byte
	// Logger; nil: JSON to standard error.
	Logger *slog.Logger
	// Started is called once the service serves; may be nil.
	Started func()
}

// complete makes what was not given. Closed ends a broker made here and is never nil.
func (p Parts) complete(ctx context.Context, cfg Config) (complete Parts, closed func() error, err error) {
	closed = func() error { return nil }
	if p.Logger == nil {
		p.Logger = telemetry.NewLogger(os.Stderr, component.Message, cfg.LogLevel)
	}
	if p.Started == nil {
		p.Started = func() {}
	}
	if err = p.loadKeys(cfg.KeysDir); err != nil {
		return p, closed, err
	}
	if err = p.listen(ctx, cfg); err != nil {
		return p, closed, err
	}
	if p.Broker == nil {
		options := amqpbroker.Options{URL: cfg.AMQPURL, Name: string(component.Message), Logger: p.Logger}
		own, err := amqpbroker.Open(options) //nolint:contextcheck // it lives until it is closed
		if err != nil {
			return p, closed, fmt.Errorf("open broker: %w", err)
		}
		p.Broker, closed = own, own.Close
	}
	return p, closed, nil
}

func (p *Parts) loadKeys(dir string) (err error) {
	if p.Keys.IsZero() {
		if p.Keys, err = identity.LoadKeys(dir, component.Message); err != nil {
			return fmt.Errorf("load keys: %w", err)
		}
	}
	if p.PageKey == nil {
		if p.PageKey, err = identity.LoadPageKey(dir); err != nil {
			return fmt.Errorf("load page key: %w", err)
		}
	}
	return nil
}

func (p *Parts) listen(ctx context.Context, cfg Config) (err error) {
	var config net.ListenConfig
	if p.RPC == nil {
		if p.RPC, err = config.Listen(ctx, "tcp", cfg.RPCListen); err != nil {
			return fmt.Errorf("listen for calls: %w", err)
		}
	}
	if p.Ops == nil && cfg.OpsListen != "" {
		if p.Ops, err = config.Listen(ctx, "tcp", cfg.OpsListen); err != nil {
			return fmt.Errorf("listen for probes: %w", err)
		}
	}
	return nil
}
