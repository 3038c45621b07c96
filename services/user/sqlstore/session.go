// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"

	"github.com/parley-chat/parley/services/internal/audit/auditsql"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
)

const sessionColumns = "id, user_id, device_id, device_name, token_hash, created_at, last_used_at, ended_at, end_reason, client_address"

// sessionRow is a login session as it is stored.
type sessionRow struct {
	ID         ids.LoginSessionID `db:"id"`
	UserID     ids.UserID         `db:"user_id"`
	DeviceID   ids.DeviceID       `db:"device_id"`
	DeviceName string             `db:"device_name"`
	TokenHash  []byte             `db:"token_hash"`
	CreatedAt  int64              `db:"created_at"`
	LastUsedAt int64              `db:"last_used_at"`
	EndedAt    int64              `db:"ended_at"`
	EndReason  user.EndReason     `db:"end_reason"`
	Address    string             `db:"client_address"`
}

func (r sessionRow) session() user.LoginSession {
	s := user.LoginSession{
		ID: r.ID, UserID: r.UserID, Device: user.Device{ID: r.DeviceID, Name: r.DeviceName, Address: r.Address},
		CreatedAt: r.CreatedAt, LastUsedAt: r.LastUsedAt, EndedAt: r.EndedAt, EndReason: r.EndReason,
	}
	copy(s.TokenHash[:], r.TokenHash)
	return s
}

func insertSession(ctx context.Context, tx *sqldb.Tx, s user.LoginSession) error {
	_, err := tx.Exec(ctx, "INSERT INTO login_sessions ("+sessionColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		s.ID, s.UserID, s.Device.ID, []byte(s.Device.Name), s.TokenHash[:], s.CreatedAt, s.LastUsedAt,
		s.EndedAt, int(s.EndReason), []byte(s.Device.Address))
	return err
}

// Open locks the account's row, so that two logins of one person see each other's session, and a login sees
// the suspension that was committed before it.
func (s *Store) Open(
	ctx context.Context, session user.LoginSession, rev int64,
	decide func(suspendedUntil int64, existing []user.LoginSession) (user.Opening, error),
) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		var suspendedUntil int64
		err := tx.Get(ctx, &suspendedUntil, "SELECT suspended_until FROM accounts WHERE id = ? AND deleted_at = 0 AND credentials_rev = ?"+
			tx.Dialect().ForUpdate(), session.UserID, rev)
		if err != nil {
			return err
		}
		existing, err := liveSessions(ctx, tx, session.UserID)
		if err != nil {
			return err
		}
		opening, err := decide(suspendedUntil, existing)
		if err != nil {
			return err
		}
		if err := endSessions(ctx, tx, opening.Endings, session.CreatedAt); err != nil {
			return err
		}
		if opening.Audit != nil {
			if err := auditsql.Insert(ctx, tx, *opening.Audit); err != nil {
				return err
			}
		}
		return insertSession(ctx, tx, session)
	})
	return wrap("open login session", err)
}

// liveSessions are those that have not ended; the caller holds the lock of the account.
func liveSessions(ctx context.Context, tx *sqldb.Tx, owner ids.UserID) ([]user.LoginSession, error) {
	var rows []sessionRow
	err := tx.Select(ctx, &rows, "SELECT "+sessionColumns+" FROM login_sessions WHERE user_id = ? AND ended_at = 0", owner)
	return sessions(rows), err
}

