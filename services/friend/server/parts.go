// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
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

// Parts is what the surrounding process gives; what is missing is made from the Config.
type Parts struct {
	RPC       net.Listener      // internal RPC; nil: listen on Config.RPCListen
	Ops       net.Listener      // probes and metrics; nil: listen on Config.OpsListen, if that is set
	Broker    broker.Broker     // nil: RabbitMQ at Config.AMQPURL; one that is given stays open
	Transport http.RoundTripper // to other components; nil: a transport of its own
	Keys      identity.Keys     // zero: loaded from Config.KeysDir
	PageKey   []byte            // nil: loaded from Config.KeysDir
	Logger    *slog.Logger      // nil: JSON to standard error
	Started   func()            // called once when it serves; may be nil
}

// complete loads what is missing, but for listeners and broker.
func (p Parts) complete(cfg Config) (Parts, error) {
	var err error
	if p.Logger == nil {
		p.Logger = telemetry.NewLogger(os.Stderr, component.Friend, cfg.LogLevel)
	}
	if p.Keys.IsZero() {
		if p.Keys, err = identity.LoadKeys(cfg.KeysDir, component.Friend); err != nil {
			return p, err
		}
	}
	if p.PageKey == nil {
		if p.PageKey, err = identity.LoadPageKey(cfg.KeysDir); err != nil {
			return p, err
		}
	}
	if p.Started == nil {
		p.Started = func() {}
	}
	return p, nil
}

// openBroker answers the broker and whether it is ours to close.
func (p Parts) openBroker(cfg Config) (b broker.Broker, ours bool, err error) {
	if p.Broker != nil {
		return p.Broker, false, nil
	}
	if cfg.AMQPURL.IsZero() {
		return nil, false, errors.New("PARLEY_RABBITMQ_URL must name a broker")
	}
	b, err = amqpbroker.Open(amqpbroker.Options{URL: cfg.AMQPURL, Name: string(component.Friend), Logger: p.Logger})
	return b, true, err
}

// listen opens what is missing. Ops may stay nil.
func (p Parts) listen(ctx context.Context, cfg Config) (rpc, ops net.Listener, err error) {
	var listener net.ListenConfig
	if rpc = p.RPC; rpc == nil {
		if rpc, err = listener.Listen(ctx, "tcp", cfg.RPCListen); err != nil {
			return nil, nil, err
		}
	}
	if ops = p.Ops; ops == nil && cfg.OpsListen != "" {
		if ops, err = listener.Listen(ctx, "tcp", cfg.OpsListen); err != nil {
			return nil, nil, errors.Join(err, rpc.Close())
		}
	}
	return rpc, ops, nil
}
