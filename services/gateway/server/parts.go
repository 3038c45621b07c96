// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/ring/endpointslices"
	"github.com/parley-chat/parley/services/internal/rpcclient"
)

// Parts is what the surrounding process gives; what is missing is made from the Config.
type Parts struct {
	process.Parts

	// Public serves clients; nil: listen on Config.PublicListen.
	Public net.Listener
	// Ring of the gateways; nil: that of Config.RingService, the fixed ring of Config.RingMembers, or this
	// pod alone. One that is a ring.Watched is run, and tells of pods that end.
	Ring ring.Source
}

// complete makes what was not given. Closed ends what was made here, and is never nil.
func (p Parts) complete(ctx context.Context, cfg Config) (complete Parts, closed func() error, err error) {
	closed = func() error { return nil }
	settings := process.Settings{
		Component: component.Gateway, BrokerName: cfg.PodName, LogLevel: cfg.LogLevel, KeysDir: cfg.KeysDir, AMQPURL: cfg.AMQPURL,
	}
	if p.Parts, err = p.Load(settings); err != nil {
		return p, closed, err
	}
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
	if p.Parts, closed, err = p.OpenBroker(settings); err != nil { //nolint:contextcheck // it lives until closed
		return p, closed, errors.Join(err, p.closeListeners())
	}
	return p, closed, nil
}

// findRing is the ring of the configuration; without one, this pod alone.
func findRing(cfg Config, logger *slog.Logger) (ring.Source, error) {
	if cfg.RingService == "" && strings.TrimSpace(cfg.RingMembers) == "" {
		return ring.Static(ring.Member{
			Seat: cfg.Seat, Pod: cfg.PodName, UID: cmp.Or(cfg.PodUID, cfg.PodName), URL: fmt.Sprintf("http://127.0.0.1:%d", component.RPCPort),
			Ready: true, Serving: true,
		}), nil
	}
	return endpointslices.Find(endpointslices.Options{Service: cfg.RingService, Namespace: cfg.Namespace, Logger: logger}, cfg.RingMembers)
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
