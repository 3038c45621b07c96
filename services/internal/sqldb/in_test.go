// SPDX-License-Identifier: Apache-2.0

package sqldb_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

func TestIn(t *testing.T) {
	t.Parallel()
	id := ids.NewMessage()
	tests := map[string]struct {
		query     string
		args      []any
		wantQuery string
		wantArgs  []any
	}{
		"a slice becomes a list":         {"a IN (?)", []any{[]int{1, 2, 3}}, "a IN (?, ?, ?)", []any{1, 2, 3}},
		"an empty slice matches nothing": {"a IN (?)", []any{[]int{}}, "a IN (NULL)", []any{}},
		"bytes are one value":            {"a = ?", []any{[]byte("xy")}, "a = ?", []any{[]byte("xy")}},
		"an id is one value":             {"a = ?", []any{id}, "a = ?", []any{id}},
		"values around a slice stay":     {"a = ? AND b IN (?) AND c = ?", []any{1, []string{"x", "y"}, nil}, "a = ? AND b IN (?, ?) AND c = ?", []any{1, "x", "y", nil}},
		"a list of byte strings":         {"a IN (?)", []any{[][]byte{{1}, {2}}}, "a IN (?, ?)", []any{[]byte{1}, []byte{2}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			query, args := sqldb.In(tt.query, tt.args...)
			if diff := cmp.Diff(tt.wantQuery, query); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.wantArgs, args); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInFindsRowsByID(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		wanted := []ids.MessageID{insert(t, db, "a", 1), insert(t, db, "b", 2)}
		insert(t, db, "c", 4)
		var sum int64
		query, args := sqldb.In("SELECT SUM(n) FROM items WHERE id IN (?)", wanted)
		if err := db.Get(t.Context(), &sum, query, args...); err != nil || sum != 3 {
			t.Errorf("got %d, %v", sum, err)
		}
		var n int64
		query, args = sqldb.In("SELECT COUNT(*) FROM items WHERE id IN (?)", []ids.MessageID(nil))
		if err := db.Get(t.Context(), &n, query, args...); err != nil || n != 0 {
			t.Errorf("got %d, %v", n, err)
		}
	})
}
