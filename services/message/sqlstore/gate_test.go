// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
	"github.com/parley-chat/parley/services/message/sqlstore"
)

// heldStore lets the first commit begin only when it is told to.
type heldStore struct {
	message.Store
	began, release chan struct{}
	once           sync.Once
}

func (h *heldStore) Append(ctx context.Context, batch []message.Pending, now int64) (message.Committed, error) {
	h.once.Do(func() {
		close(h.began)
		<-h.release
	})
	return h.Store.Append(ctx, batch, now)
}

// maxStatementsPerMessage is the gate for a full batch. The relay adds one statement, the deletion of
// the outbox rows, which is counted here as if it had run.
const (
	maxStatementsPerMessage = 0.1
	relayStatements         = 1
)

func TestStatementsPerMessage(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		t.Helper()
		store := &heldStore{Store: sqlstore.New(db), began: make(chan struct{}), release: make(chan struct{})}
		f := messagetest.Start(t, store, 1)
		first, a, _ := f.Open(t)
		single := statementsOfOne(t, db, store.Store)
		var drafts []message.Draft
		for range message.MaxBatchRows {
			id, sender, _ := f.Open(t)
			drafts = append(drafts, messagetest.NewDraft(sender, id, "hello"))
		}
		holding := make(chan message.Result, 1)
		go func() {
			var r message.Result
			r.Sent, r.Err = f.Send(t.Context(), messagetest.NewDraft(a, first, "holds the lane"))
			holding <- r
		}()
		<-store.began
		before := db.Statements()
		results := make(chan []message.Result, 1)
		go func() { results <- f.SendBatch(queued{t.Context(), store.release}, drafts) }()
		if r := <-holding; r.Err != nil {
			t.Fatal(r.Err)
		}
		for i, r := range <-results {
			if r.Err != nil || r.Sent.Seq != 1 {
				t.Fatalf("message %d: %+v", i, r)
			}
		}
		used := db.Statements() - before - single // the one that held the lane
		perMessage := float64(used+relayStatements) / message.MaxBatchRows
		t.Logf("%d statements for %d messages", used, message.MaxBatchRows)
		if perMessage > maxStatementsPerMessage || used < 8 {
			t.Errorf("%.2f statements per message, %d for the batch", perMessage, used)
		}
	})
}

// statementsOfOne counts those of a batch of one message.
func statementsOfOne(t *testing.T, db *sqldb.DB, store message.Store) uint64 {
	t.Helper()
	f := messagetest.Start(t, store, 1)
	id, a, _ := f.Open(t)
	before := db.Statements()
	f.Say(t, a, id, "alone")
	return db.Statements() - before
}

// queued is a context that tells when it is first waited for: SendBatch has queued all drafts then.
type queued struct {
	context.Context
	reached chan struct{}
}

func (q queued) Done() <-chan struct{} {
	select {
	case <-q.reached:
	default:
		close(q.reached)
	}
	return q.Context.Done()
}

// handlerReads sums what the storage engine was asked for on the only connection, scans of the answer
// to this very question left out.
func handlerReads(t *testing.T, db *sqldb.DB) int64 {
	t.Helper()
	var rows []struct {
		Name  string `db:"Variable_name"`
		Value int64  `db:"Value"`
	}
	if err := db.Select(t.Context(), &rows, "SHOW SESSION STATUS LIKE 'Handler_read%'"); err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, r := range rows {
		if r.Name != "Handler_read_rnd_next" && r.Name != "Handler_read_rnd_deleted" {
			sum += r.Value
		}
	}
	return sum
}

func TestRowsReadPerRowOfHistory(t *testing.T) {
	t.Parallel()
	dsn := sqldbtest.CreateSchema(t, "reads")
	db, err := sqldb.Open(sqldb.Config{DSN: secret.New(dsn), MaxOpenConns: 1}) // the counters are the connection's
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := sqlstore.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	f := messagetest.Start(t, sqlstore.New(db), 1)
	id, a, b := f.Open(t)
	for range 30 { // other conversations, so that scans would show
		other, c, _ := f.Open(t)
		f.SendBatch(t.Context(), many(c, other, 20))
	}
	f.SendBatch(t.Context(), many(a, id, 400))
	// Who first uses a table reads its statistics too.
	if _, err := f.ListMessages(t.Context(), message.HistoryQuery{User: b, Conversation: id}); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]message.HistoryQuery{
		"last": {}, "after": {Kind: message.AfterRange, Seq: 50}, "before": {Kind: message.BeforeRange, Seq: 300},
		"around": {Kind: message.AroundRange, Seq: 200},
		"time":   {Kind: message.TimeRange, Time: f.Clock.Now().UnixMilli()},
	} {
		q.User, q.Conversation, q.Limit = b, id, message.MaxPageItems
		idle := handlerReads(t, db)
		base := handlerReads(t, db) - idle
		before := handlerReads(t, db)
		page, err := f.ListMessages(t.Context(), q)
		used := handlerReads(t, db) - before - base
		if err != nil || len(page.Items) != message.MaxPageItems {
			t.Fatalf("%s: %d items, %v", name, len(page.Items), err)
		}
		t.Logf("%s: %d rows read", name, used)
		if float64(used) > 1.2*float64(len(page.Items)) {
			t.Errorf("%s: %d rows read for %d", name, used, len(page.Items))
		}
	}
}

