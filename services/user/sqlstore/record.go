// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/parley-chat/parley/services/internal/audit/auditsql"
	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
)

// recordQuery goes on with the condition on a unique key.
const recordQuery = "SELECT id, username, nickname, description, password_hash, credentials_rev, created_at, deleted_at," +
	" username_changed_at, phone_for_friends, findable_by_phone, presence_hidden, receipts_hidden," +
	" phone, suspended_until, avatar_file_id," +
	" COALESCE((SELECT role FROM staff WHERE staff.user_id = accounts.id), 0) AS role FROM accounts WHERE deleted_at = 0 AND "

// recordRow is an account with what belongs to its owner.
type recordRow struct {
	accountRow

	UsernameChangedAt int64  `db:"username_changed_at"`
	PhoneForFriends   bool   `db:"phone_for_friends"`
	FindableByPhone   bool   `db:"findable_by_phone"`
	PresenceHidden    bool   `db:"presence_hidden"`
	ReceiptsHidden    bool   `db:"receipts_hidden"`
	Phone             []byte `db:"phone"` // NULL without one, so that many may have none
	SuspendedUntil    int64  `db:"suspended_until"`
	Role              int    `db:"role"`
}

func (r recordRow) record() user.Record {
	return user.Record{
		Credentials: user.Credentials{Account: r.account(), PasswordHash: r.PasswordHash, Rev: r.Rev},
		Phone:       user.PhoneOf(string(r.Phone)),
		Privacy: user.Privacy{
			PhoneForFriends: r.PhoneForFriends, FindableByPhone: r.FindableByPhone, PresenceHidden: r.PresenceHidden,
			ReceiptsHidden: r.ReceiptsHidden,
		},
		UsernameChangedAt: r.UsernameChangedAt,
		DeletedAt:         r.DeletedAt,
		SuspendedUntil:    r.SuspendedUntil,
		Role:              user.Role(r.Role),
	}
}

// Record reads one row by its key.
func (s *Store) Record(ctx context.Context, id ids.UserID) (user.Record, error) {
	var row recordRow
	if err := s.db.Get(ctx, &row, recordQuery+"id = ?", id); err != nil {
		return user.Record{}, wrap("read account", err)
	}
	return row.record(), nil
}

// ByPhone reads one row by its unique key.
func (s *Store) ByPhone(ctx context.Context, phone user.Phone) (user.Record, error) {
	var row recordRow
	if err := s.db.Get(ctx, &row, recordQuery+"phone = ?", []byte(phone.Reveal())); err != nil {
		return user.Record{}, wrap("read account by phone", err)
	}
	return row.record(), nil
}

// Unhidden looks each up by primary key.
func (s *Store) Unhidden(ctx context.Context, people []ids.UserID) ([]ids.UserID, error) {
	if len(people) == 0 {
		return nil, nil
	}
	query, args := sqldb.In("SELECT id FROM accounts WHERE id IN (?) AND deleted_at = 0 AND presence_hidden = 0", people)
	var list []ids.UserID
	err := s.db.Select(ctx, &list, query, args...)
	return list, wrap("look who hides their presence", err)
}

// FriendPhones looks each up by primary key.
func (s *Store) FriendPhones(ctx context.Context, people []ids.UserID) (map[ids.UserID]user.Phone, error) {
	if len(people) == 0 {
		return map[ids.UserID]user.Phone{}, nil
	}
	var rows []struct {
		ID    ids.UserID `db:"id"`
		Phone []byte     `db:"phone"`
	}
	query, args := sqldb.In("SELECT id, phone FROM accounts WHERE id IN (?) AND deleted_at = 0 AND phone_for_friends = 1"+
		" AND phone IS NOT NULL", people)
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, wrap("look for phones of friends", err)
	}
	phones := make(map[ids.UserID]user.Phone, len(rows))
	for _, r := range rows {
		phones[r.ID] = user.PhoneOf(string(r.Phone))
	}
	return phones, nil
}

// Rewrite locks the row before it reads it and the login sessions.
func (s *Store) Rewrite(
	ctx context.Context, id ids.UserID, decide func(user.Record, []user.LoginSession) (*user.Rewriting, error),
) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		var row recordRow
		if err := tx.Get(ctx, &row, recordQuery+"id = ?"+tx.Dialect().ForUpdate(), id); err != nil {
			return err
		}
		existing, err := liveSessions(ctx, tx, id)
		if err != nil {
			return err
		}
		before := row.record()
		r, err := decide(before, existing)
		if err != nil || r == nil {
			return err
		}
		return s.rewrite(ctx, tx, before, *r)
	})
	return wrap("rewrite account", err)
}

