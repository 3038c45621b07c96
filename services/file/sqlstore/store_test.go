// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"errors"
	"testing"

	"github.com/parley-chat/parley/services/file/filetest"
	"github.com/parley-chat/parley/services/file/sqlstore"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

func TestStorageOnSQLite(t *testing.T) {
	t.Parallel()
	filetest.TestStorage(t, func(t *testing.T) filetest.Storage {
		t.Helper()
		return sqlstore.New(sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sqlstore.Migrations))
	})
}

func TestStorageOnMySQL(t *testing.T) {
	t.Parallel()
	filetest.TestStorage(t, func(t *testing.T) filetest.Storage {
		t.Helper()
		return sqlstore.New(sqldbtest.Open(t, sqldbtest.CreateSchema(t, "file"), sqlstore.Migrations))
	})
}

func TestADatabaseThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	db, err := sqldb.Open(sqldb.Config{DSN: secret.New("mysql://nobody@127.0.0.1:1/file")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := sqlstore.New(db).Find(t.Context(), ids.NewFile()); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("find: %v, want UNAVAILABLE", err)
	}
}
