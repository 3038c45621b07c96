// SPDX-License-Identifier: Apache-2.0

package sqldb_test

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

//go:embed testdata/migrations/*.sql
var testdata embed.FS

type item struct {
	ID   ids.MessageID `db:"id"`
	Name []byte        `db:"name"`
	N    int64         `db:"n"`
}

// each runs a test on every database with the table items(id, name UNIQUE, n).
func each(t *testing.T, run func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	sqldbtest.Each(t, migrations(t), run)
}

func insert(t *testing.T, db *sqldb.DB, name string, n int64) ids.MessageID {
	t.Helper()
	id := ids.NewMessage()
	_, err := db.Exec(t.Context(), "INSERT INTO items (id, name, n) VALUES (?, ?, ?)", id, []byte(name), n)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func names(t *testing.T, db *sqldb.DB) []string {
	t.Helper()
	var list []string
	if err := db.Select(t.Context(), &list, "SELECT name FROM items ORDER BY name"); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestARowComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		for _, name := range []string{"plain", "123", "trailing ", "Ünïcode 你好 🙂", "a'b\"c\\d?", "nul\x00byte", "\xff\xfe"} {
			want := item{ID: insert(t, db, name, -7), Name: []byte(name), N: -7}
			var got item
			if err := db.Get(t.Context(), &got, "SELECT id, name, n FROM items WHERE id = ?", want.ID); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q: %s", name, diff)
			}
		}
	})
}

func TestKeysDifferByCaseAndTrailingSpace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		for _, name := range []string{"Anna", "anna", "anna ", "änna"} {
			insert(t, db, name, 1)
		}
		_, err := db.Exec(t.Context(), "INSERT INTO items (id, name, n) VALUES (?, ?, ?)", ids.NewMessage(), []byte("anna"), 2)
		if !dialect.IsDuplicate(err) {
			t.Errorf("got %v, want a duplicate", err)
		}
		if _, isFault := fault.Of(err); isFault {
			t.Errorf("a duplicate must not be a fault: %v", err)
		}
	})
}

func TestNoRowIsErrNoRows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		var got item
		err := db.Get(t.Context(), &got, "SELECT id, name, n FROM items WHERE id = ?", ids.NewMessage())
		if !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("got %v", err)
		}
		err = db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			return tx.Get(ctx, &got, "SELECT id, name, n FROM items WHERE id = ?", ids.NewMessage())
		})
		if !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("in a transaction: got %v", err)
		}
	})
}

func TestTransactionsAreAllOrNothing(t *testing.T) {
	t.Parallel()
	refused := fault.New(fault.Denied, "REFUSED_IN_TEST", "refused")
	each(t, func(t *testing.T, db *sqldb.DB) {
		write := func(name string, end error) error {
			return db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO items (id, name, n) VALUES (?, ?, 0)", ids.NewMessage(), []byte(name))
				return errors.Join(err, end)
			})
		}
		if err := write("kept", nil); err != nil {
			t.Fatal(err)
		}
		if err := write("rolled back", refused); !errors.Is(err, refused) {
			t.Errorf("got %v, want the function's own error", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				_, _ = tx.Exec(ctx, "INSERT INTO items (id, name, n) VALUES (?, ?, 0)", ids.NewMessage(), []byte("panicked"))
				panic("a broken program")
			})
		}()
		if diff := cmp.Diff([]string{"kept"}, names(t, db)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestConcurrentTransactionsLoseNoUpdate(t *testing.T) {
	t.Parallel()
	const writers, rounds = 8, 10
	each(t, func(t *testing.T, db *sqldb.DB) {
		id := insert(t, db, "counter", 0)
		increment := func(ctx context.Context, tx *sqldb.Tx) error {
			var n int64
			if err := tx.Get(ctx, &n, "SELECT n FROM items WHERE id = ?"+tx.Dialect().ForUpdate(), id); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "UPDATE items SET n = ? WHERE id = ?", n+1, id)
			return err
		}
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range rounds {
					if err := db.InTx(t.Context(), increment); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var got int64
		if err := db.Get(t.Context(), &got, "SELECT n FROM items WHERE id = ?", id); err != nil || got != writers*rounds {
			t.Errorf("got %d, %v", got, err)
		}
	})
}

func TestADeadlockRunsTheTransactionAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		a, b := insert(t, db, "a", 0), insert(t, db, "b", 0)
		var first sync.WaitGroup
		first.Add(2)
		both := func(one, two ids.MessageID) error {
			runs := 0
			return db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				runs++
				if _, err := tx.Exec(ctx, "UPDATE items SET n = n + 1 WHERE id = ?", one); err != nil {
					return err
				}
				if runs == 1 {
					first.Done()
					if tx.Dialect() == dialect.MySQL { // SQLite has one writer: nobody could arrive
						first.Wait()
					}
				}
				_, err := tx.Exec(ctx, "UPDATE items SET n = n + 1 WHERE id = ?", two)
				return err
			})
		}
		var wg sync.WaitGroup
		for _, order := range [][2]ids.MessageID{{a, b}, {b, a}} {
			wg.Go(func() {
				if err := both(order[0], order[1]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var sum int64
		if err := db.Get(t.Context(), &sum, "SELECT SUM(n) FROM items"); err != nil || sum != 4 {
			t.Errorf("got %d, %v, want 4", sum, err)
		}
	})
}

func TestTheCallersOwnEndIsNoOutage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
			cancel()
			_, err := tx.Exec(ctx, "UPDATE items SET n = 1")
			return err
		})
		if !errors.Is(err, context.Canceled) || errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("transaction: got %v", err)
		}
		var n int
		if err := db.Get(ctx, &n, "SELECT COUNT(*) FROM items"); !errors.Is(err, context.Canceled) || errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("read: got %v", err)
		}
	})
}

func TestAClosedDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := db.Ping(t.Context()); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAServerThatIsDownIsUnavailable(t *testing.T) {
	t.Parallel()
	dsns := map[string]string{
		"nobody listens":            "mysql://root@127.0.0.1:1/nowhere",
		"the form of the driver":    "root:secret@tcp(127.0.0.1:1)/nowhere",
		"the folder does not exist": "sqlite:" + t.TempDir() + "/missing/file.db",
	}
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := sqldbtest.Open(t, dsn, nil)
			var n int
			err := db.Get(t.Context(), &n, "SELECT 1")
			if !errors.Is(err, fault.ErrUnavailable) {
				t.Errorf("read: got %v", err)
			}
			err = db.InTx(t.Context(), func(context.Context, *sqldb.Tx) error { return nil })
			if !errors.Is(err, fault.ErrUnavailable) {
				t.Errorf("write: got %v", err)
			}
			if err := db.Migrate(t.Context(), migrations(t)); !errors.Is(err, fault.ErrUnavailable) {
				t.Errorf("migrate: got %v", err)
			}
		})
	}
}

func TestAWrongDSNIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"", "postgres://u:hunter2@h/db", "sqlite:relative.db", "mysql://", "mysql://u:hunter2@h:x/%zz", "u:hunter2@nowhere"} {
		_, err := sqldb.Open(sqldb.Config{DSN: secret.New(dsn)})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v", dsn, err)
		}
	}
}

func TestAFullOrReadOnlyDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), migrations(t))
	err := db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		var pages int
		if err := tx.Get(ctx, &pages, "PRAGMA max_page_count = 1"); err != nil { // no more than there are now
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO items (id, name, n) VALUES (?, ?, 0)", ids.NewMessage(), make([]byte, 1<<20))
		return err
	})
	if !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("full: got %v", err)
	}
	var n int
	err = db.Get(t.Context(), &n, "INSERT INTO items (id, name, n) VALUES (x'01', x'01', 0) RETURNING n")
	if !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("write through a reader: got %v", err)
	}
}

func TestStatementsAreCounted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		counted := func(run func() error) uint64 {
			before := db.Statements()
			if err := run(); err != nil {
				t.Fatal(err)
			}
			return db.Statements() - before
		}
		var n int
		got := map[string]uint64{
			"read": counted(func() error { return db.Get(t.Context(), &n, "SELECT COUNT(*) FROM items") }),
			"exec": counted(func() error { _, err := db.Exec(t.Context(), "UPDATE items SET n = 1"); return err }),
			"transaction": counted(func() error {
				return db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
					_, err := tx.Exec(ctx, "UPDATE items SET n = 1")
					return err
				})
			}),
		}
		if diff := cmp.Diff(map[string]uint64{"read": 1, "exec": 1, "transaction": 3}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnUpdateThatChangesNothingStillFindsItsRow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		id := insert(t, db, "same", 5)
		result, err := db.Exec(t.Context(), "UPDATE items SET n = 5 WHERE id = ?", id)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := result.RowsAffected(); n != 1 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	})
}
