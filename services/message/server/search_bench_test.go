// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
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
	"github.com/parley-chat/parley/services/internal/textmatch"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
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

// benchQueries are what is searched for, and the share of messages that hold it; zero: twenty messages.
func benchQueries() []benchQuery {
	return []benchQuery{
		{"上海", []string{"上海"}, .1},
		{"季度报表", []string{"季度报表"}, .01},
		{"江豚", []string{"江豚"}, 0},
		{"meeting", []string{"meeting"}, .1},
		{"deploy", []string{"deployment"}, .01},
		{"zeppelin", []string{"zeppelin"}, 0},
		{"开会 上海", []string{"我们在上海", "明天开会"}, .02},
		{"meeting 季度", []string{"meeting", "第三季度"}, .002},
		{"白鹤 sonata", []string{"白鹤", "sonata"}, 0},
		{"无此词语", nil, 0},
	}
}

type benchQuery struct {
	typed string
	words []string
	share float64
}

// benchText makes the text of a message: a sentence of both scripts, with what its number calls for in the middle.
func benchText(r *rand.Rand, n, total int) string {
	chinese := strings.Fields("我们 今天 下午 项目 方案 客户 同事 已经 发送 文件 请问 收到 没有 问题 时间 安排 一下 讨论 预算 合同 流程 测试 版本 服务 系统 数据 更新 完成 需要 确认 回复 谢谢")
	latin := strings.Fields("please check the latest build before release and tell me when it works again thanks for your help with this report today")
	var parts []string
	pick := func(words []string, join string, count int) {
		var some []string
		for range count {
			some = append(some, words[r.IntN(len(words))])
		}
		parts = append(parts, strings.Join(some, join))
	}
	pick(chinese, "", 4+r.IntN(8))
	for _, q := range benchQueries() {
		rare := q.words != nil && q.share == 0 && n%max(1, total/20) == len(q.typed)%max(1, total/20)
		if rare || r.Float64() < q.share {
			for _, word := range q.words {
				parts = append(parts, word)
				pick(chinese, "", 1+r.IntN(3))
			}
		}
	}
	if n%2 == 0 {
		parts = append(parts, " ")
		pick(latin, " ", 3+r.IntN(8))
	}
	if n%benchEvery == 0 {
		parts = append(parts, " "+benchMark)
	}
	return strings.Join(spaced(parts), "")
}

// spaced puts blanks around Latin words, as people do.
func spaced(parts []string) []string {
	for i, p := range parts {
		if p != "" && p[0] < 0x80 && p[0] != ' ' {
			parts[i] = " " + p + " "
		}
	}
	return parts
}

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
	db, err := open(b.Context(), cfg)
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

// ingest sends everything at the rate, looks for marked messages and searches meanwhile, and waits until all
// marked ones are found.
func (r *benchRun) ingest(b *testing.B) {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	var watching, sending sync.WaitGroup
	all := make(chan struct{})
	watching.Go(func() { r.watch(ctx, all) })
	watching.Go(func() { r.askMeanwhile(ctx) })
	texts := rand.New(rand.NewPCG(1, 2))
	start := time.Now()
	tick := time.NewTicker(benchTick)
	defer tick.Stop()
	flight := make(chan struct{}, benchFlight)
	for sent := 0; sent < r.total; {
		flight <- struct{}{}
		due := min(r.total, int(time.Since(start).Seconds()*float64(r.rate)))
		due = min(due, sent+benchRate/100)
		if due == sent {
			<-flight
			<-tick.C
			continue
		}
		drafts, marked, at := []message.Draft{}, []int{}, time.Now()
		for ; sent < due; sent++ {
			if sent%benchEvery == 0 {
				marked = append(marked, len(drafts))
			}
			drafts = append(drafts, messagetest.NewDraft(r.user, r.talks[sent%len(r.talks)], benchText(texts, sent, r.total)))
		}
		sending.Go(func() {
			r.send(ctx, drafts, marked, at)
			<-flight
		})
	}
	sending.Wait()
	r.took = time.Since(start)
	last := time.Now()
	late := time.NewTimer(5 * time.Minute)
	defer late.Stop()
	close(all)
	done := make(chan struct{})
	go func() {
		watching.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-late.C:
		r.failed["never found"]++
	}
	r.caught = time.Since(last)
	stop()
	<-done
}

// send sends a batch, and what was refused again until it is taken.
func (r *benchRun) send(ctx context.Context, drafts []message.Draft, marked []int, at time.Time) {
	for {
		refused, again := r.sent(drafts, marked, at, r.service.SendBatch(ctx, drafts))
		if len(refused) == 0 || ctx.Err() != nil {
			return
		}
		drafts, marked = refused, again
		wait := time.NewTimer(benchLook)
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
	}
}