// endSessions leaves those alone that a logout has ended meanwhile.
func endSessions(ctx context.Context, tx *sqldb.Tx, endings []user.Ending, at int64) error {
	for _, e := range endings {
		_, err := tx.Exec(ctx, "UPDATE login_sessions SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at = 0",
			at, int(e.Reason), e.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

func sessions(rows []sessionRow) []user.LoginSession {
	list := make([]user.LoginSession, len(rows))
	for i, r := range rows {
		list[i] = r.session()
	}
	return list
}

// ByToken reads one row by its unique key.
func (s *Store) ByToken(ctx context.Context, hash user.TokenHash) (user.LoginSession, error) {
	var row sessionRow
	err := s.db.Get(ctx, &row, "SELECT "+sessionColumns+" FROM login_sessions WHERE token_hash = ?", hash[:])
	if err != nil {
		return user.LoginSession{}, wrap("read login session", err)
	}
	return row.session(), nil
}

// Touch is one conditional update.
func (s *Store) Touch(ctx context.Context, id ids.LoginSessionID, at int64) error {
	_, err := s.db.Exec(ctx, "UPDATE login_sessions SET last_used_at = ? WHERE id = ? AND last_used_at < ? AND ended_at = 0",
		at, id, at)
	return wrap("touch login session", err)
}

// End is one conditional update: of two at once, one finds the row.
func (s *Store) End(ctx context.Context, owner ids.UserID, id ids.LoginSessionID, reason user.EndReason, at int64) error {
	result, err := s.db.Exec(ctx, "UPDATE login_sessions SET ended_at = ?, end_reason = ?"+
		" WHERE id = ? AND user_id = ? AND ended_at = 0", at, int(reason), id, owner)
	if err != nil {
		return wrap("end login session", err)
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		err = user.ErrNotFound
	}
	return wrap("end login session", err)
}

// List reads what has not ended.
func (s *Store) List(ctx context.Context, owner ids.UserID) ([]user.LoginSession, error) {
	var rows []sessionRow
	err := s.db.Select(ctx, &rows, "SELECT "+sessionColumns+" FROM login_sessions WHERE user_id = ? AND ended_at = 0", owner)
	if err != nil {
		return nil, wrap("list login sessions", err)
	}
	return sessions(rows), nil
}

// KnowsDevice asks the index.
func (s *Store) KnowsDevice(ctx context.Context, owner ids.UserID, device ids.DeviceID) (bool, error) {
	var found []ids.LoginSessionID
	// Not the ids as values: the zero owner of an unknown name has to be bytes as well, not NULL.
	err := s.db.Select(ctx, &found, "SELECT id FROM login_sessions WHERE user_id = ? AND device_id = ? LIMIT 1",
		owner[:], device[:])
	return len(found) > 0, wrap("look for a device", err)
}

// EndedSince reads the index on ended_at from its end.
func (s *Store) EndedSince(ctx context.Context, at int64, limit int) ([]user.Revocation, error) {
	var rows []sessionRow
	err := s.db.Select(ctx, &rows, "SELECT id, user_id, ended_at, end_reason FROM login_sessions"+
		" WHERE ended_at >= ? AND ended_at > 0 ORDER BY ended_at DESC LIMIT ?", at, limit)
	if err != nil {
		return nil, wrap("read ended login sessions", err)
	}
	list := make([]user.Revocation, len(rows))
	for i, r := range rows {
		list[i] = user.Revocation{SessionID: r.ID, UserID: r.UserID, Reason: r.EndReason, At: r.EndedAt}
	}
	return list, nil
}

// ForgetEnded picks a few rows without a lock and deletes them by key.
func (s *Store) ForgetEnded(ctx context.Context, endedBefore, createdBefore int64, limit int) (int, error) {
	var old []ids.LoginSessionID
	err := s.db.Select(ctx, &old, "SELECT id FROM login_sessions WHERE ended_at > 0 AND ended_at < ? LIMIT ?", endedBefore, limit)
	if err == nil && len(old) == 0 {
		err = s.db.Select(ctx, &old, "SELECT id FROM login_sessions WHERE created_at < ? LIMIT ?", createdBefore, limit)
	}
	if err != nil || len(old) == 0 {
		return 0, wrap("find old login sessions", err)
	}
	query, args := sqldb.In("DELETE FROM login_sessions WHERE id IN (?)", old)
	_, err = s.db.Exec(ctx, query, args...)
	return len(old), wrap("delete old login sessions", err)
}
