// SPDX-License-Identifier: Apache-2.0

// Package sqldbtest gives tests a database of their own.
//
// SQLite is always there. MySQL is used where PARLEY_TEST_MYSQL_DSN names a server that may create
// schemas; else its subtest is skipped, or fails if PARLEY_TEST_REQUIRE_SERVERS is 1.
package sqldbtest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// The environment of tests.
const (
	DSNVariable     = "PARLEY_TEST_MYSQL_DSN"
	RequireVariable = "PARLEY_TEST_REQUIRE_SERVERS"
)

// cleanupTimeout bounds the DROP of a schema.
const cleanupTimeout = 10 * time.Second

// Each runs a parallel subtest on each database, migrated and empty.
func Each(t *testing.T, migrations fs.FS, run func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		run(t, Open(t, SQLiteDSN(t), migrations))
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		run(t, Open(t, CreateSchema(t, "test"), migrations))
	})
}

// Open takes a database into use until the end of the test; nil migrations leave it empty.
func Open(t testing.TB, dsn string, migrations fs.FS) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(sqldb.Config{DSN: secret.New(dsn)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	if migrations != nil {
		if err := db.Migrate(t.Context(), migrations); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// SQLiteDSN names a new file.
func SQLiteDSN(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// CreateSchema makes a new schema on the MySQL server of the environment and returns its DSN; it is
// dropped at the end of the test. Name is a part of the schema's name. Without a server the test is
// skipped, or fails.
func CreateSchema(t testing.TB, name string) string {
	t.Helper()
	server := serverDSN(t)
	admin := Open(t, server, nil)
	schema := fmt.Sprintf("parley_%s_%s", name, strings.ReplaceAll(uuid.NewString(), "-", "")[:12])
	if _, err := admin.Exec(t.Context(), "CREATE DATABASE "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), cleanupTimeout)
		defer cancel()
		if _, err := admin.Exec(ctx, "DROP DATABASE "+schema); err != nil {
			t.Logf("schema %s stays: %v", schema, err)
		}
	})
	return server + schema
}

func serverDSN(t testing.TB) string {
	t.Helper()
	if dsn := os.Getenv(DSNVariable); dsn != "" {
		return strings.TrimSuffix(dsn, "/") + "/"
	}
	const text = "needs MySQL or MariaDB in PARLEY_TEST_MYSQL_DSN: run `make test`, or `go run ./hack/withservers -- go test ./...`"
	if os.Getenv(RequireVariable) == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}
