// SPDX-License-Identifier: Apache-2.0

// Package sqlstore is message.Store on MySQL and SQLite.
//
// Everything that writes takes the lock of the conversation's row first, so that the facts which the
// domain decides on stay true until the commit. The rows of members repeat when their conversation was
// last active and when it last moved for them: lists and sync then read an index range instead of all
// conversations of a user, for one more row written per message of two people.
package sqlstore

import (
	"context"
	"embed"
	"fmt"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
)

// Migrations of the schema.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store keeps conversations in a database.
type Store struct{ db *sqldb.DB }

var _ message.Store = (*Store)(nil)

// New uses a database whose schema is migrated.
func New(db *sqldb.DB) *Store { return &Store{db: db} }

// Migrate brings the schema up to date.
func Migrate(ctx context.Context, db *sqldb.DB) error { return db.Migrate(ctx, Migrations) }

// insertEvents puts the keys of events into the outbox, never their bodies.
func insertEvents(ctx context.Context, tx *sqldb.Tx, events []message.Event) error {
	rows := make([]outbox.Row, len(events))
	for i, e := range events {
		rows[i] = outbox.Row{ID: e.ID, RoutingKey: string(e.Kind), Payload: e.Ref().Encode(), CreatedAt: e.OccurredAt}
	}
	return outbox.Insert(ctx, tx, rows...)
}

// execute runs a statement whose result nobody needs.
func execute(ctx context.Context, tx *sqldb.Tx, what, query string, args ...any) error {
	if _, err := tx.Exec(ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// inIDs lists the keys of a set of conversations in their order, which is the order of locking.
func inIDs(query string, list []ids.ConversationID, args ...any) (string, []any) {
	return sqldb.In(query, append(args, list)...)
}
