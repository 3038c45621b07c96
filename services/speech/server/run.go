// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/api/gen/parley/speech/v1/speechv1connect"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/internal/telemetry"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/audio"
	"github.com/parley-chat/parley/services/speech/connectapi"
	"github.com/parley-chat/parley/services/speech/events"
	"github.com/parley-chat/parley/services/speech/upstream"
)

// Parts is what the surrounding process gives; what is missing is made from the Config.
type Parts = process.Parts

// Run serves until ctx ends and then stops within ten seconds. It fails only for what no restart repairs:
// settings, keys, a port in use.
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
	ports, err := cfg.ports(group, parts, ops)
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
	if service.Reads() { // else voice messages wait for somebody who does
		consumer := events.New(events.Options{
			Subscriber: parts.Broker, Transcriber: service, Parallel: cfg.Concurrency, Logger: parts.Logger, Registerer: registry,
		})
		group.Go("consumer", consumer.Run)
	}
	parts.Announce(group, ops, func(ctx context.Context) {
		parts.Logger.InfoContext(ctx, "speech serves", "address", parts.RPC.Addr().String(), "provider", cfg.Provider)
	})
	return nil
}

// ports of the domain.
func (c Config) ports(group *lifecycle.Group, parts Parts, ops *telemetry.Ops) (speech.Ports, error) {
	messages := client(parts, component.Message, c.MessageURL, 0)
	files := client(parts, component.File, c.FileURL, upstream.MaxVoiceBytes)
	group.OnStop("clients", func(context.Context) error {
		messages.Close()
		files.Close()
		return nil
	})
	p := speech.Ports{
		Converter:   audio.Converter{FFmpeg: audio.FindFFmpeg(c.FFmpeg)},
		Recordings:  upstream.NewRecordings(filev1connect.NewFileServiceClient(files.HTTPClient(), files.BaseURL(), files.Options()...)),
		Transcripts: upstream.NewTranscripts(messagev1connect.NewMessageServiceClient(messages.HTTPClient(), messages.BaseURL(), messages.Options()...)),
	}
	missing := c.Installed()
	if missing != nil {
		// A pod that ended instead would hold up the rollout of the gateway, which needs no speech.
		parts.Logger.Error("a program is missing", "error", missing)
	}
	provider, err := c.provider()
	if err != nil && !IsNotInstalled(err) || err == nil && provider == nil {
		return p, err
	}
	w := watch(provider)
	w.lacks = missing != nil
	ops.SetDependency(component.SpeechProvider, w.Class)
	if provider != nil {
		p.Provider = w
	}
	return p, nil
}

func client(p Parts, audience component.Name, url string, answerBytes int) *rpcclient.Client {
	return rpcclient.New(rpcclient.Options{
		Self: component.Speech, Audience: audience, BaseURL: url, Keys: p.Keys, Transport: p.Transport, MaxAnswerBytes: answerBytes,
	})
}
