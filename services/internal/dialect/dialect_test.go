// SPDX-License-Identifier: Apache-2.0

package dialect_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/parley-chat/parley/services/internal/dialect"
)

func TestUpsert(t *testing.T) {
	t.Parallel()
	columns, key := []string{"id", "kind", "n"}, []string{"id", "kind"}
	tests := map[string]struct {
		dialect dialect.Dialect
		update  []string
		rows    int
		want    string
	}{
		"MySQL changes columns": {
			dialect.MySQL,
			[]string{"n"},
			2,
			"INSERT INTO t (id, kind, n) VALUES (?, ?, ?), (?, ?, ?) ON DUPLICATE KEY UPDATE n = VALUES(n)",
		},
		"MySQL keeps the row": {
			dialect.MySQL, nil, 1,
			"INSERT INTO t (id, kind, n) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE id = t.id",
		},
		"SQLite changes columns": {
			dialect.SQLite,
			[]string{"n"},
			2,
			"INSERT INTO t (id, kind, n) VALUES (?, ?, ?), (?, ?, ?) ON CONFLICT (id, kind) DO UPDATE SET n = excluded.n",
		},
		"SQLite keeps the row": {
			dialect.SQLite, nil, 1,
			"INSERT INTO t (id, kind, n) VALUES (?, ?, ?) ON CONFLICT (id, kind) DO NOTHING",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.dialect.Upsert("t", columns, key, tt.update, tt.rows); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestOnlyMySQLLocksRows(t *testing.T) {
	t.Parallel()
	if got := dialect.MySQL.ForUpdate(); got != " FOR UPDATE" {
		t.Errorf("MySQL: %q", got)
	}
	if got := dialect.SQLite.ForUpdate(); got != "" {
		t.Errorf("SQLite: %q", got)
	}
}

func TestErrorsOfMySQLAreTold(t *testing.T) {
	t.Parallel()
	type told struct{ duplicate, conflict, trouble, there bool }
	tests := map[string]struct {
		number uint16
		want   told
	}{
		"a duplicate key":       {1062, told{duplicate: true}},
		"a deadlock":            {1213, told{conflict: true}},
		"a lock wait timeout":   {1205, told{conflict: true}},
		"too many connections":  {1040, told{trouble: true}},
		"a full disk":           {1021, told{trouble: true}},
		"a read-only server":    {1290, told{trouble: true}},
		"a server that stops":   {1053, told{trouble: true}},
		"a table that is there": {1050, told{there: true}},
		"a syntax error":        {1064, told{}},
		"a missing table":       {1146, told{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := fmt.Errorf("wrapped: %w", &mysql.MySQLError{Number: tt.number, Message: "m"})
			got := told{dialect.IsDuplicate(err), dialect.IsLockConflict(err), dialect.IsServerTrouble(err), dialect.IsAlreadyThere(err)}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
	other := errors.New("other")
	if dialect.IsDuplicate(other) || dialect.IsLockConflict(other) || dialect.IsServerTrouble(other) || dialect.IsAlreadyThere(nil) {
		t.Error("an error of nobody was told as one of the database")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	if dialect.MySQL.String() != "mysql" || dialect.SQLite.String() != "sqlite" || dialect.Dialect(0).String() != "unknown" {
		t.Error("names changed")
	}
}
