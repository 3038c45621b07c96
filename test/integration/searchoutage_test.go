// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/api/component"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/test/integration/people"
)

// slowElasticsearch stands before a real one and holds what it is asked while it is told to.
type slowElasticsearch struct {
	*httptest.Server
	held atomic.Pointer[chan struct{}]
}

func startSlowElasticsearch(t *testing.T) *slowElasticsearch {
	t.Helper()
	target := os.Getenv("PARLEY_TEST_ELASTICSEARCH_URL")
	if target == "" {
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal("Elasticsearch is required; run: make test-go")
		}
		t.Skip("needs an Elasticsearch; run: make test-go")
	}
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	s := &slowElasticsearch{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if held := s.held.Load(); held != nil {
			select {
			case <-*held:
			case <-r.Context().Done():
				return
			}
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// hold makes it slow until the function that it answers is called.
func (s *slowElasticsearch) hold() (release func()) {
	held := make(chan struct{})
	s.held.Store(&held)
	return func() {
		s.held.Store(nil)
		close(held)
	}
}

// While Elasticsearch does not answer, search says so in time and sends go on; then the index catches up by itself.
func TestF37_ASlowElasticsearch(t *testing.T) {
	slow := startSlowElasticsearch(t)
	o := startOutage(t, map[string]string{
		component.EnvElasticsearchURL: slow.URL, component.EnvElasticsearchIndexPrefix: "slow" + strconv.Itoa(os.Getpid()),
	})
	base := o.GatewayURL(0)
	a, b := people.Register(t, base, "anna"), people.Register(t, base, "bo")
	id := people.Befriend(t, a, b)
	a.Do(t, send, people.Text(id, "在上海开会 0"), &messagev1.SendResponse{})
	hits(t, b, "上海", 1)
	release := slow.hold()
	const meanwhile = 5
	for i := range meanwhile {
		if got := a.Try(t, send, people.Text(id, fmt.Sprint("在上海开会 ", i+1))); got.Status != http.StatusOK {
			t.Errorf("send meanwhile: %s: %s", got, got.Body)
		}
	}
	// The gateway itself would give up later, with another reason.
	if got := b.Try(t, search, &messagev1.SearchRequest{Query: "上海"}); got.Reason != "SEARCH_UNAVAILABLE" {
		t.Errorf("search meanwhile: %s: %s", got, got.Body)
	}
	release()
	hits(t, b, "上海", meanwhile+1)
}
