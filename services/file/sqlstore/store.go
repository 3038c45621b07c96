// SPDX-License-Identifier: Apache-2.0

// Package sqlstore keeps uploads, files and citations in MySQL or SQLite.
//
// Whatever decides about a file locks its row first, and several in the order of their ids: a citation and
// a removal of the same file come one after the other, and two transactions never wait for each other. The
// quota of a day is one row, locked before it is read.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// Migrations are the steps of the schema, for sqldb.DB.Migrate.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store implements file.Uploads, file.Citations and file.Leftovers. It is safe for concurrent use.
type Store struct{ db *sqldb.DB }

// New takes a migrated database into use.
func New(db *sqldb.DB) *Store { return &Store{db} }

// Create counts and inserts in one transaction, under the lock of the owner's day.
func (s *Store) Create(ctx context.Context, upload file.File, day int64, decide func(file.Usage) error) (file.File, error) {
	row, err := toRow(upload)
	if err != nil {
		return file.File{}, err
	}
	made := upload
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		made = upload
		there, err := keyed(ctx, tx, upload)
		if err != nil || there != nil {
			made = first(there)
			return err
		}
		used, err := lockUsage(ctx, tx, upload.Owner, day)
		if err != nil {
			return err
		}
		if err := decide(used); err != nil {
			// The other of two with the same key may have been counted while this one waited for the lock.
			if there, found := keyed(ctx, tx, upload); found == nil && there != nil {
				made = first(there)
				return nil
			}
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE uses SET bytes = bytes + ?, files = files + 1 WHERE owner_id = ? AND used_on = ?",
			upload.Size, upload.Owner, day)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO files ("+columns+") VALUES (?"+placeholders+")", row.values()...)
		return err
	})
	if dialect.IsDuplicate(err) {
		return s.byKey(ctx, upload)
	}
	return made, wrap("create upload", err)
}

func first(f *file.File) file.File {
	if f == nil {
		return file.File{}
	}
	return *f
}

// keyed is the file under the owner's key.
func keyed(ctx context.Context, tx *sqldb.Tx, upload file.File) (*file.File, error) {
	var rows []fileRow
	err := tx.Select(ctx, &rows, "SELECT "+columns+" FROM files WHERE owner_id = ? AND idempotency_key = ?", upload.Owner, upload.Key)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	f, err := rows[0].file()
	return &f, err
}

// byKey answers after a race of two with the same key.
func (s *Store) byKey(ctx context.Context, upload file.File) (file.File, error) {
	var row fileRow
	err := s.db.Get(ctx, &row, "SELECT "+columns+" FROM files WHERE owner_id = ? AND idempotency_key = ?", upload.Owner, upload.Key)
	if err != nil {
		return file.File{}, wrap("read upload by key", err)
	}
	return row.file()
}

func lockUsage(ctx context.Context, tx *sqldb.Tx, owner ids.UserID, day int64) (file.Usage, error) {
	names := []string{"owner_id", "used_on", "bytes", "files"}
	if _, err := tx.Exec(ctx, tx.Dialect().Upsert("uses", names, names[:2], nil, 1), owner, day, 0, 0); err != nil {
		return file.Usage{}, err
	}
	var used file.Usage
	err := tx.Get(ctx, &used, "SELECT bytes, files FROM uses WHERE owner_id = ? AND used_on = ?"+tx.Dialect().ForUpdate(), owner, day)
	return used, err
}

// Find reads rows by their ids.
func (s *Store) Find(ctx context.Context, files ...ids.FileID) ([]file.File, error) {
	var rows []fileRow
	query, args := sqldb.In("SELECT "+columns+" FROM files WHERE id IN (?)", files)
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, wrap("find files", err)
	}
	return filesOf(rows)
}

