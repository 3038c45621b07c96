// SPDX-License-Identifier: Apache-2.0

// Package server wires the file service and runs it.
//
// Run stays up whatever is down: without its database it answers unavailable, without a store of bytes that files are
// not available.
package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/connectapi"
	"github.com/parley-chat/parley/services/file/httpapi"
	"github.com/parley-chat/parley/services/file/sqlstore"
	"github.com/parley-chat/parley/services/file/upstream"
	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/picture"
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
// repairs: settings, keys, a port in use, a SQLite file that cannot be migrated, a folder that cannot be used.
func Run(ctx context.Context, cfg Config, parts Parts) error {
	parts, err := parts.load(cfg)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	db, err := openDatabase(ctx, cfg)
	if err != nil {
		return fmt.Errorf("file: open the database: %w", err)
	}
	store, closed, err := parts.Store, func() error { return nil }, error(nil)
	if store == nil {
		if store, closed, err = openStore(cfg); err != nil {
			return errors.Join(fmt.Errorf("file: open the store of bytes: %w", err), db.Close())
		}
	}
	group := lifecycle.New(parts.Logger)
	group.OnStop("database", func(context.Context) error { return db.Close() })
	group.OnStop("store", func(context.Context) error { return closed() })
	service, err := newService(group, cfg, parts, store, db)
	if err != nil {
		return errors.Join(fmt.Errorf("file: %w", err), closed(), db.Close())
	}
	group.Go("collector", service.RunCollector)
	if err := serve(ctx, group, cfg, parts, resources{db: db, store: store, registry: telemetry.NewRegistry()}, service); err != nil {
		return errors.Join(fmt.Errorf("file: %w", err), closed(), db.Close())
	}
	return group.Run(ctx)
}

// openDatabase migrates SQLite, which belongs to this process alone; the schema of MySQL is migrated by
// a Job, once for all pods.
func openDatabase(ctx context.Context, cfg Config) (*sqldb.DB, error) {
	db, err := sqldb.Open(cfg.database())
	if err != nil {
		return nil, err
	}
	if db.Dialect() == dialect.SQLite {
		if err := db.Migrate(ctx, sqlstore.Migrations); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// resources are what a service is built on.
type resources struct {
	db       *sqldb.DB
	store    Store
	registry *prometheus.Registry
}

// newService builds the domain.
func newService(group *lifecycle.Group, cfg Config, parts Parts, store Store, db *sqldb.DB) (*file.Service, error) {
	links, err := file.NewLinks(cfg.Origin, parts.LinkKeys...)
	if err != nil {
		return nil, err
	}
	client := func(audience component.Name, url string) *rpcclient.Client {
		c := rpcclient.New(rpcclient.Options{
			Self: component.File, Audience: audience, BaseURL: url, Keys: parts.Keys, Transport: parts.Transport,
		})
		group.OnStop("client of "+string(audience), func(context.Context) error { c.Close(); return nil })
		return c
	}
	messages, users := client(component.Message, cfg.MessageURL), client(component.User, cfg.UserURL)
	rows := sqlstore.New(db)
	return file.New(file.Ports{
		Uploads: rows, Citations: rows, Leftovers: rows, Blobs: store, Writes: store,
		Holders: upstream.NewHolders(messagev1connect.NewMessageServiceClient(
			messages.HTTPClient(), messages.BaseURL(), messages.Options()...),
			userv1connect.NewUserServiceClient(users.HTTPClient(), users.BaseURL(), users.Options()...)),
		Presigner:  presignerOf(cfg, store),
		Thumbnails: picture.NewMaker(picture.DefaultBudget, picture.DefaultTimeout),
	}, file.Options{Limits: cfg.limits(), Links: links, Now: parts.Now, Logger: parts.Logger}), nil
}

// serve opens the listeners and registers what answers on them.
func serve(ctx context.Context, group *lifecycle.Group, cfg Config, parts Parts, r resources, service *file.Service) error {
	rpc := rpcserver.New(rpcserver.Options{
		Component: component.File, Keys: parts.Keys, Logger: parts.Logger, Registerer: r.registry,
		Bounds: connectapi.Bounds(),
	})
	rpc.Mount(filev1connect.NewFileServiceHandler(connectapi.New(service), rpc.HandlerOptions()...))
	rpc.MountBytes(file.Path, httpapi.New(service, rpc))
	own, err := parts.Listen(ctx, cfg.process())
	if err != nil {
		return err
	}
	ops := telemetry.NewOps(r.registry)
	process.Identify(ops, component.File, own.Version, nil)
	process.WatchDatabase(group, ops, r.db.Class)
	if cfg.S3.Bucket != "" {
		process.WatchDependency(group, ops, component.ObjectStore, func(ctx context.Context) component.Class { return classOf(r.store.Check(ctx)) })
	}
	process.ServeOps(group, ops, own.Ops)
	group.Go("rpc", func(ctx context.Context) error { return rpc.Serve(ctx, own.RPC) })
	own.Announce(group, ops, func(ctx context.Context) {
		own.Logger.InfoContext(ctx, "file serves", "address", own.RPC.Addr().String())
	})
	return nil
}
