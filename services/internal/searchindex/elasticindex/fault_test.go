// SPDX-License-Identifier: Apache-2.0

package elasticindex_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/elasticindex"
)

// patience is more than a search may take and less than any other call may.
const patience = 5 * time.Second

// troubled stands before a real Elasticsearch: it holds answers to searches, and says of single documents of a
// bulk call that they failed.
type troubled struct {
	mu     sync.Mutex
	held   chan struct{}  // nil: searches go through
	status map[string]int // by document, what the next bulk call answers
	bulks  [][]string     // the documents of each bulk call
}

func (p *troubled) serve(t *testing.T, target string) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	through := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del("Accept-Encoding") // what is rewritten must not be compressed
		},
		ModifyResponse: p.rewrite,
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		held := p.held
		p.mu.Unlock()
		if held != nil && strings.HasSuffix(r.URL.Path, "/_search") {
			select {
			case <-held:
			case <-r.Context().Done():
			}
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// rewrite changes what became of documents in the answer to a bulk call.
func (p *troubled) rewrite(answer *http.Response) error {
	if !strings.HasSuffix(answer.Request.URL.Path, "/_bulk") {
		return nil
	}
	var bulk map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&bulk); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for _, item := range bulk["items"].([]any) {
		of := item.(map[string]any)["index"].(map[string]any)
		id := of["_id"].(string)
		ids = append(ids, id)
		if status, ok := p.status[id]; ok {
			bulk["errors"] = true
			of["status"], of["error"] = status, map[string]any{"type": "trouble", "reason": "of " + strconv.Itoa(status)}
		}
	}
	p.bulks, p.status = append(p.bulks, ids), nil
	text, err := json.Marshal(bulk)
	answer.Body = io.NopCloser(bytes.NewReader(text))
	answer.ContentLength = int64(len(text))
	answer.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return err
}

func openTroubled(t *testing.T) (*elasticindex.Index, *troubled, string) {
	t.Helper()
	real, name, p := server(t), "trouble-"+strconv.FormatInt(opened.Add(1), 10)+"-"+strconv.FormatInt(time.Now().UnixNano(), 36), &troubled{}
	index, err := elasticindex.New(elasticindex.Options{URL: p.serve(t, real), Name: name, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(real + "/" + name + "-000001") })
	if _, err := index.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := index.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	return index, p, real + "/" + name
}

// A server that does not answer is not waited for; once it answers, searches go on without further ado.
func TestF37_ASlowServerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	index, p, url := openTroubled(t)
	held := make(chan struct{})
	p.mu.Lock()
	p.held = held
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := index.Find(ctx, searchindex.Lookup{Limit: 1}); !errors.Is(err, searchindex.ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("a search: %v; the caller's own patience: %v", err, ctx.Err())
	}
	if err := index.Put(t.Context(), one("1")); err != nil {
		t.Errorf("a write meanwhile: %v", err)
	}
	p.mu.Lock()
	p.held = nil
	p.mu.Unlock()
	close(held)
	call(t, http.MethodPost, url+"/_refresh", "")
	if hits, err := index.Find(t.Context(), searchindex.Lookup{Limit: 1}); err != nil || len(hits) != 1 {
		t.Errorf("a search after it: %v, %v", hits, err)
	}
}

// Of a bulk of which a part fails, that part is named: to be tried again, never to be taken, or newer already.
func TestF37_APartOfABulkFails(t *testing.T) {
	t.Parallel()
	index, p, _ := openTroubled(t)
	p.mu.Lock()
	p.status = map[string]int{"busy": 429, "lost": 503, "poison": 400, "older": 409}
	p.mu.Unlock()
	var documents []searchindex.Document
	for _, id := range []string{"good", "busy", "lost", "poison", "older"} {
		documents = append(documents, one(id)...)
	}
	err := index.Put(t.Context(), documents)
	partial, ok := errors.AsType[*searchindex.PutError](err)
	if !ok || !slices.Equal(partial.Retry, []string{"busy", "lost"}) || len(partial.Refused) != 1 || partial.Refused["poison"] == nil {
		t.Fatalf("%+v", err)
	}
	if !errors.Is(err, searchindex.ErrUnavailable) {
		t.Error("it does not ask to be tried again")
	}
	if err := index.Put(t.Context(), documents[1:3]); err != nil {
		t.Errorf("the others again: %v", err)
	}
	older := one("good")
	older[0].Version = 0
	if err := index.Put(t.Context(), older); err != nil {
		t.Errorf("an older version is an error: %v", err)
	}
}

// What is not a fitting Elasticsearch is refused with its name and version, and not written to.
func TestServersThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ body, want string }{
		"too old":      {`{"version": {"number": "7.17.21"}}`, "7.17.21"},
		"too new":      {`{"version": {"number": "10.0.0"}}`, "10.0.0"},
		"OpenSearch 2": {`{"version": {"number": "2.19.0", "distribution": "opensearch"}}`, "opensearch 2.19.0"},
		"in disguise":  {`{"version": {"number": "8.0.0", "distribution": "opensearch"}}`, "opensearch 8.0.0"},
		"no version":   {`{"hello": "world"}`, "Elasticsearch 8 or 9"},
		"no JSON":      {`<html>`, "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Elastic-Product", "Elasticsearch") // or the client itself refuses
				if r.URL.Path != "/" {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				_, _ = io.WriteString(w, row.body)
			}))
			t.Cleanup(other.Close)
			index, err := elasticindex.New(elasticindex.Options{URL: other.URL, Name: "x", Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := index.Ensure(t.Context()); !errors.Is(err, searchindex.ErrUnfit) || !strings.Contains(fmt.Sprint(err), row.want) {
				t.Errorf("%v, want %q in it", err, row.want)
			}
		})
	}
}