// sent notes when a batch was committed, and answers what was not.
func (r *benchRun) sent(drafts []message.Draft, marked []int, at time.Time, results []message.Result) (refused []message.Draft, again []int) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, result := range results {
		if result.Err != nil {
			r.failed[result.Err.Error()]++
			if slices.Contains(marked, i) {
				again = append(again, len(refused))
			}
			refused = append(refused, drafts[i])
			continue
		}
		r.commits = append(r.commits, now.Sub(at))
		if slices.Contains(marked, i) {
			r.committed[message.PlaceID(drafts[i].Conversation, result.Sent.Seq)] = now
		}
	}
	return refused, again
}

// watch looks for marked messages until all are found after everything was sent.
func (r *benchRun) watch(ctx context.Context, sent <-chan struct{}) {
	query, err := textmatch.Parse(benchMark)
	if err != nil {
		return
	}
	tick := time.NewTicker(benchLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.look(ctx, searchindex.Lookup{Grams: query.Grams(), Limit: searchindex.MaxHits})
		select {
		case <-sent:
			r.mu.Lock()
			whole := len(r.seen) >= len(r.committed)
			r.mu.Unlock()
			if whole {
				return
			}
		default:
		}
	}
}

// look notes what is found for the first time, page by page until one brings nothing new.
func (r *benchRun) look(ctx context.Context, lookup searchindex.Lookup) {
	for {
		hits, err := r.index.Find(ctx, lookup)
		now, news := time.Now(), 0
		if err != nil {
			return
		}
		r.mu.Lock()
		for _, h := range hits {
			if _, known := r.seen[h.ID]; !known {
				r.seen[h.ID] = now
				news++
			}
		}
		r.mu.Unlock()
		if news == 0 || len(hits) < lookup.Limit {
			return
		}
		lookup.After = &hits[len(hits)-1]
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

// benchLoad is what the system says of how busy it is.
func benchLoad() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// lags are the times from the commit of marked messages until they were found.
func (r *benchRun) lags() (lags []time.Duration) {
	for id, at := range r.committed {
		if seen, ok := r.seen[id]; ok {
			lags = append(lags, seen.Sub(at))
		}
	}
	return lags
}

func benchAt(values []time.Duration, q float64) string {
	if len(values) == 0 {
		return "-"
	}
	sorted := slices.Sorted(slices.Values(values))
	return strconv.FormatFloat(sorted[int(q*float64(len(sorted)-1))].Seconds()*1000, 'f', 1, 64)
}

func benchPrint(runs []*benchRun, total, rate int) {
	w := &strings.Builder{}
	_, _ = fmt.Fprintf(w, "\nW11: %d messages offered at %d/s in %d conversations of the searcher, %d cores, everything on one machine. ms.\n\n",
		total, rate, benchTalks, runtime.NumCPU())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "index\tsent/s\tcommit p50\tp99\tlag p50\tp99\tmax\tall found after\tdocuments/write\twrite p50\tp99\tsearch meanwhile p50\tp99\tload\t")
	for _, r := range runs {
		lags := r.lags()
		_, _ = fmt.Fprintf(t, "%s\t%.0f\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t\n", r.name, float64(len(r.commits))/r.took.Seconds(),
			benchAt(r.commits, .5), benchAt(r.commits, .99), benchAt(lags, .5), benchAt(lags, .99), benchAt(lags, 1), r.caught.Milliseconds(),
			r.index.written/max(1, len(r.index.writes)), benchAt(r.index.writes, .5), benchAt(r.index.writes, .99),
			benchAt(r.asked, .5), benchAt(r.asked, .99), r.load)
	}
	_ = t.Flush() // into memory
	_, _ = fmt.Fprint(w, "\nOne page of 20, nothing else running\n\n")
	_, _ = fmt.Fprint(t, "query\thits\t")
	for _, r := range runs {
		_, _ = fmt.Fprintf(t, "%s p50\tp99\t", r.name)
	}
	_, _ = fmt.Fprintln(t, "LIKE p50\tp99\t")
	for _, q := range benchQueries() {
		_, _ = fmt.Fprintf(t, "%s\t%d\t", q.typed, runs[0].found[q.typed])
		var like []time.Duration
		for _, r := range runs {
			_, _ = fmt.Fprintf(t, "%s\t%s\t", benchAt(r.queries[q.typed], .5), benchAt(r.queries[q.typed], .99))
			like = append(like, r.like[q.typed]...)
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t\n", benchAt(like, .5), benchAt(like, .99))
	}
	_ = t.Flush() // into memory
	for _, r := range runs {
		for what, n := range r.failed {
			_, _ = fmt.Fprintf(w, "%s: %d times %s\n", r.name, n, what)
		}
	}
	fmt.Println(w.String())
}
