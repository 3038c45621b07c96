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
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/telemetry"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/connectapi"
	"github.com/parley-chat/parley/services/message/events"
	"github.com/parley-chat/parley/services/message/sqlstore"
	"github.com/parley-chat/parley/services/message/upstream"
)

// Migrate brings the schema up to date.
func Migrate(ctx context.Context, cfg Config) error {
	db, err := sqldb.Open(sqldb.Config{DSN: cfg.MySQLDSN})
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	return errors.Join(sqlstore.Migrate(ctx, db), db.Close())
}

// Run serves until ctx ends and stops within 10 s, in a pod within 25 s. A SQLite database is migrated first; MySQL is
// migrated by whoever rolls the service out.
func Run(ctx context.Context, cfg Config, given Parts) error {
	parts, closed, err := complete(ctx, cfg, given)
	if err != nil {
		return err
	}
	db, err := sqldb.OpenOwn(ctx, cfg.database(), sqlstore.Migrations)
	if err != nil {
		return errors.Join(fmt.Errorf("open database: %w", err), closed())
	}
	index, closeIndex, err := cfg.Search.Open(Indexed)
	if err != nil {
		return errors.Join(err, db.Close(), closed())
	}
	registry := telemetry.NewRegistry()
	ops := telemetry.NewOps(registry)
	w := wire(db, cfg, parts, finder(index), registry)

	rpc := rpcserver.New(rpcserver.Options{
		Component: component.Message, Keys: parts.Keys, Logger: parts.Logger, Registerer: registry,
		Denied: func(ctx context.Context, procedure string) {
			if err := w.service.NoteDenied(ctx, connectapi.Officer(ctx), procedure); err != nil {
				parts.Logger.ErrorContext(ctx, "an audit entry was not written", "error", err)
			}
		},
	})
	connectapi.New(w.service).Mount(rpc)
	process.Identify(ops, component.Message, parts.Version, parts.Broker)

	// Stopped in reverse: first no new calls, then the lanes, then the relay gets its last events out.
	group := lifecycle.New(parts.Logger)
	group.OnStop("client", func(context.Context) error {
		w.close()
		return nil
	})
	group.OnStop("database", func(context.Context) error { return errors.Join(closeIndex(), db.Close()) })
	group.OnStop("broker", func(context.Context) error { return closed() })
	process.WatchDatabase(group, ops, db.Class)
	process.ServeOps(group, ops, parts.Ops)
	if cfg.ClusterUID != "" && db.Dialect() != dialect.SQLite {
		group.Go("sign of life", owner{db: db, uid: cfg.ClusterUID, logger: parts.Logger, every: beatEvery}.run)
	}
	group.Go("relay", w.relay.Run)
	indexserver.Keep(group, ops, Indexed, index, followed(w.store, parts, registry))
	group.Go("lanes", w.service.Run)
	group.Go("rpc", func(ctx context.Context) error { return rpc.Serve(ctx, parts.RPC) })
	parts.Announce(group, ops, nil)
	return group.Run(ctx)
}

// wiring is the service with what carries its events away.
type wiring struct {
	service *message.Service
	store   message.Store
	relay   *outbox.Relay
	friends *rpcclient.Client
	files   *rpcclient.Client // nil: there is no file service
}

func wire(db *sqldb.DB, cfg Config, parts Parts, index message.Finder, registry prometheus.Registerer) wiring {
	store := sqlstore.New(db)
	relay := outbox.NewRelay(outbox.Options{
		DB: db, Publisher: parts.Broker, Load: events.Loader(store), Now: time.Now, Logger: parts.Logger, Registerer: registry,
	})
	friends := rpcclient.New(rpcclient.Options{
		Self: component.Message, Audience: component.Friend, BaseURL: cfg.FriendURL, Keys: parts.Keys, Transport: parts.Transport,
	})
	var cites message.Files
	var files *rpcclient.Client
	if cfg.FileURL != "" {
		files = rpcclient.New(rpcclient.Options{
			Self: component.Message, Audience: component.File, BaseURL: cfg.FileURL, Keys: parts.Keys, Transport: parts.Transport,
		})
		cites = upstream.NewFiles(filev1connect.NewFileServiceClient(files.HTTPClient(), files.BaseURL(), files.Options()...))
	}
	service := message.New(message.Options{
		Store: measure(store, time.Now, registry), Publisher: events.NewPublisher(relay),
		Friends: upstream.NewFriends(friendv1connect.NewFriendServiceClient(
			friends.HTTPClient(), friends.BaseURL(), friends.Options()...)),
		Tokens: page.NewCodec(parts.PageKey), Now: time.Now, Lanes: cfg.Lanes,
		Files: cites, Transcripts: cfg.Transcripts,
		Index: index, RecallWindow: cfg.RecallWindow, EditWindow: cfg.EditWindow,
	})
	return wiring{service: service, store: store, relay: relay, friends: friends, files: files}
}

// close ends idle connections.
func (w wiring) close() {
	w.friends.Close()
	if w.files != nil {
		w.files.Close()
	}
}
