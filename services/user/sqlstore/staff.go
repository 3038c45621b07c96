// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/parley-chat/parley/services/internal/audit/auditsql"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
)

// staffRow is a role as it is stored; who has none has no row.
type staffRow struct {
	UserID         ids.UserID `db:"user_id"`
	Role           int        `db:"role"`
	SuspendedUntil int64      `db:"suspended_until"`
}

// Act locks the roles of all before the account: they are few, every act passes through them, and so two owners
// cannot take each other's role at once.
func (s *Store) Act(ctx context.Context, act user.Act, decide func(user.Scene) (*user.Rewriting, error)) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		scene, err := readScene(ctx, tx, act)
		if err != nil {
			return err
		}
		r, err := decide(scene)
		if err != nil || r == nil {
			return err
		}
		if act.Link != nil {
			if _, err := tx.Exec(ctx, "DELETE FROM administrator_links"); err != nil {
				return err
			}
		}
		return s.rewrite(ctx, tx, scene.Target, *r)
	})
	return wrap("act on account", err)
}

func readScene(ctx context.Context, tx *sqldb.Tx, act user.Act) (scene user.Scene, err error) {
	if scene.Link, err = lockLink(ctx, tx, act.Link); err != nil {
		return scene, err
	}
	if scene.Staff, err = lockStaff(ctx, tx); err != nil {
		return scene, err
	}
	var row recordRow
	if err := tx.Get(ctx, &row, recordQuery+"id = ?"+tx.Dialect().ForUpdate(), act.Target); err != nil {
		return scene, err
	}
	scene.Target = row.record()
	scene.Target.Role = user.Member // as it is under the lock
	for _, m := range scene.Staff {
		if m.ID == act.Target {
			scene.Target.Role = m.Role
		}
	}
	if scene.Sessions, err = liveSessions(ctx, tx, act.Target); err != nil {
		return scene, err
	}
	var live int
	err = tx.Get(ctx, &live, "SELECT COUNT(*) FROM login_sessions WHERE id = ? AND user_id = ? AND ended_at = 0",
		act.Actor.SessionID, act.Actor.UserID)
	scene.ActorLive = live == 1
	return scene, err
}

// lockStaff reads again what it locked: a row that came while it waited is not in the first answer.
func lockStaff(ctx context.Context, tx *sqldb.Tx) ([]user.StaffMember, error) {
	var locked []ids.UserID
	if err := tx.Select(ctx, &locked, "SELECT user_id FROM staff ORDER BY user_id"+tx.Dialect().ForUpdate()); err != nil {
		return nil, err
	}
	var rows []staffRow
	err := tx.Select(ctx, &rows, "SELECT s.user_id, s.role, a.suspended_until FROM staff s JOIN accounts a ON a.id = s.user_id")
	if err != nil {
		return nil, err
	}
	staff := make([]user.StaffMember, len(rows))
	for i, r := range rows {
		staff[i] = user.StaffMember{ID: r.UserID, Role: user.Role(r.Role), SuspendedUntil: r.SuspendedUntil}
	}
	return staff, nil
}

func lockLink(ctx context.Context, tx *sqldb.Tx, hash *user.TokenHash) (*user.Link, error) {
	if hash == nil {
		return nil, nil
	}
	link := user.Link{Hash: *hash}
	err := tx.Get(ctx, &link.ExpiresAt, "SELECT expires_at FROM administrator_links WHERE token_hash = ?"+tx.Dialect().ForUpdate(), hash[:])
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &link, err
}

// writeRole needs the locks of Act.
func writeRole(ctx context.Context, tx *sqldb.Tx, id ids.UserID, role user.Role) error {
	if role == user.Member {
		_, err := tx.Exec(ctx, "DELETE FROM staff WHERE user_id = ?", id)
		return err
	}
	columns := []string{"user_id", "role"}
	_, err := tx.Exec(ctx, tx.Dialect().Upsert("staff", columns, columns[:1], columns[1:], 1), id, int(role))
	return err
}

// stateRow is an account with what staff sees of it.
type stateRow struct {
	accountRow

	SuspendedUntil int64 `db:"suspended_until"`
	Role           int   `db:"role"`
	HasPhone       bool  `db:"has_phone"`
	Sessions       int   `db:"session_count"`
	LastUsedAt     int64 `db:"last_used_at"`
}

// States reads all of them in one statement.
func (s *Store) States(ctx context.Context, users []ids.UserID) ([]user.AccountState, error) {
	if len(users) == 0 {
		return nil, nil
	}
	query, args := sqldb.In("SELECT a.id, a.username, a.nickname, a.description, a.deleted_at, a.created_at, a.suspended_until,"+
		" a.phone IS NOT NULL AS has_phone, COALESCE(s.role, 0) AS role,"+
		" (SELECT COUNT(*) FROM login_sessions l WHERE l.user_id = a.id AND l.ended_at = 0) AS session_count,"+
		" COALESCE((SELECT MAX(l.last_used_at) FROM login_sessions l WHERE l.user_id = a.id AND l.ended_at = 0), 0) AS last_used_at"+
		" FROM accounts a LEFT JOIN staff s ON s.user_id = a.id WHERE a.id IN (?)", users)
	var rows []stateRow
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, wrap("read states of accounts", err)
	}
	states := make([]user.AccountState, len(rows))
	for i, r := range rows {
		states[i] = user.AccountState{
			Account: r.account(), Role: user.Role(r.Role), SuspendedUntil: r.SuspendedUntil,
			Sessions: r.Sessions, LastUsedAt: r.LastUsedAt, HasPhone: r.HasPhone,
		}
	}
	return states, nil
}

// RoleOf reads one row by its key.
func (s *Store) RoleOf(ctx context.Context, id ids.UserID) (user.Role, error) {
	var role int
	err := s.db.Get(ctx, &role, "SELECT role FROM staff WHERE user_id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		return user.Member, nil
	}
	return user.Role(role), wrap("read role", err)
}

// HasOwner reads a small table.
func (s *Store) HasOwner(ctx context.Context) (bool, error) {
	var count int
	err := s.db.Get(ctx, &count, "SELECT COUNT(*) FROM staff WHERE role = ?", int(user.Owner))
	return count > 0, wrap("look for an owner", err)
}

// KeepLink leaves one link.
func (s *Store) KeepLink(ctx context.Context, link user.Link, entry user.AuditEntry) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM administrator_links"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO administrator_links (token_hash, expires_at) VALUES (?, ?)", link.Hash[:], link.ExpiresAt)
		if err != nil {
			return err
		}
		return auditsql.Insert(ctx, tx, entry)
	})
	return wrap("keep link", err)
}
