// SPDX-License-Identifier: Apache-2.0

package sqldb_test

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

func migrations(t *testing.T) fs.FS {
	t.Helper()
	sub, err := fs.Sub(testdata, "testdata")
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func TestMigratingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		insert(t, db, "kept", 1)
		if err := db.Migrate(t.Context(), migrations(t)); err != nil {
			t.Fatal(err)
		}
		if got := names(t, db); len(got) != 1 {
			t.Errorf("got %v", got)
		}
	})
}

func TestF45_MigrationsThatStartAtOnceTakeTurns(t *testing.T) {
	t.Parallel()
	dsn := sqldbtest.CreateSchema(t, "turns")
	var wg sync.WaitGroup
	for range 4 {
		db := sqldbtest.Open(t, dsn, nil)
		wg.Go(func() {
			if err := db.Migrate(t.Context(), migrations(t)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestF45_AMigrationThatWasKilledBeforeItsVersionWasStoredGoesOn(t *testing.T) {
	t.Parallel()
	// SQLite changes the schema and stores the version in one transaction.
	db := sqldbtest.Open(t, sqldbtest.CreateSchema(t, "killed"), migrations(t))
	if _, err := db.Exec(t.Context(), "DELETE FROM goose_db_version WHERE version_id > 0"); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context(), migrations(t)); err != nil {
		t.Error(err)
	}
	var version int64
	if err := db.Get(t.Context(), &version, "SELECT MAX(version_id) FROM goose_db_version"); err != nil || version != 2 {
		t.Errorf("got version %d, %v", version, err)
	}
}

func TestAWrongMigrationIsAnError(t *testing.T) {
	t.Parallel()
	wrong := fstest.MapFS{"00001_expand_break.sql": {Data: []byte("-- +goose Up\nCREATE TABEL x (n BIGINT);\n")}}
	sqldbtest.Each(t, nil, func(t *testing.T, db *sqldb.DB) {
		if err := db.Migrate(t.Context(), wrong); err == nil {
			t.Error("got no error")
		}
	})
}

func TestExclusiveLetsOneIn(t *testing.T) {
	t.Parallel()
	dsn := sqldbtest.CreateSchema(t, "exclusive")
	one, other := sqldbtest.Open(t, dsn, nil), sqldbtest.Open(t, dsn, nil)
	stranger := sqldbtest.Open(t, sqldbtest.CreateSchema(t, "exclusive"), nil)
	nothing := func(context.Context) error { return nil }
	enter := func(ctx context.Context, db *sqldb.DB, name string) bool {
		ran, err := db.Exclusive(ctx, name, nothing)
		if err != nil {
			t.Error(err)
		}
		return ran
	}
	ran, err := one.Exclusive(t.Context(), "sweep", func(ctx context.Context) error {
		if enter(ctx, other, "sweep") {
			t.Error("two were inside at once")
		}
		if !enter(ctx, other, "another name") {
			t.Error("another name was locked")
		}
		if !enter(ctx, stranger, "sweep") {
			t.Error("another schema was locked")
		}
		return nil
	})
	if !ran || err != nil {
		t.Fatalf("got %v, %v", ran, err)
	}
	if !enter(t.Context(), other, "sweep") {
		t.Error("the lock was not released")
	}
}

func TestExclusivePassesTheErrorOfItsFunction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		want := errors.New("from the function")
		var runs atomic.Int32
		ran, err := db.Exclusive(t.Context(), "x", func(context.Context) error { runs.Add(1); return want })
		if !ran || !errors.Is(err, want) || runs.Load() != 1 {
			t.Errorf("got %v, %v, %d runs on %v", ran, err, runs.Load(), dialect.MySQL)
		}
	})
}
