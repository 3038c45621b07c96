// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/events"
	"github.com/parley-chat/parley/services/user/sqlstore"
)

// KeepLink keeps a link for administrators in the database of cfg, by the hash of its token; only whoever has the
// database can. It takes the place of earlier links.
func KeepLink(ctx context.Context, cfg Config, hash [sha256.Size]byte) error {
	return withStaff(cfg, func(service *user.Service) error { return service.CreateLink(ctx, hash) })
}

// CreateLink is KeepLink for a new token, which it answers.
func CreateLink(ctx context.Context, cfg Config) (token string, err error) {
	token, hash := component.NewAdministratorToken()
	return token, KeepLink(ctx, cfg, hash)
}

// CreateFirstLink is CreateLink while nobody is an owner; else it answers an empty token.
func CreateFirstLink(ctx context.Context, cfg Config) (token string, err error) {
	err = withStaff(cfg, func(service *user.Service) error {
		has, err := service.HasOwner(ctx)
		if err != nil || has {
			return err
		}
		var hash [sha256.Size]byte
		token, hash = component.NewAdministratorToken()
		return service.CreateLink(ctx, hash)
	})
	return token, err
}

// withStaff runs what needs nothing but the database.
func withStaff(cfg Config, run func(*user.Service) error) error {
	db, err := sqldb.Open(cfg.database())
	if err != nil {
		return err
	}
	store := sqlstore.New(db, events.Encode)
	service := user.New(user.Ports{Staff: store, Audit: store}, user.Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	return errors.Join(run(service), db.Close())
}
