// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/sqlstore"
	"github.com/parley-chat/parley/services/user/usertest"
)

// auditRow is an entry as it is stored.
type auditRow struct {
	At     int64      `db:"created_at"`
	Actor  ids.UserID `db:"actor_id"`
	Action string     `db:"action"`
	Target ids.UserID `db:"target_id"`
	Reason string     `db:"reason"`
}

func TestAnAuditEntryIsWrittenWithItsChangeOrNotAtAll(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		store := sqlstore.New(db, encode)
		account := user.Account{ID: ids.NewUser(), Username: "ann", Nickname: "Ann", CreatedAt: 1}
		err := store.Create(t.Context(), user.NewAccount{
			Credentials: user.Credentials{Account: account}, NicknameKey: []byte("ann"),
		}, user.LoginSession{ID: ids.NewLoginSession(), UserID: account.ID, Device: usertest.NewDevice()})
		if err != nil {
			t.Fatal(err)
		}
		entry := user.AuditEntry{ID: ids.NewAuditEntry(), At: 77, Actor: account.ID, Action: "tested", Target: account.ID, Reason: "因为 "}
		write := func(description string) error {
			return store.Rewrite(t.Context(), account.ID, func(r user.Record, _ []user.LoginSession) (*user.Rewriting, error) {
				r.Account.Description = description
				return &user.Rewriting{Record: r, At: 77, Audit: &entry}, nil
			})
		}
		if err := write("first"); err != nil {
			t.Fatal(err)
		}
		// The same entry again cannot be stored, so the change must not be either.
		if err := write("second"); err == nil {
			t.Error("a change whose entry cannot be written succeeded")
		}
		if got, err := store.Record(t.Context(), account.ID); err != nil || got.Account.Description != "first" {
			t.Errorf("description %q, %v; want the one before the failed change", got.Account.Description, err)
		}
		var rows []auditRow
		if err := db.Select(t.Context(), &rows, "SELECT created_at, actor_id, action, target_id, reason FROM audit_entries"); err != nil {
			t.Fatal(err)
		}
		want := []auditRow{{At: 77, Actor: account.ID, Action: "tested", Target: account.ID, Reason: "因为 "}}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("audit log (-want +got):\n%s", diff)
		}
	})
}

// No call can change the audit log, because no statement does.
func TestNoStatementChangesTheAuditLog(t *testing.T) {
	t.Parallel()
	changes := regexp.MustCompile(`(?i)(UPDATE|DELETE\s+FROM|DROP\s+TABLE|REPLACE\s+INTO|Upsert\()\s*"?audit_entries`)
	inserts := 0
	for _, folder := range []string{".", "../../internal/audit/auditsql", "../../message/sqlstore"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", folder, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if found := changes.Find(text); found != nil && name != "audit_test.go" {
				t.Errorf("%s: %s", name, found)
			}
			if !strings.HasSuffix(name, "_test.go") {
				inserts += strings.Count(string(text), "INSERT INTO audit_entries")
			}
		}
	}
	if inserts != 1 {
		t.Errorf("%d statements insert, want 1", inserts)
	}
}
