// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/events"
	"github.com/parley-chat/parley/services/user/sqlstore"
)

// CreateLink makes the token of a link for administrators in the database of cfg; only whoever has the database
// can. It takes the place of earlier links.
func CreateLink(ctx context.Context, cfg Config) (token string, err error) {
	err = withStaff(cfg, func(service *user.Service) error {
		token, err = service.CreateLink(ctx)
		return err
	})
	return token, err
}

// CreateFirstLink is CreateLink while nobody is an owner; else it answers an empty token.
func CreateFirstLink(ctx context.Context, cfg Config) (token string, err error) {
	err = withStaff(cfg, func(service *user.Service) error {
		has, err := service.HasOwner(ctx)
		if err == nil && !has {
			token, err = service.CreateLink(ctx)
		}
		return err
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
