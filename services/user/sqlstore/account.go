// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
)

// accountRow is an account as it is stored.
type accountRow struct {
	ID           ids.UserID `db:"id"`
	Username     string     `db:"username"`
	Nickname     string     `db:"nickname"`
	NicknameKey  []byte     `db:"nickname_key"`
	Description  string     `db:"description"`
	PasswordHash string     `db:"password_hash"`
	Rev          int64      `db:"credentials_rev"`
	DeletedAt    int64      `db:"deleted_at"`
	CreatedAt    int64      `db:"created_at"`
	Avatar       ids.FileID `db:"avatar_file_id"` // NULL: none
}

// account of the row. The column username of a deleted one holds its id, to be unique.
func (r accountRow) account() user.Account {
	a := user.Account{
		ID: r.ID, Username: r.Username, Nickname: r.Nickname, Description: r.Description, CreatedAt: r.CreatedAt, Avatar: r.Avatar,
		Deleted: r.DeletedAt != 0,
	}
	if a.Deleted {
		a.Username = ""
	}
	return a
}

// Create relies on the unique index for races about a name.
func (s *Store) Create(ctx context.Context, a user.NewAccount, session user.LoginSession) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO accounts (id, username, nickname, nickname_key, description, password_hash,"+
			" created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			a.Account.ID, []byte(a.Account.Username), []byte(a.Account.Nickname), a.NicknameKey,
			[]byte(a.Account.Description), []byte(a.PasswordHash), a.Account.CreatedAt)
		if dialect.IsDuplicate(err) {
			return user.ErrUsernameTaken
		}
		if err != nil {
			return err
		}
		if err := checkRetired(ctx, tx, a.Account, a.Account.CreatedAt); err != nil {
			return err
		}
		if !a.Phone.IsZero() {
			if err := writePhone(ctx, tx, a.Account.ID, a.Phone); err != nil {
				return err
			}
		}
		if err := insertSession(ctx, tx, session); err != nil {
			return err
		}
		return s.writeEvent(ctx, tx, a.Event)
	})
	return wrap("create account", err)
}

// ByUsername reads one row by its unique key.
func (s *Store) ByUsername(ctx context.Context, username string) (user.Record, error) {
	var row recordRow
	if err := s.db.Get(ctx, &row, recordQuery+"username = ?", []byte(username)); err != nil {
		return user.Record{}, wrap("read account by username", err)
	}
	return row.record(), nil
}

// ByIDs reads all of them in one statement.
func (s *Store) ByIDs(ctx context.Context, users []ids.UserID) ([]user.Account, error) {
	if len(users) == 0 {
		return nil, nil
	}
	query, args := sqldb.In("SELECT id, username, nickname, description, deleted_at, created_at, avatar_file_id FROM accounts WHERE id IN (?)", users)
	var rows []accountRow
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, wrap("read accounts", err)
	}
	accounts := make([]user.Account, len(rows))
	for i, r := range rows {
		accounts[i] = r.account()
	}
	return accounts, nil
}

// ReplacePasswordHash is one conditional update.
func (s *Store) ReplacePasswordHash(ctx context.Context, id ids.UserID, old, hash string) error {
	_, err := s.db.Exec(ctx, "UPDATE accounts SET password_hash = ? WHERE id = ? AND password_hash = ?",
		[]byte(hash), id, []byte(old))
	return wrap("replace password hash", err)
}

// SearchByNickname scans the index from the first key that can match to the first that cannot.
func (s *Store) SearchByNickname(ctx context.Context, q user.NameQuery) ([]user.Found, error) {
	from := q.Prefix
	if bytes.Compare(q.After.Key, from) > 0 {
		from = q.After.Key
	}
	var rows []accountRow
	err := s.db.Select(ctx, &rows, "SELECT id, username, nickname, nickname_key, description, created_at, avatar_file_id FROM accounts"+
		" WHERE nickname_key >= ? AND nickname_key < ? AND (nickname_key > ? OR (nickname_key = ? AND id > ?))"+
		" ORDER BY nickname_key, id LIMIT ?",
		from, after(q.Prefix), from, from, q.After.ID[:], q.Limit)
	if err != nil {
		return nil, wrap("search accounts", err)
	}
	found := make([]user.Found, len(rows))
	for i, r := range rows {
		found[i] = user.Found{Account: r.account(), Place: user.NameCursor{Key: r.NicknameKey, ID: r.ID}}
	}
	return found, nil
}

// after is the first key behind all that begin with prefix. UTF-8 has no byte 0xff, so the last byte
// can always be raised.
func after(prefix []byte) []byte {
	next := bytes.Clone(prefix)
	next[len(next)-1]++
	return next
}

// wrap adds what was done; no row is user.ErrNotFound.
func wrap(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		err = user.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
