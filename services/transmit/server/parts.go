// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/ring/endpointslices"
	"github.com/parley-chat/parley/services/internal/rpcclient"
)

// Parts is what the surrounding process gives; a nil or zero part is made from the configuration.
type Parts struct {
	process.Parts

	// Ring of the gateways; nil: that of Config.RingService, else the fixed ring of Config.RingMembers. One
	// that is a ring.Watched is run.
	Ring ring.Source
}

// complete makes what was not given. Closed is called at the end and is never nil.
func (p Parts) complete(ctx context.Context, cfg Config) (complete Parts, closed func() error, err error) {
	closed = func() error { return nil }
	settings := process.Settings{
		Component: component.Transmit, LogLevel: cfg.LogLevel, KeysDir: cfg.KeysDir, AMQPURL: cfg.AMQPURL,
	}
	if p.Parts, err = p.Load(settings); err != nil {
		return p, closed, err
	}
	if p.Transport == nil {
		p.Transport = rpcclient.NewTransport()
	}
	if p.Ring == nil {
		found := endpointslices.Options{Service: cfg.RingService, Namespace: cfg.Namespace, Logger: p.Logger}
		if p.Ring, err = endpointslices.Find(found, cfg.RingMembers); err != nil {
			return p, closed, err
		}
	}
	if p.Ops, err = process.Listen(ctx, p.Ops, cfg.OpsListen); err != nil {
		return p, closed, fmt.Errorf("listen for probes: %w", err)
	}
	p.Parts, closed, err = p.OpenBroker(settings) //nolint:contextcheck // it lives until closed
	return p, closed, err
}
