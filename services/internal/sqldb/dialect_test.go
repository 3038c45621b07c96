// SPDX-License-Identifier: Apache-2.0

package sqldb_test

import (
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

func TestUpsertRunsTheSameOnBothDatabases(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		insert(t, db, "there", 1)
		put := func(n int64, update ...string) {
			t.Helper()
			query := db.Dialect().Upsert("items", []string{"id", "name", "n"}, []string{"name"}, update, 2)
			_, err := db.Exec(t.Context(), query, ids.NewMessage(), []byte("there"), n, ids.NewMessage(), []byte("new"), n)
			if err != nil {
				t.Fatal(err)
			}
		}
		want := func(there, added int64) {
			t.Helper()
			var got []int64
			if err := db.Select(t.Context(), &got, "SELECT n FROM items ORDER BY name DESC"); err != nil {
				t.Fatal(err)
			}
			if len(got) != 2 || got[0] != there || got[1] != added {
				t.Errorf("got %v, want %d, %d", got, there, added)
			}
		}
		put(2)
		want(1, 2)
		put(3, "n")
		want(3, 3)
	})
}
