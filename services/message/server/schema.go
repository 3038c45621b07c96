// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message/sqlstore"
)

// SchemaVersion is the version of the schema that this program needs.
func SchemaVersion() (int64, error) { return sqldb.NewestMigration(sqlstore.Migrations) }

// DurabilityUnknown is what Durability answers where the settings cannot be read.
const DurabilityUnknown = "Unknown"

// Durability is in one word what the database promises for a message that was stored.
func Durability(ctx context.Context, dsn secret.String) (string, error) {
	db, err := sqldb.Open(sqldb.Config{DSN: dsn, MaxOpenConns: 1})
	if err != nil {
		return DurabilityUnknown, err
	}
	found, err := sqlstore.ReadDurability(ctx, db)
	if err = errors.Join(err, db.Close()); err != nil {
		return DurabilityUnknown, err
	}
	return found.Level, nil
}
