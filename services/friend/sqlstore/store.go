// SPDX-License-Identifier: Apache-2.0

// Package sqlstore keeps relations, friendships and requests in MySQL or SQLite.
//
// A change of a pair locks the row of its relation, which is made if it is not there, and then, where
// counts matter, the rows of both people in the order of their ids: two transactions never wait for
// each other. A friendship is stored once for each side, so that a list is one range of an index.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// Migrations are the steps of the schema, for sqldb.DB.Migrate.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store implements friend.Store, friend.Lists and friend.Blocks. It is safe for concurrent use.
type Store struct {
	db     *sqldb.DB
	encode func(friend.Event) (outbox.Row, error)
}

// New takes a migrated database into use; encode makes the outbox row of an event.
func New(db *sqldb.DB, encode func(friend.Event) (outbox.Row, error)) *Store {
	return &Store{db: db, encode: encode}
}

// Update is one transaction: lock, read, decide, write.
func (s *Store) Update(ctx context.Context, q friend.Query, decide func(friend.Snapshot) (friend.Change, error)) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := lock(ctx, tx, q); err != nil {
			return err
		}
		snapshot, err := read(ctx, tx, q)
		if err != nil {
			return err
		}
		change, err := decide(snapshot)
		if err != nil {
			return err
		}
		return s.write(ctx, tx, change)
	})
	return wrap("update pair", err)
}

// Request reads one row.
func (s *Store) Request(ctx context.Context, id ids.FriendRequestID) (friend.Request, error) {
	var row requestRow
	err := s.db.Get(ctx, &row, "SELECT "+requestColumns+" FROM requests WHERE id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		err = friend.ErrRequestNotFound
	}
	return row.request(), wrap("read request", err)
}

// Relation reads one row.
func (s *Store) Relation(ctx context.Context, pair friend.Pair) (friend.Relation, error) {
	var row relationRow
	err := s.db.Get(ctx, &row, "SELECT "+relationColumns+" FROM relations WHERE low_id = ? AND high_id = ?",
		pair.Low, pair.High)
	if errors.Is(err, sql.ErrNoRows) {
		return friend.Relation{Pair: pair}, nil
	}
	return row.relation(), wrap("read relation", err)
}

// HandedOver compares the version in the statement that locks the row.
func (s *Store) HandedOver(ctx context.Context, pair friend.Pair, version int64, conversation ids.ConversationID) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		result, err := tx.Exec(ctx, "UPDATE relations SET pending_since = 0, conversation_id = COALESCE(?, conversation_id)"+
			" WHERE low_id = ? AND high_id = ? AND version = ?", conversation, pair.Low, pair.High, version)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 || conversation.IsZero() {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE friendships SET conversation_id = ?"+
			" WHERE (user_id = ? AND friend_id = ?) OR (user_id = ? AND friend_id = ?)",
			conversation, pair.Low, pair.High, pair.High, pair.Low)
		return err
	})
	return wrap("note hand-over", err)
}

// Waiting reads the index of what waits.
func (s *Store) Waiting(ctx context.Context, since int64, limit int) ([]friend.Relation, error) {
	var rows []relationRow
	err := s.db.Select(ctx, &rows, "SELECT "+relationColumns+" FROM relations"+
		" WHERE pending_since > 0 AND pending_since <= ? ORDER BY pending_since LIMIT ?", since, limit)
	if err != nil {
		return nil, wrap("read waiting hand-overs", err)
	}
	list := make([]friend.Relation, len(rows))
	for i, r := range rows {
		list[i] = r.relation()
	}
	return list, nil
}

// wrap adds what was done.
func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
