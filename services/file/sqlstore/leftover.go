// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/ids"
)

// forgetBatch bounds what one Forget removes of usage.
const forgetBatch = 500

// Expired reads the index of expiry.
func (s *Store) Expired(ctx context.Context, before int64, limit int) ([]ids.FileID, error) {
	var list []ids.FileID
	err := s.db.Select(ctx, &list, "SELECT id FROM files WHERE state = ? AND expires_at <= ? ORDER BY expires_at LIMIT ?",
		int(file.Uploading), before, limit)
	return list, wrap("read expired uploads", err)
}

// Uncited reads the index of what nothing shows.
func (s *Store) Uncited(ctx context.Context, before int64, limit int) ([]ids.FileID, error) {
	var list []ids.FileID
	err := s.db.Select(ctx, &list, "SELECT id FROM files WHERE state = ? AND uncited_since > 0 AND uncited_since <= ?"+
		" ORDER BY uncited_since LIMIT ?", int(file.Complete), before, limit)
	return list, wrap("read uncited files", err)
}

// Ended reads the index of expiry.
func (s *Store) Ended(ctx context.Context, state file.State, before int64, limit int) ([]file.File, error) {
	var rows []fileRow
	err := s.db.Select(ctx, &rows, "SELECT "+columns+" FROM files WHERE state = ? AND expires_at <= ? ORDER BY expires_at LIMIT ?",
		int(state), before, limit)
	if err != nil {
		return nil, wrap("read ended files", err)
	}
	return filesOf(rows)
}

// Emptied changes the state.
func (s *Store) Emptied(ctx context.Context, id ids.FileID) error {
	_, err := s.db.Exec(ctx, "UPDATE files SET state = ? WHERE id = ? AND state = ?", int(file.Removed), id, int(file.Removing))
	return wrap("note removed bytes", err)
}

// Forget removes one row after the other: both databases then lock these rows only.
func (s *Store) Forget(ctx context.Context, files []ids.FileID, day int64) error {
	for _, id := range files {
		if _, err := s.db.Exec(ctx, "DELETE FROM files WHERE id = ? AND state = ?", id, int(file.Removed)); err != nil {
			return wrap("forget file", err)
		}
	}
	var old []usageRow
	err := s.db.Select(ctx, &old, "SELECT owner_id, used_on FROM uses WHERE used_on < ? LIMIT ?", day, forgetBatch)
	if err != nil {
		return wrap("read old usage", err)
	}
	for _, u := range old {
		if _, err := s.db.Exec(ctx, "DELETE FROM uses WHERE owner_id = ? AND used_on = ?", u.OwnerID, u.UsedOn); err != nil {
			return wrap("forget usage", err)
		}
	}
	return nil
}

type usageRow struct {
	OwnerID ids.UserID `db:"owner_id"`
	UsedOn  int64      `db:"used_on"`
}
