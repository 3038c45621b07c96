// SPDX-License-Identifier: Apache-2.0

package bleveindex_test

import (
	"errors"
	"testing"

	"github.com/blevesearch/bleve/v2"

	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/bleveindex"
	"github.com/parley-chat/parley/services/internal/searchindex/searchindextest"
)

func TestIndex(t *testing.T) {
	t.Parallel()
	searchindextest.Run(t, func(t *testing.T) (searchindex.Kept, func()) {
		t.Helper()
		index, err := bleveindex.Open(t.TempDir() + "/index")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = index.Close() }) // of a folder that goes
		return index, func() {}
	})
}

func TestAnIndexIsThereAfterClosing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir() + "/index"
	for range 2 {
		index, err := bleveindex.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		if err := index.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := index.Put(t.Context(), []searchindex.Document{{ID: "1", Version: 1, Grams: []string{"a"}}}); err != nil {
			t.Fatal(err)
		}
		hits, err := index.Find(t.Context(), searchindex.Lookup{Grams: []string{"a"}, Limit: 9})
		if err != nil || len(hits) != 1 {
			t.Errorf("%v, %v", hits, err)
		}
		if err := index.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A folder that an earlier version made is not read; the index is empty, so that it is filled.
func TestAnIndexOfAnotherShapeIsMadeAnew(t *testing.T) {
	t.Parallel()
	folder := t.TempDir() + "/index"
	old, err := bleve.New(folder, bleve.NewIndexMapping())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(old.Index("1", map[string]any{"grams": "a"}), old.SetInternal([]byte("\x00whole"), []byte{1}), old.Close()); err != nil {
		t.Fatal(err)
	}
	index, err := bleveindex.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = index.Close() }) // of a folder that goes
	if whole, err := index.Ensure(t.Context()); whole || err != nil {
		t.Errorf("whole %t, %v", whole, err)
	}
	if err := errors.Join(index.Put(t.Context(), []searchindex.Document{{ID: "2", Version: 1, Grams: []string{"a"}}}), index.Publish(t.Context())); err != nil {
		t.Fatal(err)
	}
	if hits, err := index.Find(t.Context(), searchindex.Lookup{Grams: []string{"a"}, Limit: 9}); err != nil || len(hits) != 1 {
		t.Errorf("%v, %v", hits, err)
	}
}
