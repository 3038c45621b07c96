// SPDX-License-Identifier: Apache-2.0

package devtest

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	userserver "github.com/parley-chat/parley/services/user/server"
)

// Drain lets a gateway end as in a rollout: its sessions are asked to move to the others.
func (s *System) Drain(gateway int) {
	s.members = slices.DeleteFunc(s.members, func(m ring.Member) bool { return m.Seat == uint32(gateway) })
	s.ring.Set(s.members...)
	s.ends[gateway]()
}

// Forget makes a login session one that nobody used for a hundred days.
func (s *System) Forget(t testing.TB, loginSessionID string) {
	t.Helper()
	id, err := ids.ParseLoginSession("login_session_id", loginSessionID)
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-100 * 24 * time.Hour).UnixMilli()
	s.write(t, "UPDATE login_sessions SET created_at = ?, last_used_at = ? WHERE id = ?", long, long, id)
}

// ForgetUses makes all limits that are counted over the pods of the user service begin anew.
func (s *System) ForgetUses(t testing.TB) {
	t.Helper()
	s.write(t, "DELETE FROM uses")
}

// write changes the database of the user service behind its back.
func (s *System) write(t testing.TB, statement string, args ...any) {
	t.Helper()
	db, err := sqldb.Open(sqldb.Config{DSN: secret.New(s.dsn("user"))})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	result, err := db.Exec(t.Context(), statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s: %d rows, %v", statement, n, err)
	}
}

// AdministratorLink makes the token of a link for administrators, as the platform does.
func (s *System) AdministratorLink(t testing.TB) string {
	t.Helper()
	token, err := userserver.CreateLink(t.Context(), userserver.Config{MySQLDSN: secret.New(s.dsn("user"))})
	if err != nil {
		t.Fatal(err)
	}
	return token
}
