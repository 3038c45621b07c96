// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/elasticindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messageindex"
	"github.com/parley-chat/parley/services/message/messagetest"
	"github.com/parley-chat/parley/services/message/server"
	"github.com/parley-chat/parley/services/message/sqlstore"
)

// reindexed is how many messages lie in the store; PARLEY_TEST_REINDEX_MESSAGES chooses another number.
const reindexed = 3000

// library is a store with an index that follows it.
type library struct {
	store *sqlstore.Store
	dsn   string
	index *elasticindex.Index
	cfg   indexserver.RebuildSettings
	url   string
	talks []ids.ConversationID
	users [2]ids.UserID
}

func openLibrary(t *testing.T) *library {
	t.Helper()
	url := os.Getenv("PARLEY_TEST_ELASTICSEARCH_URL")
	if url == "" {
		text := "needs an Elasticsearch: run `make test`, or set PARLEY_TEST_ELASTICSEARCH_URL"
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	prefix := "reindex-" + strconv.Itoa(os.Getpid())
	l := &library{dsn: "sqlite:" + filepath.Join(t.TempDir(), "message.db"), url: url + "/" + prefix + "-messages", users: [2]ids.UserID{ids.NewUser(), ids.NewUser()}}
	l.cfg = indexserver.RebuildSettings{MySQLDSN: secret.New(l.dsn), Search: indexserver.Settings{URL: secret.New(url), IndexPrefix: prefix}}
	db, err := sqldb.Open(sqldb.Config{DSN: l.cfg.MySQLDSN})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := sqlstore.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	l.store = sqlstore.New(db)
	if l.index, err = l.cfg.Search.Elastic(server.Indexed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for generation := range 4 {
			l.remove(context.WithoutCancel(t.Context()), generation)
		}
	})
	for range 5 {
		id, _, err := l.store.Relate(t.Context(), messagetest.NewRelation(messagetest.NewPair(t, ids.NewUser(), l.users[0]), 1, true))
		if err != nil {
			t.Fatal(err)
		}
		l.talks = append(l.talks, id)
	}
	return l
}

// remove a generation of the index.
func (l *library) remove(ctx context.Context, generation int) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, fmt.Sprintf("%s-%06d", l.url, generation), nil)
	if err != nil {
		return 0
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// say stores n messages and gives them to put.
func (l *library) say(ctx context.Context, n int, put func([]searchindex.Document) error) error {
	for said := 0; said < n; said += 100 {
		var batch []message.Pending
		for i := range min(100, n-said) {
			text := fmt.Sprintf("消息 %d 在上海开会", said+i)
			batch = append(batch, messagetest.NewPending(messagetest.NewDraft(l.users[0], l.talks[(said+i)%len(l.talks)], text)))
		}
		committed, err := l.store.Append(ctx, batch, 1_800_000_000_000+int64(said))
		if err != nil {
			return err
		}
		var documents []searchindex.Document
		for _, e := range committed.Events {
			if e.Kind == message.MessageCreated {
				documents = append(documents, e.Message.Document())
			}
		}
		if err := put(documents); err != nil {
			return err
		}
	}
	return nil
}

// offered are the ids of all documents of the index that readers see.
func (l *library) offered(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	lookup := searchindex.Lookup{Grams: []string{"上海"}, Limit: searchindex.MaxHits}
	for {
		hits, err := l.index.Find(t.Context(), lookup)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			found[h.ID] = true
		}
		if len(hits) < lookup.Limit {
			return found
		}
		lookup.After = &hits[len(hits)-1]
	}
}

// scanned are the ids of all messages of the store.
func (l *library) scanned(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for after := (message.Place{}); ; {
		list, err := l.store.Scan(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			all[message.PlaceID(m.Conversation, m.Seq)] = true
			after = message.Place{Conversation: m.Conversation, Seq: m.Seq}
		}
		if len(list) == 0 {
			return all
		}
	}
}

// heal keeps the index until it is whole.
func (l *library) heal(t *testing.T) {
	t.Helper()
	saw := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	var keeping sync.WaitGroup
	heard := make(chan struct{})
	close(heard)
	keeper := indexer.Keeper{Index: l.index, From: messageindex.Source{Store: l.store}, Logger: slog.New(slog.DiscardHandler), After: heard, Saw: func(err error) {
		select {
		case saw <- err:
		default:
		}
	}}
	keeping.Go(func() { _ = keeper.Run(ctx) })
	if err := <-saw; err != nil {
		t.Error(err)
	}
	stop()
	keeping.Wait()
}

