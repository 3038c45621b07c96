// SPDX-License-Identifier: Apache-2.0

// Package sqlstore keeps accounts, login sessions and counters in MySQL or SQLite.
//
// One Store implements all storage ports of the service. Text that is compared stands in VARBINARY
// columns, so that no collation has a say. Every write that makes an event writes its outbox row in the
// same transaction.
package sqlstore

import (
	"embed"

	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
)

// Migrations are the steps of the schema, for sqldb.DB.Migrate.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store implements all storage ports of the domain. It is safe for concurrent use.
type Store struct {
	db     *sqldb.DB
	encode func(user.Updated) (outbox.Row, error)
}

// New takes a migrated database into use; encode makes the outbox row of an event.
func New(db *sqldb.DB, encode func(user.Updated) (outbox.Row, error)) *Store {
	return &Store{db: db, encode: encode}
}
