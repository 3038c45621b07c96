// SPDX-License-Identifier: Apache-2.0

package elasticindex_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

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

func open(t *testing.T) (*elasticindex.Index, string) {
	t.Helper()
	url, name := server(t), fmt.Sprintf("test-%d-%d", os.Getpid(), opened.Add(1))
	index, err := elasticindex.New(elasticindex.Options{URL: url, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	if whole, err := index.Ensure(t.Context()); err != nil || whole {
		t.Fatalf("%t, %v", whole, err)
	}
	t.Cleanup(func() {
		req, _ := http.NewRequest(http.MethodDelete, url+"/"+name+"-000001", nil)
		if answer, err := http.DefaultClient.Do(req); err == nil {
			_ = answer.Body.Close()
		}
	})
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
