// SPDX-License-Identifier: Apache-2.0

// Package server wires the user service and runs it.
//
// Run stays up whatever is down: without its database it answers unavailable, and revocations from
// memory; without the broker events wait in the outbox.
package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/provider"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/telemetry"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/argon2hasher"
	"github.com/parley-chat/parley/services/user/connectapi"
	"github.com/parley-chat/parley/services/user/events"
	"github.com/parley-chat/parley/services/user/numberplan"
	"github.com/parley-chat/parley/services/user/sqlstore"
	"github.com/parley-chat/parley/services/user/unicodetext"
	"github.com/parley-chat/parley/services/user/upstream"
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
		return fmt.Errorf("user: %w", err)
	}
	db, err := sqldb.OpenOwn(ctx, cfg.database(), sqlstore.Migrations)
	if err != nil {
		return fmt.Errorf("user: open the database: %w", err)
	}
	index, closeIndex, err := cfg.Search.Open(Indexed)
	if err != nil {
		return errors.Join(fmt.Errorf("user: %w", err), db.Close())
	}
	parts, closed, err := parts.OpenBroker(cfg.process()) //nolint:contextcheck // its life ends with Close, not with a context
	if err != nil {
		return errors.Join(fmt.Errorf("user: %w", err), closeIndex(), db.Close())
	}
	group := lifecycle.New(parts.Logger)
	group.OnStop("database", func(context.Context) error { return errors.Join(closeIndex(), db.Close()) })
	group.OnStop("broker", func(context.Context) error { return closed() })
	registry := telemetry.NewRegistry()
	sms, watched := watch(cfg.SMS.provider(parts.Logger))
	r := resources{db: db, index: index, registry: registry, sms: sms, watched: watched}
	service, err := newService(group, cfg, parts, r)
	if err == nil {
		err = serve(ctx, group, cfg, parts, r, service)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("user: %w", err), closed(), closeIndex(), db.Close())
	}
	return group.Run(ctx)
}

// resources are what a service is built on.
type resources struct {
	db       *sqldb.DB
	index    searchindex.Kept // nil: there is none
	registry *prometheus.Registry
	sms      user.SMS        // nil: no codes are sent
	watched  *provider.Watch // the same
}

// newService builds the domain and registers its background work.
func newService(group *lifecycle.Group, cfg Config, parts Parts, r resources) (*user.Service, error) {
	hasher, err := argon2hasher.New(cfg.Hashing)
	if err != nil {
		return nil, err
	}
	registerHashes(r.registry, hasher)
	relay := outbox.NewRelay(outbox.Options{
		DB: r.db, Publisher: parts.Broker, Now: time.Now, Logger: parts.Logger, Registerer: r.registry,
	})
	endings := events.NewEndings(parts.Broker, time.Now, parts.Logger)
	store := sqlstore.New(r.db, events.Encode)
	service := user.New(user.Ports{
		Accounts: store, Names: store, Index: finder(r.index), Records: store, Audit: store, Staff: store, Sessions: store, Ended: store, Attempts: store,
		Codes: store, Quotas: store, Numbers: numberplan.Numbers{}, SMS: r.sms,
		Hasher: hasher, Text: unicodetext.Text{}, Publisher: events.NewPublisher(relay, endings),
		Pictures: pictures(group, cfg, parts),
	}, user.Options{
		AddressLogins: cfg.addressLogins(), AddressCodes: cfg.addressCodes(), DailyCodes: cfg.SMS.DailyBudget,
		CountryCodes: cfg.SMS.CountryDailyBudget, CountCode: countCodes(r.registry),
		Countries: cfg.SMS.AllowedCountries, CodeKey: codeKey(parts.PageKey),
		Pages: page.NewCodec(parts.PageKey), Origin: originOf, Now: time.Now, Logger: parts.Logger,
	})
	group.Go("outbox", relay.Run)
	group.Go("endings", endings.Run)
	group.Go("revocations", service.Revocations().Run)
	group.Go("cleaner", service.RunCleaner)
	return service, nil
}

// pictures is nil without a file service.
func pictures(group *lifecycle.Group, cfg Config, parts Parts) user.Pictures {
	if cfg.FileURL == "" {
		return nil
	}
	files := rpcclient.New(rpcclient.Options{
		Self: component.User, Audience: component.File, BaseURL: cfg.FileURL, Keys: parts.Keys, Transport: parts.Transport,
	})
	group.OnStop("clients", func(context.Context) error { files.Close(); return nil })
	return upstream.NewPictures(filev1connect.NewFileServiceClient(files.HTTPClient(), files.BaseURL(), files.Options()...))
}

// originOf tells the audit log where a call came from.
func originOf(ctx context.Context) user.Origin {
	caller := identity.FromContext(ctx)
	return user.Origin{Address: caller.ClientAddress, RequestID: caller.RequestID}
}

// codeKey derives the key of codes from one that all processes have.
func codeKey(pageKey []byte) []byte {
	mac := hmac.New(sha256.New, pageKey)
	_, _ = mac.Write([]byte("parley codes by SMS"))
	return mac.Sum(nil)
}

// serve opens the listeners and registers what answers on them.
func serve(ctx context.Context, group *lifecycle.Group, cfg Config, parts Parts, r resources, service *user.Service) error {
	rpc := rpcserver.New(rpcserver.Options{
		Component: component.User, Keys: parts.Keys, Logger: parts.Logger, Registerer: r.registry,
		Denied: func(ctx context.Context, procedure string) {
			service.NoteDenied(ctx, identity.FromContext(ctx).UserID, procedure)
		},
	})
	rpc.Mount(userv1connect.NewAuthServiceHandler(connectapi.NewAuth(service), rpc.HandlerOptions()...))
	rpc.Mount(userv1connect.NewUserServiceHandler(connectapi.NewProfiles(service), rpc.HandlerOptions()...))
	rpc.Mount(userv1connect.NewAdminServiceHandler(connectapi.NewAdmin(service), rpc.HandlerOptions()...))
	parts, err := parts.Listen(ctx, cfg.process())
	if err != nil {
		return err
	}
	ops := telemetry.NewOps(r.registry)
	process.Identify(ops, component.User, parts.Version, parts.Broker)
	process.WatchDatabase(group, ops, r.db.Class)
	if r.watched != nil {
		ops.SetDependency(component.SMS, r.watched.Class)
	}
	indexserver.Keep(group, ops, Indexed, r.index, followed(parts, r))
	process.ServeOps(group, ops, parts.Ops)
	group.Go("rpc", func(ctx context.Context) error { return rpc.Serve(ctx, parts.RPC) })
	parts.Announce(group, ops, func(ctx context.Context) {
		parts.Logger.InfoContext(ctx, "user serves", "address", parts.RPC.Addr().String())
	})
	return nil
}

func registerHashes(registry *prometheus.Registry, hasher *argon2hasher.Hasher) {
	registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "parley_user_hashes_total", Help: "Password hashes made or compared.",
		}, func() float64 { return float64(hasher.Hashes()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "parley_user_hashes_waiting", Help: "Callers that wait for a slot to hash a password.",
		}, func() float64 { return float64(hasher.Waiting()) }),
	)
}
