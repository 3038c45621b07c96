// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/telemetry"
	"github.com/parley-chat/parley/services/transmit"
	"github.com/parley-chat/parley/services/transmit/deliver"
	"github.com/parley-chat/parley/services/transmit/events"
	"github.com/parley-chat/parley/services/transmit/upstream"
)

// ringWait is how long the consumer waits for a first member of a ring that is known. Before the ring is
// known everybody looks unconnected, and what is not connected is dropped.
const ringWait = 30 * time.Second

// Run forwards events until ctx ends; it stops within 10 s.
func Run(ctx context.Context, cfg Config, given Parts) error {
	parts, closed, err := given.complete(ctx, cfg)
	if err != nil {
		return err
	}
	registry := telemetry.NewRegistry()
	ops := telemetry.NewOps(registry)
	process.Identify(ops, component.Transmit, parts.Version, parts.Broker)
	client := func(audience component.Name, url string) *rpcclient.Client {
		return rpcclient.New(rpcclient.Options{
			Self: component.Transmit, Audience: audience, BaseURL: url, Keys: parts.Keys, Transport: parts.Transport,
		})
	}
	courier := deliver.New(deliver.Options{Publisher: parts.Broker, Logger: parts.Logger, Registerer: registry})
	service := transmit.New(transmit.Options{
		Ring: upstream.NewRing(parts.Ring), Courier: courier,
		Friends: upstream.NewFriends(client(component.Friend, cfg.FriendURL)),
		Groups:  upstream.NewGroups(client(component.Message, cfg.MessageURL)),
	})
	consumer := events.New(events.Options{
		Subscriber: parts.Broker, Forwarder: service, Logger: parts.Logger, Registerer: registry,
	})

	group := lifecycle.New(parts.Logger)
	group.OnStop("broker", func(context.Context) error { return closed() })
	process.ServeOps(group, ops, parts.Ops)
	watched, _ := parts.Ring.(ring.Watched)
	if watched != nil {
		group.Go("ring", watched.Run)
	}
	// Stopped in reverse: first no new events, then no new deliveries, then the lanes.
	group.Go("courier", courier.Run)
	group.Go("service", service.Run)
	group.Go("consumer", func(ctx context.Context) error {
		if watched != nil && !awaitRing(ctx, watched, parts.Logger) {
			return nil
		}
		ops.Ready(true)
		parts.Started()
		waitForRing(ctx, parts.Ring)
		return consumer.Run(ctx)
	})
	return group.Run(ctx)
}

// awaitRing waits until the ring is known; false if ctx ends before. Events wait in the queue meanwhile.
func awaitRing(ctx context.Context, watched ring.Watched, logger *slog.Logger) bool {
	return ring.AwaitKnown(ctx, watched, ringWait, func() {
		logger.WarnContext(ctx, "the ring is not known yet, events wait")
	})
}

// waitForRing returns when the ring has a member, after ringWait, or when ctx ends.
func waitForRing(ctx context.Context, source ring.Source) {
	ctx, cancel := context.WithTimeout(ctx, ringWait)
	defer cancel()
	for {
		changed := source.Changed()
		if len(source.View().Members()) > 0 {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
