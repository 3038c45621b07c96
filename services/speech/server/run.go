// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/api/gen/parley/speech/v1/speechv1connect"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/internal/telemetry"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/audio"
	"github.com/parley-chat/parley/services/speech/connectapi"
)

// Parts is what the surrounding process gives; what is missing is made from the Config.
type Parts = process.Parts

// Run serves until ctx ends and then stops within ten seconds. It fails only for what no restart repairs:
// settings, keys, a port in use, a program that is not installed.
func Run(ctx context.Context, cfg Config, parts Parts) error {
	parts, err := parts.Load(cfg.process())
	if err != nil {
		return fmt.Errorf("speech: %w", err)
	}
	parts, closed, err := parts.OpenBroker(cfg.process()) //nolint:contextcheck // its life ends with Close, not with a context
	if err != nil {
		return fmt.Errorf("speech: %w", err)
	}
	group := lifecycle.New(parts.Logger)
	group.OnStop("broker", func(context.Context) error { return closed() })
	registry := telemetry.NewRegistry()
	if err := serve(ctx, group, cfg, parts, registry); err != nil {
		return errors.Join(fmt.Errorf("speech: %w", err), closed())
	}
	return group.Run(ctx)
}

// serve builds the domain, opens the listeners and registers what answers on them.
func serve(ctx context.Context, group *lifecycle.Group, cfg Config, parts Parts, registry *prometheus.Registry) error {
	ops := telemetry.NewOps(registry)
	ports, err := cfg.ports(ops)
	if err != nil {
		return err
	}
	options := cfg.options()
	options.Observe, options.Now, options.Logger = observe(registry), time.Now, parts.Logger
	service := speech.New(ports, options)
	rpc := rpcserver.New(rpcserver.Options{
		Component: component.Speech, Keys: parts.Keys, Logger: parts.Logger, Registerer: registry,
		Bounds: connectapi.Bounds(2 * dictations),
	})
	rpc.Mount(speechv1connect.NewSpeechServiceHandler(connectapi.New(service), rpc.HandlerOptions()...))
	if parts, err = parts.Listen(ctx, cfg.process()); err != nil {
		return err
	}
	process.Identify(ops, component.Speech, parts.Version, parts.Broker)
	process.ServeOps(group, ops, parts.Ops)
	group.Go("rpc", func(ctx context.Context) error { return rpc.Serve(ctx, parts.RPC) })
	parts.Announce(group, ops, func(ctx context.Context) {
		parts.Logger.InfoContext(ctx, "speech serves", "address", parts.RPC.Addr().String(), "provider", cfg.Provider)
	})
	return nil
}

// ports of the domain.
func (c Config) ports(ops *telemetry.Ops) (speech.Ports, error) {
	p := speech.Ports{Converter: audio.Converter{FFmpeg: audio.FindFFmpeg(c.FFmpeg)}}
	provider, err := c.provider()
	if err != nil || provider == nil {
		return p, err
	}
	w := &watched{Provider: provider}
	ops.SetDependency(component.SpeechProvider, w.Class)
	p.Provider = w
	return p, nil
}