func many(sender ids.UserID, to ids.ConversationID, n int) []message.Draft {
	var list []message.Draft
	for range n {
		list = append(list, messagetest.NewDraft(sender, to, "hello"))
	}
	return list
}

func TestLoadedEventsAreThePublishedOnes(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		t.Helper()
		store := sqlstore.New(db)
		f := messagetest.Start(t, store, 1)
		id, a, b := f.Open(t)
		f.Say(t, a, id, "one ")
		f.Say(t, b, id, "TWO\x00")
		if _, err := f.MarkRead(t.Context(), message.Marker{Conversation: id, User: a, Seq: 2}, false); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Edit(t.Context(), a, id, 1, "uno"); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Recall(t.Context(), b, id, 2); err != nil {
			t.Fatal(err)
		}
		f.Show(t, a, id, message.Voice, "voice.webm")
		if err := f.SetTranscript(t.Context(), id, 3, message.Transcript{State: message.TranscriptDone, Text: "text", Attempt: 1}); err != nil {
			t.Fatal(err)
		}
		if err := f.CloseDirect(t.Context(), messagetest.NewPair(t, a, b), 2); err != nil {
			t.Fatal(err)
		}
		published := f.Publisher.Events()
		newest, err := store.Messages(t.Context(), []message.Stretch{{Conversation: id, Interval: message.Interval{From: 1, To: 3}}})
		if err != nil || len(newest) != 3 {
			t.Fatalf("%v, %v", newest, err)
		}
		var refs []message.EventRef
		for _, row := range outboxRows(t, db) {
			ref := message.EventRef{ID: row.ID, Kind: message.EventKind(row.RoutingKey), OccurredAt: row.CreatedAt}
			if err := ref.Decode(row.Payload); err != nil {
				t.Fatal(err)
			}
			refs = append(refs, ref)
		}
		gone := refs[1]
		gone.Seq = 99
		loaded, err := store.LoadEvents(t.Context(), append(refs, gone, message.EventRef{Conversation: ids.NewConversation()}))
		if err != nil {
			t.Fatal(err)
		}
		// A conversation and a message are told as they are now, so that nothing recalled comes back;
		// everything else as it was.
		for i := range published {
			if published[i].Kind.OfMessage() {
				published[i].Message = newest[published[i].Message.Seq-1]
			}
			if published[i].Kind == message.ConversationCreated || published[i].Kind == message.ConversationUpdated {
				if published[i].Conversation, err = store.Conversation(t.Context(), id, a); err != nil {
					t.Fatal(err)
				}
			}
		}
		if diff := cmp.Diff(published, loaded); diff != "" {
			t.Errorf("(-published +loaded):\n%s", diff)
		}
	})
}

type outboxRow struct {
	ID         ids.EventID `db:"id"`
	RoutingKey string      `db:"routing_key"`
	Payload    []byte      `db:"payload"`
	CreatedAt  int64       `db:"created_at"`
}

func outboxRows(t *testing.T, db *sqldb.DB) []outboxRow {
	t.Helper()
	var rows []outboxRow
	if err := db.Select(t.Context(), &rows, "SELECT id, routing_key, payload, created_at FROM outbox ORDER BY id"); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestBodiesAreNotInTheOutbox(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		t.Helper()
		f := messagetest.Start(t, sqlstore.New(db), 1)
		id, a, _ := f.Open(t)
		f.Say(t, a, id, "a secret of at least forty bytes, so that it would show up in the row")
		if _, err := f.Edit(t.Context(), a, id, 1, "another secret of at least forty bytes, for the second row"); err != nil {
			t.Fatal(err)
		}
		for _, row := range outboxRows(t, db) {
			if len(row.Payload) > 40 {
				t.Errorf("%s holds %d bytes", row.RoutingKey, len(row.Payload))
			}
		}
	})
}

func TestRandomHistoriesOnTheDatabase(t *testing.T) {
	t.Parallel()
	const histories = 8
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		t.Helper()
		f := messagetest.Start(t, sqlstore.New(db), 2)
		generator := messagetest.Steps()
		for seed := range histories {
			messagetest.Replay(t, t, f, generator.Example(seed))
		}
	})
}

func TestRandomHistoriesOfGroupsOnTheDatabase(t *testing.T) {
	t.Parallel()
	const histories = 8
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		t.Helper()
		f := messagetest.Start(t, sqlstore.New(db), 2)
		generator, files := messagetest.GroupSteps(), messagetest.FileSteps()
		for seed := range histories {
			messagetest.ReplayGroup(t, t, f, generator.Example(seed))
			messagetest.ReplayGroup(t, t, f, files.Example(seed))
		}
	})
}

func TestDurabilityIsRead(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		t.Helper()
		d, err := sqlstore.ReadDurability(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		strict := db.Dialect() == dialect.SQLite || d.FlushLogAtCommit == 1 && (d.LogBin == 0 || d.SyncBinlog == 1)
		if (d.Level == sqlstore.Durable) != strict {
			t.Errorf("%+v", d)
		}
	})
}
