// SPDX-License-Identifier: Apache-2.0

package sqldb_test

import (
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

func TestTheNewestMigrationIsTheHighestNumber(t *testing.T) {
	t.Parallel()
	file := &fstest.MapFile{}
	for name, row := range map[string]struct {
		files fstest.MapFS
		want  int64
		ok    bool
	}{
		"none":                   {fstest.MapFS{}, 0, true},
		"in the root":            {fstest.MapFS{"00001_a.sql": file, "00010_b.sql": file, "00009_c.sql": file}, 10, true},
		"in a folder":            {fstest.MapFS{"migrations/00007_a.sql": file}, 7, true},
		"other files are not":    {fstest.MapFS{"00001_a.sql": file, "README.md": file}, 1, true},
		"one without its number": {fstest.MapFS{"first.sql": file}, 0, false},
	} {
		got, err := sqldb.NewestMigration(row.files)
		if got != row.want || (err == nil) != row.ok {
			t.Errorf("%s: got %d, %v", name, got, err)
		}
	}
}

func TestTheVersionOfASchema(t *testing.T) {
	t.Parallel()
	db, err := sqldb.Open(sqldb.Config{DSN: secret.New("sqlite:" + filepath.Join(t.TempDir(), "v.db"))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if got, err := db.SchemaVersion(t.Context()); err != nil || got != 0 {
		t.Fatalf("a new schema has %d, %v", got, err)
	}
	migrations := fstest.MapFS{
		"00001_expand_create_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a (x BIGINT);\n")},
		"00002_expand_create_b.sql": {Data: []byte("-- +goose Up\nCREATE TABLE b (x BIGINT);\n")},
	}
	if err := db.Migrate(t.Context(), migrations); err != nil {
		t.Fatal(err)
	}
	if got, err := db.SchemaVersion(t.Context()); err != nil || got != 2 {
		t.Fatalf("a migrated schema has %d, %v", got, err)
	}
}
