// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
	"github.com/parley-chat/parley/services/internal/telemetry"
	"github.com/parley-chat/parley/services/message"
)

// Shape of the load. PARLEY_BENCH_MESSAGES and PARLEY_BENCH_RATE choose other numbers.
const (
	benchMessages = 20_000
	benchRate     = 2_000 // messages a second
	benchTalks    = 400   // conversations of the searcher, each with somebody else
	benchEvery    = 50    // of so many messages one is looked for until it is found
	benchTick     = 5 * time.Millisecond
	benchFlight   = 200                    // batches on their way at most; then the clock is not kept
	benchLook     = 100 * time.Millisecond // between two looks: a lag is known to this
	benchAsk      = 500 * time.Millisecond // between two searches while messages arrive
	benchRepeat   = 40                     // of each query afterwards
	benchMark     = "qprobe"
)

// BenchmarkW11 indexes messages as they are sent, and searches them: through the outbox, the broker and the
// indexer, on the embedded index and on Elasticsearch, and beside it with LIKE in MariaDB. It prints tables.
func BenchmarkW11(b *testing.B) {
	total, rate := benchSetting(b, "PARLEY_BENCH_MESSAGES", benchMessages), benchSetting(b, "PARLEY_BENCH_RATE", benchRate)
	var runs []*benchRun
	b.Run("embedded", func(b *testing.B) {
		bus := membroker.New()
		runs = append(runs, benchmark(b, "bleve, SQLite", total, rate, sqldbtest.SQLiteDSN(b), indexserver.Settings{Folder: b.TempDir() + "/index"}, bus))
	})
	b.Run("servers", func(b *testing.B) {
		url, amqp := os.Getenv("PARLEY_TEST_ELASTICSEARCH_URL"), os.Getenv("PARLEY_TEST_AMQP_URL")
		if text := "needs Elasticsearch, RabbitMQ and MariaDB; run: make bench-search"; url == "" || amqp == "" {
			if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
				b.Fatal(text)
			}
			b.Skip(text)
		}
		bus, err := amqpbroker.Open(amqpbroker.Options{URL: secret.New(amqp), Name: "bench", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		prefix := "bench" + strconv.FormatInt(time.Now().UnixNano(), 36)
		b.Cleanup(func() { benchRemove(url + "/" + prefix + "-messages-000001") })
		search := indexserver.Settings{URL: secret.New(url), IndexPrefix: prefix}
		runs = append(runs, benchmark(b, "Elasticsearch, MariaDB, RabbitMQ", total, rate, sqldbtest.CreateSchema(b, "bench"), search, bus))
	})
	benchPrint(runs, total, rate)
}

func benchSetting(b *testing.B, name string, value int) int {
	b.Helper()
	if text := os.Getenv(name); text != "" {
		var err error
		if value, err = strconv.Atoi(text); err != nil || value < 1 {
			b.Fatalf("%s=%s is no number", name, text)
		}
	}
	return value
}

func benchRemove(url string) {
	req, err := http.NewRequest(http.MethodDelete, url, nil)
	if err != nil {
		return
	}
	if answer, err := http.DefaultClient.Do(req); err == nil {
		_ = answer.Body.Close()
	}
}

// benchIndex notes how long writes take.
type benchIndex struct {
	searchindex.Kept
	mu      sync.Mutex // guards what follows
	writes  []time.Duration
	written int
}

// Put writes and notes.
func (x *benchIndex) Put(ctx context.Context, documents []searchindex.Document) error {
	at := time.Now()
	err := x.Kept.Put(ctx, documents)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.writes, x.written = append(x.writes, time.Since(at)), x.written+len(documents)
	return err
}

// benchRun is a message service with an index, and what was measured.
type benchRun struct {
	name    string
	service *message.Service
	index   *benchIndex
	db      *sqldb.DB
	user    ids.UserID
	talks   []ids.ConversationID
	total   int
	rate    int

	mu        sync.Mutex // guards what follows
	committed map[string]time.Time
	seen      map[string]time.Time
	commits   []time.Duration
	asked     []time.Duration
	failed    map[string]int

	took    time.Duration // to send all
	caught  time.Duration // from the last commit until all is found
	found   map[string]int
	queries map[string][]time.Duration
	like    map[string][]time.Duration
	load    string
}

func benchmark(b *testing.B, name string, total, rate int, dsn string, search indexserver.Settings, bus broker.Broker) *benchRun {
	b.Helper()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg := Config{MySQLDSN: secret.New(dsn), MySQLMaxOpenConns: 20, FriendURL: "http://127.0.0.1:1", Search: search}
	if err := Migrate(b.Context(), cfg); err != nil {
		b.Fatal(err)
	}
	db, err := sqldb.Open(cfg.database()) // migrated above
	if err != nil {
		b.Fatal(err)
	}
	index, closeIndex, err := search.Open(Indexed)
	if err != nil {
		b.Fatal(err)
	}
	timed := &benchIndex{Kept: index}
	index = timed
	parts := Parts{Broker: bus, Logger: logger, PageKey: []byte("a key of thirty-two bytes, or so")}
	registry := prometheus.NewRegistry()
	w := wire(db, cfg, parts, finder(index), registry)
	group := lifecycle.New(logger)
	group.OnStop("database", func(context.Context) error { return closeIndex() })
	group.OnStop("broker", func(context.Context) error { return bus.Close() })
	group.Go("relay", w.relay.Run)
	indexserver.Keep(group, telemetry.NewOps(registry), Indexed, index, followed(w.store, parts, registry))
	group.Go("lanes", w.service.Run)
	hears, bound := make(chan struct{}), sync.Once{}
	group.Go("other consumers", func(ctx context.Context) error {
		all := broker.Subscription{Queue: "bench.events", Exchange: broker.EventsExchange, RoutingKeys: []string{"#"}, Bound: func(context.Context) {
			bound.Do(func() { close(hears) })
		}}
		return bus.Subscribe(ctx, all, func(_ context.Context, d *broker.Delivery) { d.Ack() })
	})
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- group.Run(ctx) }()
	r := &benchRun{
		name: name, service: w.service, index: timed, db: db, user: ids.NewUser(), total: total, rate: rate,
		committed: map[string]time.Time{}, seen: map[string]time.Time{}, failed: map[string]int{},
		found: map[string]int{}, queries: map[string][]time.Duration{}, like: map[string][]time.Duration{},
	}
	<-hears
	r.open(b)
	b.ResetTimer()
	r.ingest(b)
	r.load = benchLoad()
	r.ask(b)
	if search.Folder == "" {
		r.askLike(b)
	}
	stop()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	if err := db.Close(); err != nil {
		b.Error(err)
	}
	return r
}

