// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"bytes"
	"context"
	"slices"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

const (
	citationColumns = "file_id, kind, holder_id, client_message_id, cited_at, due_at"
	// whichCitation names one, also by when it was last asked for.
	whichCitation = " WHERE file_id = ? AND kind = ? AND holder_id = ? AND client_message_id = ? AND cited_at = ?"
)

// Cite locks the files in order, and then writes.
func (s *Store) Cite(ctx context.Context, cited []file.Cited, accept func(int, file.File) bool) ([]*file.File, error) {
	var answer []*file.File
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		answer = make([]*file.File, len(cited))
		files, err := lockFiles(ctx, tx, filesIn(cited))
		if err != nil {
			return err
		}
		for i, c := range cited {
			f, there := files[c.File]
			if !there || !accept(i, f) {
				continue
			}
			if err := insertCitation(ctx, tx, c); err != nil {
				return err
			}
			if f.UncitedSince != 0 {
				if _, err := tx.Exec(ctx, "UPDATE files SET uncited_since = 0 WHERE id = ?", f.ID); err != nil {
					return err
				}
				f.UncitedSince = 0
				files[c.File] = f
			}
			answer[i] = &f
		}
		return nil
	})
	return answer, wrap("cite files", err)
}

func insertCitation(ctx context.Context, tx *sqldb.Tx, c file.Cited) error {
	names := []string{"file_id", "kind", "holder_id", "client_message_id", "cited_at", "due_at"}
	_, err := tx.Exec(ctx, tx.Dialect().Upsert("citations", names, names[:4], names[4:], 1),
		c.File, int(c.Kind), c.Holder[:], c.Message[:], c.CitedAt, c.DueAt)
	return err
}

// filesIn lists the files of citations, each once.
func filesIn(cited []file.Cited) []ids.FileID {
	var list []ids.FileID
	for _, c := range cited {
		list = append(list, c.File)
	}
	slices.SortFunc(list, func(a, b ids.FileID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(list)
}

// lockFiles locks rows one by one, in the order of their ids.
func lockFiles(ctx context.Context, tx *sqldb.Tx, files []ids.FileID) (map[ids.FileID]file.File, error) {
	found := map[ids.FileID]file.File{}
	for _, id := range files {
		var rows []fileRow
		err := tx.Select(ctx, &rows, "SELECT "+columns+" FROM files WHERE id = ?"+tx.Dialect().ForUpdate(), id)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			continue
		}
		if found[id], err = rows[0].file(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Holders reads the citations of files.
func (s *Store) Holders(ctx context.Context, files ...ids.FileID) ([]file.Citation, error) {
	var rows []citationRow
	query, args := sqldb.In("SELECT "+citationColumns+" FROM citations WHERE file_id IN (?)", files)
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, wrap("read citations", err)
	}
	list := make([]file.Citation, len(rows))
	for i, r := range rows {
		list[i] = r.cited().Citation
	}
	return list, nil
}

// Due reads the index of what is due.
func (s *Store) Due(ctx context.Context, now int64, limit int) ([]file.Cited, error) {
	var rows []citationRow
	err := s.db.Select(ctx, &rows, "SELECT "+citationColumns+" FROM citations WHERE due_at <= ? ORDER BY due_at LIMIT ?", now, limit)
	if err != nil {
		return nil, wrap("read due citations", err)
	}
	list := make([]file.Cited, len(rows))
	for i, r := range rows {
		list[i] = r.cited()
	}
	return list, nil
}

// Postpone changes what nobody has asked for anew.
func (s *Store) Postpone(ctx context.Context, cited []file.Cited, dueAt int64) error {
	if len(cited) == 0 {
		return nil
	}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		for _, c := range cited {
			_, err := tx.Exec(ctx, "UPDATE citations SET due_at = ?"+whichCitation,
				dueAt, c.File, int(c.Kind), c.Holder[:], c.Message[:], c.CitedAt)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return wrap("postpone citations", err)
}

// Withdraw locks the files in order, and then removes what nobody has asked for anew.
func (s *Store) Withdraw(ctx context.Context, cited []file.Cited, now int64) error {
	if len(cited) == 0 {
		return nil
	}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		files, err := lockFiles(ctx, tx, filesIn(cited))
		if err != nil {
			return err
		}
		for _, c := range cited {
			_, err := tx.Exec(ctx, "DELETE FROM citations"+whichCitation, c.File, int(c.Kind), c.Holder[:], c.Message[:], c.CitedAt)
			if err != nil {
				return err
			}
		}
		for id := range files {
			_, err := tx.Exec(ctx, "UPDATE files SET uncited_since = ? WHERE id = ? AND uncited_since = 0"+
				" AND NOT EXISTS (SELECT 1 FROM citations WHERE file_id = ?)", now, id, id)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return wrap("withdraw citations", err)
}
