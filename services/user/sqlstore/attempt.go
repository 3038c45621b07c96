// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"bytes"
	"context"
	"slices"

	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
)

// attemptColumns are all columns of a counter; the first is its key.
func attemptColumns() []string {
	return []string{"id", "failure_count", "charged_at", "blocked_until"}
}

type attemptRow struct {
	ID           []byte `db:"id"`
	FailureCount int    `db:"failure_count"`
	ChargedAt    int64  `db:"charged_at"`
	BlockedUntil int64  `db:"blocked_until"`
}

// Charge makes the rows that are absent before it locks: a lock on a row that is not there would not
// keep a second transaction out. Rows are taken in the order of their keys, so that no two
// transactions wait for each other.
func (s *Store) Charge(ctx context.Context, keys []user.AttemptKey, decide func([]user.Attempt) ([]user.Attempt, error)) error {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, func(a, b user.AttemptKey) int { return bytes.Compare(a[:], b[:]) })
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		locked := make(map[user.AttemptKey]user.Attempt, len(keys))
		for _, key := range sorted {
			counter, err := lockAttempt(ctx, tx, key)
			if err != nil {
				return err
			}
			locked[key] = counter
		}
		counters := make([]user.Attempt, len(keys))
		for i, key := range keys {
			counters[i] = locked[key]
		}
		counters, err := decide(counters)
		if err != nil {
			return err
		}
		return writeAttempts(ctx, tx, counters)
	})
	return wrap("charge login attempt", err)
}

func lockAttempt(ctx context.Context, tx *sqldb.Tx, key user.AttemptKey) (user.Attempt, error) {
	columns := attemptColumns()
	_, err := tx.Exec(ctx, tx.Dialect().Upsert("attempts", columns, columns[:1], nil, 1), key[:], 0, 0, 0)
	if err != nil {
		return user.Attempt{}, err
	}
	var row attemptRow
	err = tx.Get(ctx, &row, "SELECT id, failure_count, charged_at, blocked_until FROM attempts WHERE id = ?"+
		tx.Dialect().ForUpdate(), key[:])
	return user.Attempt{
		Key: key, Count: row.FailureCount, ChargedAt: row.ChargedAt, BlockedUntil: row.BlockedUntil,
	}, err
}

func writeAttempts(ctx context.Context, tx *sqldb.Tx, counters []user.Attempt) error {
	for _, c := range counters {
		_, err := tx.Exec(ctx, "UPDATE attempts SET failure_count = ?, charged_at = ?, blocked_until = ? WHERE id = ?",
			c.Count, c.ChargedAt, c.BlockedUntil, c.Key[:])
		if err != nil {
			return err
		}
	}
	return nil
}

// Clear deletes by key.
func (s *Store) Clear(ctx context.Context, key user.AttemptKey) error {
	_, err := s.db.Exec(ctx, "DELETE FROM attempts WHERE id = ?", key[:])
	return wrap("clear login attempts", err)
}

// ForgetAttempts deletes only what is still old: a counter may be charged between the two statements.
func (s *Store) ForgetAttempts(ctx context.Context, before int64, limit int) (int, error) {
	var rows [][]byte
	err := s.db.Select(ctx, &rows, "SELECT id FROM attempts WHERE charged_at < ? LIMIT ?", before, limit)
	if err != nil || len(rows) == 0 {
		return 0, wrap("find old login attempts", err)
	}
	query, args := sqldb.In("DELETE FROM attempts WHERE id IN (?) AND charged_at < ?", rows, before)
	_, err = s.db.Exec(ctx, query, args...)
	return len(rows), wrap("delete old login attempts", err)
}