// open makes the conversations and waits for the index.
func (r *benchRun) open(b *testing.B) {
	b.Helper()
	for range benchTalks {
		pair, err := message.NewPair(r.user, ids.NewUser())
		if err != nil {
			b.Fatal(err)
		}
		id, err := r.service.OpenDirect(b.Context(), pair, 1)
		if err != nil {
			b.Fatal(err)
		}
		r.talks = append(r.talks, id)
	}
	tick := time.NewTicker(benchLook)
	defer tick.Stop()
	for {
		if _, err := r.index.Find(b.Context(), searchindex.Lookup{Limit: 1}); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-b.Context().Done():
			b.Fatal("the index is not made")
		}
	}
}

// askMeanwhile searches while messages arrive, until all are sent or ctx ends.
func (r *benchRun) askMeanwhile(ctx context.Context) {
	queries := benchQueries()
	tick := time.NewTicker(benchAsk)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		at := time.Now()
		_, err := r.service.Search(ctx, message.SearchQuery{User: r.user, Text: queries[i%len(queries)].typed})
		took := time.Since(at)
		r.mu.Lock()
		if err != nil && ctx.Err() == nil {
			r.failed["search: "+err.Error()]++
		}
		r.asked = append(r.asked, took)
		enough := len(r.asked) >= int(float64(r.total)/float64(r.rate)/benchAsk.Seconds())
		r.mu.Unlock()
		if enough {
			return
		}
	}
}

// ask searches for each query, one after the other.
func (r *benchRun) ask(b *testing.B) {
	b.Helper()
	for _, q := range benchQueries() {
		for range benchRepeat {
			at := time.Now()
			page, err := r.service.Search(b.Context(), message.SearchQuery{User: r.user, Text: q.typed})
			if err != nil {
				b.Fatalf("%s: %v", q.typed, err)
			}
			r.queries[q.typed] = append(r.queries[q.typed], time.Since(at))
			r.found[q.typed] = len(page.Hits)
		}
	}
}

// askLike asks the database the same: the newest twenty of the searcher's conversations. LIKE on bytes neither
// folds case nor knows words, which makes it as quick as it can be.
func (r *benchRun) askLike(b *testing.B) {
	b.Helper()
	for _, q := range benchQueries() {
		text := "SELECT m.conversation_id, m.seq FROM messages m JOIN members p ON p.conversation_id = m.conversation_id AND p.user_id = ? WHERE m.kind = ?"
		args := []any{r.user, int32(message.Text)}
		for term := range strings.FieldsSeq(q.typed) {
			text += " AND m.body LIKE ?"
			args = append(args, "%"+term+"%")
		}
		text += fmt.Sprintf(" ORDER BY m.sent_at DESC LIMIT %d", message.DefaultSearchPage)
		for range benchRepeat / 4 {
			var rows []struct {
				Conversation ids.ConversationID `db:"conversation_id"`
				Seq          int64              `db:"seq"`
			}
			at := time.Now()
			if err := r.db.Select(b.Context(), &rows, text, args...); err != nil {
				b.Fatalf("LIKE %s: %v", q.typed, err)
			}
			r.like[q.typed] = append(r.like[q.typed], time.Since(at))
			if len(rows) != r.found[q.typed] {
				r.failed[fmt.Sprintf("%s: LIKE finds %d, search %d", q.typed, len(rows), r.found[q.typed])]++
			}
		}
	}
}
