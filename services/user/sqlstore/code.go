// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
)

type codeRow struct {
	MAC       []byte `db:"mac"`
	CreatedAt int64  `db:"created_at"`
	TryCount  int    `db:"try_count"`
	UsedAt    int64  `db:"used_at"`
}

// Keep inserts one row.
func (s *Store) Keep(ctx context.Context, c user.Code) error {
	_, err := s.db.Exec(ctx, "INSERT INTO codes (id, mac, block, created_at, try_count, used_at) VALUES (?, ?, ?, ?, ?, ?)",
		c.ID, c.MAC[:], c.Block[:], c.CreatedAt, c.TryCount, c.UsedAt)
	return wrap("keep code", err)
}

// Try locks the row: tries of one code wait for each other.
func (s *Store) Try(ctx context.Context, id ids.CodeRequestID, decide func(user.Code) user.Code) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		var row codeRow
		err := tx.Get(ctx, &row, "SELECT mac, created_at, try_count, used_at FROM codes WHERE id = ?"+tx.Dialect().ForUpdate(), id)
		if err != nil {
			return err
		}
		before := user.Code{ID: id, CreatedAt: row.CreatedAt, TryCount: row.TryCount, UsedAt: row.UsedAt}
		copy(before.MAC[:], row.MAC)
		after := decide(before)
		_, err = tx.Exec(ctx, "UPDATE codes SET try_count = ?, used_at = ? WHERE id = ?", after.TryCount, after.UsedAt, id)
		return err
	})
	return wrap("try code", err)
}

// Verified counts by the index on block and time.
func (s *Store) Verified(ctx context.Context, block user.AttemptKey, from, until int64) (sent, verified int, err error) {
	var row struct {
		Sent     int `db:"sent"`
		Verified int `db:"verified"`
	}
	err = s.db.Get(ctx, &row, "SELECT COUNT(*) AS sent, COUNT(CASE WHEN used_at > 0 THEN 1 END) AS verified FROM codes"+
		" WHERE block = ? AND created_at >= ? AND created_at < ?", block[:], from, until)
	return row.Sent, row.Verified, wrap("count codes of a block", err)
}

// ForgetCodes deletes by the index on the time.
func (s *Store) ForgetCodes(ctx context.Context, before int64, limit int) (int, error) {
	var rows []ids.CodeRequestID
	err := s.db.Select(ctx, &rows, "SELECT id FROM codes WHERE created_at < ? LIMIT ?", before, limit)
	if err != nil || len(rows) == 0 {
		return 0, wrap("find old codes", err)
	}
	query, args := sqldb.In("DELETE FROM codes WHERE id IN (?)", rows)
	_, err = s.db.Exec(ctx, query, args...)
	return len(rows), wrap("delete old codes", err)
}

// Use locks a counter for each scope, in the order of their keys, and so keeps others out that would count
// the same uses.
func (s *Store) Use(ctx context.Context, quotas []user.Quota, at int64, decide func([]int64) error) error {
	scopes := make([]user.AttemptKey, len(quotas))
	for i, q := range quotas {
		scopes[i] = q.Scope
	}
	slices.SortFunc(scopes, func(a, b user.AttemptKey) int { return bytes.Compare(a[:], b[:]) })
	scopes = slices.Compact(scopes)
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		for _, scope := range scopes {
			if err := lockScope(ctx, tx, scope, at); err != nil {
				return err
			}
		}
		nth := make([]int64, len(quotas))
		for i, q := range quotas {
			var err error
			if nth[i], err = nthUse(ctx, tx, q, at); err != nil {
				return err
			}
		}
		if err := decide(nth); err != nil {
			return err
		}
		return insertUses(ctx, tx, scopes, at)
	})
	return wrap("use quota", err)
}

// lockScope charges the counter, so that it is not forgotten while its uses count.
func lockScope(ctx context.Context, tx *sqldb.Tx, scope user.AttemptKey, at int64) error {
	if _, err := lockAttempt(ctx, tx, scope); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "UPDATE attempts SET charged_at = ? WHERE id = ?", at, scope[:])
	return err
}

// nthUse is the time of the last but Limit-1 use inside the window, 0 if there were fewer.
func nthUse(ctx context.Context, tx *sqldb.Tx, q user.Quota, at int64) (int64, error) {
	var nth int64
	err := tx.Get(ctx, &nth, "SELECT used_at FROM uses WHERE scope = ? AND used_at > ? ORDER BY used_at DESC LIMIT 1 OFFSET ?",
		q.Scope[:], at-q.Window.Milliseconds(), q.Limit-1)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return nth, err
}

func insertUses(ctx context.Context, tx *sqldb.Tx, scopes []user.AttemptKey, at int64) error {
	id := ids.NewEvent() // tells uses of one millisecond apart
	for _, scope := range scopes {
		if _, err := tx.Exec(ctx, "INSERT INTO uses (scope, used_at, id) VALUES (?, ?, ?)", scope[:], at, id); err != nil {
			return err
		}
	}
	return nil
}

// ForgetUses reads the oldest times first and deletes up to the last of them.
func (s *Store) ForgetUses(ctx context.Context, before int64, limit int) (int, error) {
	var rows []int64
	err := s.db.Select(ctx, &rows, "SELECT used_at FROM uses WHERE used_at < ? ORDER BY used_at LIMIT ?", before, limit)
	if err != nil || len(rows) == 0 {
		return 0, wrap("find old uses", err)
	}
	_, err = s.db.Exec(ctx, "DELETE FROM uses WHERE used_at <= ?", rows[len(rows)-1])
	return len(rows), wrap("delete old uses", err)
}
