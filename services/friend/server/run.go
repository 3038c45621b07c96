// SPDX-License-Identifier: Apache-2.0

// Package server wires the friend service and runs it.
//
// Run stays up whatever is down: without its database it answers unavailable; without the message
// service hand-overs wait, without the broker events wait in the outbox.
package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/friend/connectapi"
	"github.com/parley-chat/parley/services/friend/events"
	"github.com/parley-chat/parley/services/friend/sqlstore"
	"github.com/parley-chat/parley/services/friend/upstream"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// Migrate brings the schema up to date and returns.
func Migrate(ctx context.Context, cfg Config) error {
	db, err := sqldb.Open(cfg.database())
	if err != nil {
		return err
	}
	return errors.Join(db.Migrate(ctx, sqlstore.Migrations), db.Close())
}

// Run serves until ctx ends and then stops within ten seconds. It fails only for what no restart
// repairs: settings, keys, a port in use, a SQLite file that cannot be migrated.
func Run(ctx context.Context, cfg Config, parts Parts) error {
	parts, err := parts.LoadWithPageKey(cfg.process())
	if err != nil {
		return fmt.Errorf("friend: %w", err)
	}
	db, err := sqldb.OpenOwn(ctx, cfg.database(), sqlstore.Migrations)
	if err != nil {
		return fmt.Errorf("friend: open the database: %w", err)
	}
	parts, closed, err := parts.OpenBroker(cfg.process()) //nolint:contextcheck // its life ends with Close, not with a context
	if err != nil {
		return errors.Join(fmt.Errorf("friend: %w", err), db.Close())
	}
	group := lifecycle.New(parts.Logger)
	group.OnStop("database", func(context.Context) error { return db.Close() })
	group.OnStop("broker", func(context.Context) error { return closed() })
	registry := telemetry.NewRegistry()
	service := newService(group, cfg, parts, resources{db: db, registry: registry})
	if err := serve(ctx, group, cfg, parts, resources{db: db, registry: registry}, service); err != nil {
		return errors.Join(fmt.Errorf("friend: %w", err), closed(), db.Close())
	}
	return group.Run(ctx)
}

// resources are what a service is built on.
type resources struct {
	db       *sqldb.DB
	registry *prometheus.Registry
}

// newService builds the domain and registers its background work.
func newService(group *lifecycle.Group, cfg Config, parts Parts, r resources) *friend.Service {
	relay := outbox.NewRelay(outbox.Options{
		DB: r.db, Publisher: parts.Broker, Now: time.Now, Logger: parts.Logger, Registerer: r.registry,
	})
	users := client(parts, component.User, cfg.UserURL)
	messages := client(parts, component.Message, cfg.MessageURL)
	group.OnStop("clients", func(context.Context) error {
		users.Close()
		messages.Close()
		return nil
	})
	store := sqlstore.New(r.db, events.Encode)
	service := friend.New(friend.Ports{
		Store: store, Lists: store, Blocks: store,
		Users: upstream.NewUsers(userv1connect.NewUserServiceClient(
			users.HTTPClient(), users.BaseURL(), users.Options()...)),
		Companions: upstream.NewCompanions(messagev1connect.NewMessageServiceClient(
			messages.HTTPClient(), messages.BaseURL(), messages.Options()...)),
		Conversations: upstream.NewConversations(messagev1connect.NewConversationServiceClient(
			messages.HTTPClient(), messages.BaseURL(), messages.Options()...)),
		Publisher: events.NewPublisher(relay),
	}, friend.Options{Pages: page.NewCodec(parts.PageKey), Now: time.Now, Logger: parts.Logger})
	group.Go("outbox", relay.Run)
	group.Go("hand-over", service.RunSweep)
	return service
}

func client(p Parts, audience component.Name, url string) *rpcclient.Client {
	return rpcclient.New(rpcclient.Options{
		Self: component.Friend, Audience: audience, BaseURL: url, Keys: p.Keys, Transport: p.Transport,
	})
}

// serve opens the listeners and registers what answers on them.
func serve(ctx context.Context, group *lifecycle.Group, cfg Config, parts Parts, r resources, service *friend.Service) error {
	rpc := rpcserver.New(rpcserver.Options{
		Component: component.Friend, Keys: parts.Keys, Logger: parts.Logger, Registerer: r.registry,
	})
	rpc.Mount(friendv1connect.NewFriendServiceHandler(connectapi.New(service), rpc.HandlerOptions()...))
	parts, err := parts.Listen(ctx, cfg.process())
	if err != nil {
		return err
	}
	ops := telemetry.NewOps(r.registry)
	process.Identify(ops, component.Friend, parts.Version, parts.Broker)
	process.WatchDatabase(group, ops, r.db.Class)
	process.ServeOps(group, ops, parts.Ops)
	group.Go("rpc", func(ctx context.Context) error { return rpc.Serve(ctx, parts.RPC) })
	parts.Announce(group, ops, func(ctx context.Context) {
		parts.Logger.InfoContext(ctx, "friend serves", "address", parts.RPC.Addr().String())
	})
	return nil
}
