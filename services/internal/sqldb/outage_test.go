// SPDX-License-Identifier: Apache-2.0

package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
	"github.com/parley-chat/parley/test/integration/servers"
)

// patience bounds every wait, for a server on a busy machine.
const patience = 2 * time.Minute

func startMariaDB(t *testing.T, args ...string) *servers.MariaDB {
	t.Helper()
	sqldbtest.CreateSchema(t, "unused") // says whether servers are wanted
	m, err := servers.StartMariaDB(t.Context(), t.TempDir(), servers.MariaDBOptions{Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	return m
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// schema makes the table numbers(n), and an account without privileges on the server.
func schema(t *testing.T, m *servers.MariaDB) *sqldb.DB {
	t.Helper()
	root := sqldbtest.Open(t, m.DSN(), nil)
	for _, statement := range []string{
		"CREATE DATABASE outage", "CREATE USER app@'127.0.0.1' IDENTIFIED BY 'word'", "GRANT ALL ON outage.* TO app@'127.0.0.1'",
	} {
		if _, err := root.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	db := sqldbtest.Open(t, strings.Replace(m.DSN(), "root@", "app:word@", 1)+"outage", nil)
	migrations := fstest.MapFS{"00001_expand_add_numbers.sql": {
		Data: []byte("-- +goose Up\nCREATE TABLE IF NOT EXISTS numbers (n BIGINT NOT NULL PRIMARY KEY);\n"),
	}}
	if err := db.Migrate(t.Context(), migrations); err != nil {
		t.Fatal(err)
	}
	return db
}

func insertNumber(ctx context.Context, db *sqldb.DB, n int) error {
	return db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO numbers (n) VALUES (?)", n)
		return err
	})
}

func TestF19_WhatAKilledMySQLHadCommittedIsThere(t *testing.T) {
	t.Parallel()
	m := startMariaDB(t)
	db := schema(t, m)
	const writers = 4
	var (
		mu           sync.Mutex // guards acknowledged
		acknowledged []int
		writing      sync.WaitGroup
		started      sync.WaitGroup
	)
	started.Add(writers)
	stop := make(chan struct{})
	for w := range writers {
		writing.Go(func() {
			for n := w; ; n += writers {
				select {
				case <-stop:
					return
				default:
				}
				err := insertNumber(t.Context(), db, n)
				if err == nil {
					mu.Lock()
					acknowledged = append(acknowledged, n)
					mu.Unlock()
				} else if !errors.Is(err, fault.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
				if n/writers == 20 {
					started.Done()
				}
			}
		})
	}
	started.Wait()
	m.Kill()
	close(stop)
	writing.Wait()
	if err := insertNumber(t.Context(), db, -1); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("without a server: got %v", err)
	}
	if err := m.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	query, args := sqldb.In("SELECT COUNT(*) FROM numbers WHERE n IN (?)", acknowledged)
	var found int
	eventually(t, "the database answers", func() bool { return db.Get(t.Context(), &found, query, args...) == nil })
	if found != len(acknowledged) {
		t.Errorf("%d of %d acknowledged rows are there", found, len(acknowledged))
	}
	if err := insertNumber(t.Context(), db, -1); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

func TestF23_AReadOnlyServerIsUnavailable(t *testing.T) {
	t.Parallel()
	m := startMariaDB(t)
	db, root := schema(t, m), sqldbtest.Open(t, m.DSN(), nil)
	set := func(value int) {
		t.Helper()
		if _, err := root.Exec(t.Context(), fmt.Sprintf("SET GLOBAL read_only = %d", value)); err != nil {
			t.Fatal(err)
		}
	}
	set(1)
	if err := insertNumber(t.Context(), db, 1); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	set(0)
	if err := insertNumber(t.Context(), db, 1); err != nil {
		t.Errorf("writable again: %v", err)
	}
}

func TestF22_AServerWithoutConnectionsLeftIsUnavailable(t *testing.T) {
	t.Parallel()
	const connections = 10
	m := startMariaDB(t, fmt.Sprintf("--max-connections=%d", connections))
	db := schema(t, m)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var holders sync.WaitGroup
	release := make(chan struct{})
	app := strings.Replace(m.DSN(), "root@", "app:word@", 1) + "outage"
	crowd := sqldbtest.Open(t, app, nil)
	var held atomic.Int32
	hold := func(context.Context, *sqldb.Tx) error {
		held.Add(1)
		<-release
		return nil
	}
	for range connections {
		holders.Go(func() {
			// The server may still count a connection that was just closed, and refuse the first try.
			for crowd.InTx(t.Context(), hold) != nil && t.Context().Err() == nil {
				runtime.Gosched()
			}
		})
	}
	eventually(t, "every connection is held", func() bool { return held.Load() == connections })
	late := sqldbtest.Open(t, app, nil)
	if err := insertNumber(t.Context(), late, 1); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	close(release)
	holders.Wait()
	if err := crowd.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is a connection again", func() bool { return insertNumber(t.Context(), late, 1) == nil })
}

func TestF22_ALockThatIsHeldForLongIsUnavailable(t *testing.T) {
	t.Parallel()
	m := startMariaDB(t)
	db := schema(t, m)
	if err := insertNumber(t.Context(), db, 1); err != nil {
		t.Fatal(err)
	}
	lock := func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE numbers SET n = n WHERE n = 1")
		return err
	}
	err := db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}
		if err := db.InTx(t.Context(), lock); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("the second: got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