// Advance writes where an upload stands, over where it stood.
func (s *Store) Advance(ctx context.Context, id ids.FileID, from, to blob.Upload) error {
	result, err := s.db.Exec(ctx, "UPDATE files SET written = ?, write_state = ? WHERE id = ? AND state = ? AND written = ? AND write_state = ?",
		to.Offset, []byte(to.State), id, int(file.Uploading), from.Offset, []byte(from.State))
	if err != nil {
		return wrap("advance upload", err)
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	// MySQL counts no row that has the values already.
	found, err := s.Find(ctx, id)
	switch {
	case err != nil:
		return err
	case len(found) == 0 || found[0].State != file.Uploading:
		return file.ErrNotFound
	case !sameWrite(found[0].Upload, to):
		return file.ErrBusy
	default:
		return nil
	}
}

// sameWrite tells whether two uploads stand at the same point of the same write.
func sameWrite(a, b blob.Upload) bool { return a.Offset == b.Offset && a.State == b.State }

// Finish writes facts under the lock of the row.
func (s *Store) Finish(ctx context.Context, done file.File) (file.File, error) {
	row, err := toRow(done)
	if err != nil {
		return file.File{}, err
	}
	return s.update(ctx, "finish upload", done.ID, func(ctx context.Context, tx *sqldb.Tx, f *file.File) error {
		if f.State != file.Uploading {
			return nil
		}
		if !sameWrite(f.Upload, done.Upload) {
			return file.ErrBusy
		}
		_, err := tx.Exec(ctx, "UPDATE files SET state = ?, content_type = ?, width = ?, height = ?, duration_ms = ?, thumbnails = ?,"+
			" written = size, write_state = ?, completed_at = ?, uncited_since = ? WHERE id = ?", int(file.Complete), row.ContentType, row.Width,
			row.Height, row.DurationMS, row.Thumbnails, []byte{}, row.CompletedAt, row.UncitedSince, done.ID)
		f.State, f.ContentType, f.Facts, f.Upload.Offset, f.Upload.State = file.Complete, done.ContentType, done.Facts, f.Size, ""
		f.CompletedAt, f.UncitedSince = done.CompletedAt, done.UncitedSince
		return err
	})
}

// Remove closes a file under the lock of its row, if nothing cites it.
func (s *Store) Remove(ctx context.Context, r file.Removal) (file.File, error) {
	return s.update(ctx, "remove file", r.File, func(ctx context.Context, tx *sqldb.Tx, f *file.File) error {
		if f.State != r.From || r.ExpiredBefore > 0 && f.ExpiresAt > r.ExpiredBefore ||
			r.UncitedBefore > 0 && (f.UncitedSince == 0 || f.UncitedSince > r.UncitedBefore) {
			return nil
		}
		var cited int
		if err := tx.Get(ctx, &cited, "SELECT COUNT(*) FROM citations WHERE file_id = ?", r.File); err != nil || cited > 0 {
			return err
		}
		f.State, f.Failure, f.ExpiresAt = file.Removing, r.Failure, r.KeepUntil
		_, err := tx.Exec(ctx, "UPDATE files SET state = ?, failure = ?, expires_at = ? WHERE id = ?",
			int(f.State), []byte(f.Failure), f.ExpiresAt, r.File)
		return err
	})
}

// update locks one row, lets change see it and write, and answers what change has made of it.
func (s *Store) update(
	ctx context.Context, what string, id ids.FileID, change func(ctx context.Context, tx *sqldb.Tx, f *file.File) error,
) (file.File, error) {
	var f file.File
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		var row fileRow
		err := tx.Get(ctx, &row, "SELECT "+columns+" FROM files WHERE id = ?"+tx.Dialect().ForUpdate(), id)
		if errors.Is(err, sql.ErrNoRows) {
			return file.ErrNotFound
		}
		if err != nil {
			return err
		}
		if f, err = row.file(); err != nil {
			return err
		}
		return change(ctx, tx, &f)
	})
	return f, wrap(what, err)
}

// wrap adds what was done.
func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
