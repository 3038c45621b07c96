// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
)

// namedRow is an account as the index of names needs it.
type namedRow struct {
	accountRow

	NameRev int64 `db:"name_rev"`
}

const namedQuery = "SELECT id, username, nickname, description, deleted_at, created_at, avatar_file_id, name_rev FROM accounts WHERE "

func named(rows []namedRow) []user.Named {
	list := make([]user.Named, len(rows))
	for i, r := range rows {
		list[i] = user.Named{Account: r.account(), Rev: r.NameRev}
	}
	return list
}

// Findable implements user.Names, by primary key.
func (s *Store) Findable(ctx context.Context, users []ids.UserID, at int64) ([]user.Account, error) {
	if len(users) == 0 {
		return nil, nil
	}
	query, args := sqldb.In("SELECT id, username, nickname, description, deleted_at, created_at, avatar_file_id FROM accounts"+
		" WHERE id IN (?) AND deleted_at = 0 AND suspended_until <= ?", users, at)
	var rows []accountRow
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, wrap("read who may be found", err)
	}
	accounts := make([]user.Account, len(rows))
	for i, r := range rows {
		accounts[i] = r.account()
	}
	return accounts, nil
}

// Named implements user.Names, by primary key.
func (s *Store) Named(ctx context.Context, users []ids.UserID) ([]user.Named, error) {
	if len(users) == 0 {
		return nil, nil
	}
	query, args := sqldb.In(namedQuery+"id IN (?)", users)
	var rows []namedRow
	err := s.db.Select(ctx, &rows, query, args...)
	return named(rows), wrap("read names", err)
}

// ScanNames implements user.Names, along the primary key.
func (s *Store) ScanNames(ctx context.Context, after ids.UserID, limit int) ([]user.Named, error) {
	var rows []namedRow
	err := s.db.Select(ctx, &rows, namedQuery+"id > ? ORDER BY id LIMIT ?", after[:], limit)
	return named(rows), wrap("scan names", err)
}

// CountNames implements user.Names; it reads the primary key from there on.
func (s *Store) CountNames(ctx context.Context, after ids.UserID) (n int64, err error) {
	err = s.db.Get(ctx, &n, "SELECT COUNT(*) FROM accounts WHERE id > ?", after[:])
	return n, wrap("count names", err)
}