func (s *Store) rewrite(ctx context.Context, tx *sqldb.Tx, before user.Record, r user.Rewriting) error {
	if err := writeUsername(ctx, tx, before, r); err != nil {
		return err
	}
	if before.Phone != r.Record.Phone {
		if err := writePhone(ctx, tx, r.Record.Account.ID, r.Record.Phone); err != nil {
			return err
		}
	}
	if err := writeRecord(ctx, tx, r); err != nil {
		return err
	}
	if before.Role != r.Record.Role {
		if err := writeRole(ctx, tx, r.Record.Account.ID, r.Record.Role); err != nil {
			return err
		}
	}
	if err := endSessions(ctx, tx, r.Endings, r.At); err != nil {
		return err
	}
	if r.Audit != nil {
		if err := auditsql.Insert(ctx, tx, *r.Audit); err != nil {
			return err
		}
	}
	return s.writeEvent(ctx, tx, r.Event)
}

// writeEvent writes the row of the outbox; nil is no event.
func (s *Store) writeEvent(ctx context.Context, tx *sqldb.Tx, e *user.Updated) error {
	if e == nil {
		return nil
	}
	row, err := s.encode(*e)
	if err != nil {
		return err
	}
	return outbox.Insert(ctx, tx, row)
}

func writeRecord(ctx context.Context, tx *sqldb.Tx, r user.Rewriting) error {
	a := r.Record
	_, err := tx.Exec(ctx, "UPDATE accounts SET nickname = ?, description = ?, password_hash = ?, credentials_rev = ?,"+
		" username_changed_at = ?, deleted_at = ?, phone_for_friends = ?, findable_by_phone = ?, presence_hidden = ?,"+
		" receipts_hidden = ?, suspended_until = ?, avatar_file_id = ? WHERE id = ?",
		[]byte(a.Account.Nickname), []byte(a.Account.Description), []byte(a.PasswordHash), a.Rev,
		a.UsernameChangedAt, a.DeletedAt, a.Privacy.PhoneForFriends, a.Privacy.FindableByPhone, a.Privacy.PresenceHidden,
		a.Privacy.ReceiptsHidden, a.SuspendedUntil, a.Account.Avatar, a.Account.ID)
	if err != nil || r.NicknameKey == nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE accounts SET nickname_key = ?, name_rev = name_rev + 1 WHERE id = ?", r.NicknameKey, a.Account.ID)
	return err
}

// writePhone is a statement of its own, so that a duplicate says which key it means.
func writePhone(ctx context.Context, tx *sqldb.Tx, id ids.UserID, phone user.Phone) error {
	var value any
	if !phone.IsZero() {
		value = []byte(phone.Reveal())
	}
	_, err := tx.Exec(ctx, "UPDATE accounts SET phone = ? WHERE id = ?", value, id)
	if dialect.IsDuplicate(err) {
		return user.ErrPhoneTaken
	}
	return err
}

// writeUsername changes the name first: the unique index keeps everybody else off it, so that the names
// that are blocked can then be read in peace.
func writeUsername(ctx context.Context, tx *sqldb.Tx, before user.Record, r user.Rewriting) error {
	a := r.Record.Account
	if a.Username == before.Account.Username {
		return nil
	}
	name := []byte(a.Username)
	if r.Record.DeletedAt != 0 {
		name = hex.AppendEncode(nil, a.ID[:]) // unique, and no username: it begins with a digit
	}
	_, err := tx.Exec(ctx, "UPDATE accounts SET username = ? WHERE id = ?", name, a.ID)
	if dialect.IsDuplicate(err) {
		return user.ErrUsernameTaken
	}
	if err != nil {
		return err
	}
	if err := checkRetired(ctx, tx, a, r.At); err != nil {
		return err
	}
	if r.Retired == nil {
		return nil
	}
	columns := []string{"username", "user_id", "blocked_until"}
	_, err = tx.Exec(ctx, tx.Dialect().Upsert("retired_usernames", columns, columns[:1], columns[1:], 1),
		[]byte(r.Retired.Username), a.ID, r.Retired.BlockedUntil)
	return err
}

// checkRetired refuses a name that another account gave up lately.
func checkRetired(ctx context.Context, tx *sqldb.Tx, a user.Account, now int64) error {
	var until int64
	err := tx.Get(ctx, &until, "SELECT blocked_until FROM retired_usernames WHERE username = ? AND user_id <> ?",
		[]byte(a.Username), a.ID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err == nil && until > now:
		return user.ErrUsernameTaken
	default:
		return err
	}
}
