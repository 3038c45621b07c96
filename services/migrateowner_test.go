// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

const (
	first  = "11111111-1111-1111-1111-111111111111"
	second = "22222222-2222-2222-2222-222222222222"
)

func TestWhoMayTakeSchemas(t *testing.T) {
	t.Parallel()
	alive := sqldb.Owner{ClusterUID: first, Age: ownerAlive - time.Second}
	for name, row := range map[string]struct {
		claim claim
		owner sqldb.Owner
		want  bool
	}{
		"nobody owns them":             {claim{uid: second}, sqldb.Owner{}, true},
		"the owner itself":             {claim{uid: first}, alive, true},
		"another cluster":              {claim{uid: second}, alive, false},
		"another cluster, none alive":  {claim{uid: second}, sqldb.Owner{ClusterUID: first, Age: ownerAlive}, true},
		"one that names the owner":     {claim{uid: second, adopt: first}, alive, true},
		"one that names somebody else": {claim{uid: second, adopt: second}, alive, false},
		"one that takes any":           {claim{uid: second, adopt: adoptAny}, alive, true},
		"a person":                     {claim{}, alive, true},
	} {
		if got := row.claim.may(row.owner); got != row.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

// withUID is environ for the Job of a ChatCluster.
func withUID(environ map[string]string, uid, adopt string) map[string]string {
	environ = maps.Clone(environ)
	environ[component.EnvClusterUID], environ[component.EnvAdoptDatabase] = uid, adopt
	return environ
}

func TestMigrateRefusesTheSchemasOfAnotherCluster(t *testing.T) {
	t.Parallel()
	environ, dsn := bound(t, "")
	prefix := newPrefix(t, dsn)
	run := func(uid, adopt string) (component.MigrationResult, int) {
		return resultOf(t, withUID(environ, uid, adopt), "--create", "--prefix", prefix)
	}
	if _, code := run(first, ""); code != 0 {
		t.Fatalf("the first owner: exit status %d", code)
	}
	if result, code := run(second, ""); code != component.ExitOwned || result.Reason != "OwnedByAnother" {
		t.Errorf("another cluster: %d, %+v", code, result)
	}
	if _, code := run(second, first); code != 0 {
		t.Errorf("one that names the owner: exit status %d", code)
	}
	if _, code := run(first, ""); code != component.ExitOwned {
		t.Errorf("the first one again: exit status %d", code)
	}
	admin := sqldbtest.Open(t, dsn, nil)
	for _, d := range databases() {
		if _, err := admin.Exec(t.Context(), "UPDATE "+prefix+"_"+string(d.name)+".parley_owner SET heartbeat = heartbeat - 300"); err != nil {
			t.Fatal(err)
		}
	}
	if _, code := run(first, ""); code != 0 {
		t.Errorf("after five minutes without a sign of life: exit status %d", code)
	}
}

func TestMigrateWaitsForAnotherRunAndTellsOfIt(t *testing.T) {
	t.Parallel()
	environ, dsn := bound(t, "")
	prefix := newPrefix(t, dsn)
	if _, code := resultOf(t, environ, "--create", "--prefix", prefix); code != 0 {
		t.Fatal("migrate")
	}
	other := sqldbtest.Open(t, dsn+prefix+"_user", nil)
	held := func(ctx context.Context) error {
		result, code := resultOf(t, environ, "--prefix", prefix, "--wait", "100ms")
		if code != 1 || result.Reason != "LockHeld" {
			t.Errorf("%d, %+v", code, result)
		}
		return ctx.Err()
	}
	if err := other.ExclusiveWithin(t.Context(), "migration", limit, held); err != nil {
		t.Fatal(err)
	}
}

func TestMigrateTellsAHalfDoneChange(t *testing.T) {
	t.Parallel()
	environ, dsn := bound(t, "")
	prefix := newPrefix(t, dsn)
	run := func() (component.MigrationResult, int) { return resultOf(t, environ, "--create", "--prefix", prefix) }
	if _, code := run(); code != 0 {
		t.Fatal("migrate")
	}
	// Tables of another form are in the way, so the server refuses a change.
	db := sqldbtest.Open(t, dsn+prefix+"_user", nil)
	if _, err := db.Exec(t.Context(), "DELETE FROM goose_db_version WHERE version_id > 0"); err != nil {
		t.Fatal(err)
	}
	var tables []string
	if err := db.Select(t.Context(), &tables, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND"+
		" table_name NOT IN ('goose_db_version', 'parley_owner')"); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if _, err := db.Exec(t.Context(), "DROP TABLE "+table); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(t.Context(), "CREATE TABLE "+table+" (other INT)"); err != nil {
			t.Fatal(err)
		}
	}
	if result, code := run(); code != 1 || result.Reason != "Failed" {
		t.Fatalf("the first run that is refused: %d, %+v", code, result)
	}
	if result, code := run(); code != component.ExitDirty || result.Reason != "Dirty" {
		t.Fatalf("the next one: %d, %+v", code, result)
	}
}

func TestMigrateFinishesWhatAKilledRunBegan(t *testing.T) {
	t.Parallel()
	environ, dsn := bound(t, "")
	prefix := newPrefix(t, dsn)
	run := func() int { _, code := resultOf(t, environ, "--create", "--prefix", prefix); return code }
	if code := run(); code != 0 {
		t.Fatal("migrate")
	}
	db := sqldbtest.Open(t, dsn+prefix+"_user", nil)
	if err := db.MarkChange(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), "DELETE FROM goose_db_version WHERE version_id > 1"); err != nil {
		t.Fatal(err)
	}
	if code := run(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if owner, err := db.Owner(t.Context()); err != nil || owner.Changing != 0 {
		t.Errorf("got %+v, %v", owner, err)
	}
}