// The index is deleted while people write and heals; then it is filled anew by the command while they go on.
// Both times it offers what a scan of the database finds.
func TestARebuiltIndexEqualsTheDatabase(t *testing.T) {
	n := reindexed
	if text := os.Getenv("PARLEY_TEST_REINDEX_MESSAGES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d messages", n)
	l := openLibrary(t)
	if err := l.say(t.Context(), n, func([]searchindex.Document) error { return nil }); err != nil {
		t.Fatal(err)
	}
	l.heal(t)
	equal := func(when string) {
		t.Helper()
		l.refresh(t)
		want, got := slices.Sorted(maps.Keys(l.scanned(t))), slices.Sorted(maps.Keys(l.offered(t)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: the store has %d messages, the index offers %d", when, len(want), len(got))
		}
	}
	equal("filled")
	var writing sync.WaitGroup
	follow := func(documents []searchindex.Document) error {
		_ = l.index.Put(t.Context(), documents) // an index that is away has it from the store, or once more
		return nil
	}
	writing.Go(func() {
		if err := l.say(t.Context(), n/10, follow); err != nil {
			t.Error(err)
		}
	})
	if got := l.remove(t.Context(), 1); got != http.StatusOK {
		t.Fatalf("delete the index: %d", got)
	}
	writing.Wait()
	l.heal(t)
	equal("healed")
	writing.Go(func() {
		if err := l.say(t.Context(), n/10, func(d []searchindex.Document) error { return l.index.Put(t.Context(), d) }); err != nil {
			t.Error(err)
		}
	})
	last := int64(0)
	l.cfg.OpsListen = freeAddress(t)
	err := indexserver.Rebuild(t.Context(), l.cfg, server.Collection(), "0.1.0", func(done, total int64) {
		last = done
		if got := progressAt(t, l.cfg.OpsListen); got.Done != done || got.Total != total {
			t.Errorf("/statusz tells %+v, want %d of %d", got, done, total)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	writing.Wait()
	if last < int64(n) {
		t.Errorf("told of %d messages of %d", last, n)
	}
	equal("filled anew")
	if got := l.remove(t.Context(), 1); got != http.StatusNotFound {
		t.Errorf("the old generation answers %d", got)
	}
}

// A rebuild that is ended, as by the eviction of its pod, goes on behind what it had written. The old index serves
// all the while.
func TestARebuildThatIsEndedGoesOn(t *testing.T) {
	l := openLibrary(t)
	if err := l.say(t.Context(), 1500, func([]searchindex.Document) error { return nil }); err != nil {
		t.Fatal(err)
	}
	l.heal(t)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	written := int64(0)
	err := indexserver.Rebuild(ctx, l.cfg, server.Collection(), "0.1.0", func(done, _ int64) {
		if written = done; done > 0 {
			end()
		}
	})
	if store, reason := indexserver.RebuildTrouble(err); err == nil || store != "" || reason != "Interrupted" {
		t.Fatalf("%v: %q, %q", err, store, reason)
	}
	l.refresh(t)
	if got := len(l.offered(t)); got != 1500 {
		t.Errorf("meanwhile the old index offers %d", got)
	}
	first := int64(-1)
	err = indexserver.Rebuild(t.Context(), l.cfg, server.Collection(), "0.1.0", func(done, _ int64) {
		if first < 0 {
			first = done
		}
	})
	if err != nil || first != written || written == 0 {
		t.Errorf("it goes on at %d, was at %d: %v", first, written, err)
	}
	l.refresh(t)
	if got := len(l.offered(t)); got != 1500 {
		t.Errorf("the new index offers %d", got)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	return listener.Addr().String()
}

// progressAt is what the process of a rebuild tells whoever asks.
func progressAt(t *testing.T, address string) component.ReindexStatus {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+component.StatusPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return component.ReindexStatus{}
	}
	defer answer.Body.Close()
	var status component.Status
	if err := json.NewDecoder(answer.Body).Decode(&status); err != nil || status.Component != component.Reindex || status.Reindex == nil {
		t.Errorf("/statusz: %+v, %v", status, err)
		return component.ReindexStatus{}
	}
	return *status.Reindex
}

// refresh makes what was put findable.
func (l *library) refresh(t *testing.T) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.url+"/_refresh", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
}
