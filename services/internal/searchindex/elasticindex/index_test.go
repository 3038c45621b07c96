// SPDX-License-Identifier: Apache-2.0

package elasticindex_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/elasticindex"
	"github.com/parley-chat/parley/services/internal/searchindex/searchindextest"
)

// server is the address of a real Elasticsearch.
func server(t *testing.T) string {
	t.Helper()
	url := os.Getenv("PARLEY_TEST_ELASTICSEARCH_URL")
	if url != "" {
		return url
	}
	text := "needs an Elasticsearch: run `make test`, or set PARLEY_TEST_ELASTICSEARCH_URL"
	if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}

var opened atomic.Int64

// call makes a plain call, for what the tests do to the server.
func call(t *testing.T, method, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, url, answer.Status)
	}
}

// remove an index after a test, whose context is over.
func remove(url string) {
	req, _ := http.NewRequest(http.MethodDelete, url, nil)
	if answer, err := http.DefaultClient.Do(req); err == nil {
		_ = answer.Body.Close()
	}
}

func open(t *testing.T) (*elasticindex.Index, string) {
	t.Helper()
	url, name := server(t), fmt.Sprintf("test-%d-%d", os.Getpid(), opened.Add(1))
	index, err := elasticindex.New(elasticindex.Options{URL: url, Name: name, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if whole, err := index.Ensure(t.Context()); err != nil || whole {
		t.Fatalf("%t, %v", whole, err)
	}
	t.Cleanup(func() { remove(url + "/" + name + "-000001") })
	return index, url + "/" + name
}

func TestIndex(t *testing.T) {
	t.Parallel()
	server(t)
	searchindextest.Run(t, func(t *testing.T) (searchindex.Kept, func()) {
		t.Helper()
		index, url := open(t)
		return index, func() { call(t, http.MethodPost, url+"-write/_refresh", "") }
	})
}

// one document that anybody may find.
func one(id string) []searchindex.Document {
	return []searchindex.Document{{ID: id, Version: 1, Group: "g", Grams: []string{"a"}}}
}

func TestALostIndexIsMadeAgain(t *testing.T) {
	t.Parallel()
	index, url := open(t)
	if err := errors.Join(index.Publish(t.Context()), index.Put(t.Context(), one("1"))); err != nil {
		t.Fatal(err)
	}
	call(t, http.MethodDelete, url+"-000001", "")
	if err := index.Put(t.Context(), one("2")); !errors.Is(err, searchindex.ErrUnavailable) {
		t.Errorf("a write without an index: %v", err)
	}
	if _, err := index.Find(t.Context(), searchindex.Lookup{Limit: 1}); !errors.Is(err, searchindex.ErrUnavailable) {
		t.Errorf("a search without an index: %v", err)
	}
	if whole, err := index.Ensure(t.Context()); whole || err != nil {
		t.Errorf("whole %t, %v", whole, err)
	}
	if err := errors.Join(index.Put(t.Context(), one("3")), index.Publish(t.Context())); err != nil {
		t.Error(err)
	}
	call(t, http.MethodPost, url+"/_refresh", "")
	if hits, err := index.Find(t.Context(), searchindex.Lookup{Limit: 9}); err != nil || len(hits) != 1 || hits[0].ID != "3" {
		t.Errorf("%v, %v", hits, err)
	}
}

// A disk that is full makes an index read-only: writes wait, searches go on.
func TestAReadOnlyIndexIsTriedAgain(t *testing.T) {
	t.Parallel()
	index, url := open(t)
	if err := errors.Join(index.Put(t.Context(), one("1")), index.Publish(t.Context())); err != nil {
		t.Fatal(err)
	}
	const block = `{"index.blocks.read_only_allow_delete": %s}`
	call(t, http.MethodPut, url+"-000001/_settings", fmt.Sprintf(block, "true"))
	if err := index.Put(t.Context(), one("2")); !errors.Is(err, searchindex.ErrUnavailable) {
		t.Errorf("a write: %v", err)
	}
	call(t, http.MethodPost, url+"/_refresh", "")
	if hits, err := index.Find(t.Context(), searchindex.Lookup{Limit: 9}); err != nil || len(hits) != 1 {
		t.Errorf("a search: %v, %v", hits, err)
	}
	call(t, http.MethodPut, url+"-000001/_settings", fmt.Sprintf(block, "null"))
	if err := index.Put(t.Context(), one("2")); err != nil {
		t.Errorf("a write after it: %v", err)
	}
}

// An index that another program made under our name is left alone.
func TestAForeignIndexIsLeftAlone(t *testing.T) {
	t.Parallel()
	url, name := server(t), fmt.Sprintf("foreign-%d-%d", os.Getpid(), opened.Add(1))
	call(t, http.MethodPut, url+"/"+name+"-theirs", `{"aliases": {"`+name+`-write": {}}}`)
	t.Cleanup(func() { remove(url + "/" + name + "-theirs") })
	index, err := elasticindex.New(elasticindex.Options{URL: url, Name: name, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := index.Ensure(t.Context()); !errors.Is(err, searchindex.ErrUnfit) {
		t.Errorf("%v", err)
	}
	if whole, err := index.Check(t.Context()); whole || err != nil {
		t.Errorf("who only looks sees %t, %v", whole, err)
	}
	if _, err := index.Rebuild(t.Context()); !errors.Is(err, searchindex.ErrUnfit) {
		t.Errorf("a rebuild: %v", err)
	}
}

// A document that the server will never take does not hold up the others.
func TestWhatTheServerRefusesIsNamed(t *testing.T) {
	t.Parallel()
	index, url := open(t)
	long := searchindex.Document{ID: "long", Version: 1, Group: "g", Author: strings.Repeat("x", 40_000), Grams: []string{"a"}}
	err := index.Put(t.Context(), append(one("1"), long))
	partial, ok := errors.AsType[*searchindex.PutError](err)
	if !ok || len(partial.Retry) > 0 || partial.Refused["long"] == nil || len(partial.Refused) != 1 {
		t.Fatalf("%+v", err)
	}
	if errors.Is(err, searchindex.ErrUnavailable) {
		t.Error("it asks to be tried again")
	}
	if err := index.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	call(t, http.MethodPost, url+"/_refresh", "")
	if hits, err := index.Find(t.Context(), searchindex.Lookup{Limit: 9}); err != nil || len(hits) != 1 {
		t.Errorf("%v, %v", hits, err)
	}
}

// What answers at the address but is no Elasticsearch is not written to.
func TestAnotherProductDoesNotFit(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			_, _ = io.WriteString(w, `{"version": {"number": "2.19.0", "distribution": "opensearch"}}`)
			return
		}
		t.Errorf("%s %s", r.Method, r.URL)
	}))
	t.Cleanup(other.Close)
	index, err := elasticindex.New(elasticindex.Options{URL: other.URL, Name: "x", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := index.Ensure(t.Context()); !errors.Is(err, searchindex.ErrUnfit) {
		t.Errorf("%v", err)
	}
}

func TestAServerThatIsAway(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	index, err := elasticindex.New(elasticindex.Options{URL: gone.URL, Name: "x", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	_, ensured := index.Ensure(t.Context())
	_, found := index.Find(t.Context(), searchindex.Lookup{Limit: 1})
	for what, err := range map[string]error{"ensure": ensured, "find": found, "put": index.Put(t.Context(), one("1")), "publish": index.Publish(t.Context())} {
		if !errors.Is(err, searchindex.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A rebuild fills a new generation while the old one serves and takes writes; what was written meanwhile is in
// both, and one that is given up is gone on with where it was.
func TestARebuildServesAllTheTime(t *testing.T) {
	t.Parallel()
	index, url := open(t)
	t.Cleanup(func() { remove(url + "-000002") })
	if err := errors.Join(index.Put(t.Context(), one("old")), index.Publish(t.Context())); err != nil {
		t.Fatal(err)
	}
	first, err := index.Rebuild(t.Context())
	if err != nil || first.Place != "" {
		t.Fatalf("%+v, %v", first, err)
	}
	if err := errors.Join(first.Put(t.Context(), one("old")), first.Mark(t.Context(), "half")); err != nil {
		t.Fatal(err)
	}
	if err := index.Put(t.Context(), one("meanwhile")); err != nil {
		t.Fatal(err)
	}
	again, err := index.Rebuild(t.Context())
	if err != nil || again.Place != "half" {
		t.Fatalf("%+v, %v", again, err)
	}
	call(t, http.MethodPost, url+"/_refresh", "")
	found := func() (ids []string) {
		hits, err := index.Find(t.Context(), searchindex.Lookup{Limit: 9})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			ids = append(ids, h.ID)
		}
		return ids
	}
	want := []string{"old", "meanwhile"}
	if got := found(); !slices.Equal(got, want) {
		t.Errorf("before: %v", got)
	}
	if err := again.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := found(); !slices.Equal(got, want) {
		t.Errorf("after: %v", got)
	}
	if whole, err := index.Ensure(t.Context()); !whole || err != nil {
		t.Errorf("whole %t, %v", whole, err)
	}
	if err := index.Put(t.Context(), one("later")); err != nil {
		t.Errorf("a write after it: %v", err)
	}
	call(t, http.MethodPost, url+"/_refresh", "")
	if got := found(); len(got) != 3 {
		t.Errorf("later: %v", got)
	}
}

// An index of another version's fields serves nobody, and a rebuild is what helps; one that the other version had
// begun to fill is given up. What another program made is never removed.
func TestARebuildReplacesTheIndexOfAnotherVersion(t *testing.T) {
	t.Parallel()
	index, url := open(t)
	t.Cleanup(func() { remove(url + "-000002") })
	begun, err := index.Rebuild(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := begun.Mark(t.Context(), "half"); err != nil {
		t.Fatal(err)
	}
	const other = `{"_meta": {"parley": {"shape": 99, "place": "half"}}}`
	call(t, http.MethodPut, url+"-000001/_mapping", other)
	call(t, http.MethodPut, url+"-000002/_mapping", other)
	if _, err := index.Ensure(t.Context()); !errors.Is(err, searchindex.ErrUnfit) {
		t.Errorf("an index of other fields: %v", err)
	}
	again, err := index.Rebuild(t.Context())
	if err != nil || again.Place != "" {
		t.Fatalf("%+v, %v", again, err)
	}
	if err := errors.Join(again.Put(t.Context(), one("1")), again.Finish(t.Context())); err != nil {
		t.Fatal(err)
	}
	if whole, err := index.Ensure(t.Context()); !whole || err != nil {
		t.Errorf("whole %t, %v", whole, err)
	}
}
