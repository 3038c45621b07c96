// SPDX-License-Identifier: Apache-2.0

package outbox_test

import (
	"context"
	"embed"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

//go:embed testdata/migrations/*.sql
var testdata embed.FS

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// The clock of the tests stands still.
const (
	nowMS   = 1_800_000_000_000
	oldMS   = nowMS - 6000 // old enough for the sweep
	youngMS = nowMS - 1000
)

func now() time.Time { return time.UnixMilli(nowMS) }

func each(t *testing.T, run func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	sub, err := fs.Sub(testdata, "testdata")
	if err != nil {
		t.Fatal(err)
	}
	sqldbtest.Each(t, sub, run)
}

// newEvents are of one type, with a text that makes them large.
func newEvents(n int, kind eventv1.EventType, createdAt int64, text string) []*eventv1.Event {
	events := make([]*eventv1.Event, n)
	for i := range events {
		events[i] = &eventv1.Event{
			EventId: ids.NewEvent().String(), Type: kind, OccurredAt: createdAt, RecipientIds: []string{text},
		}
	}
	return events
}

// commit stores events as a service does.
func commit(t *testing.T, db *sqldb.DB, events ...*eventv1.Event) {
	t.Helper()
	err := db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		rows := make([]outbox.Row, len(events))
		for i, e := range events {
			var err error
			if rows[i], err = outbox.FromEvent(e); err != nil {
				return err
			}
		}
		return outbox.Insert(ctx, tx, rows...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// left counts the rows that wait.
func left(t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	if err := db.Get(t.Context(), &n, "SELECT COUNT(*) FROM outbox"); err != nil {
		t.Fatal(err)
	}
	return n
}

// start runs a relay until the end of the test.
func start(t *testing.T, o outbox.Options) *outbox.Relay {
	t.Helper()
	o.Now = now
	r := outbox.NewRelay(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return r
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// recorder is a broker that keeps what it confirms.
type recorder struct {
	mu       sync.Mutex // guards all below
	refuse   func(m broker.Message) error
	messages []broker.Message
	events   map[string]int // times by event id
}

// Publish keeps the message unless it is refused.
func (r *recorder) Publish(_ context.Context, m broker.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil {
		if err := r.refuse(m); err != nil {
			return err
		}
	}
	batch := new(eventv1.EventBatch)
	if err := proto.Unmarshal(m.Body, batch); err != nil {
		return err
	}
	r.messages = append(r.messages, m)
	if r.events == nil {
		r.events = map[string]int{}
	}
	for _, e := range batch.GetEvents() {
		r.events[e.GetEventId()]++
	}
	return nil
}

// refusing sets what happens to messages from now on; nil takes them.
func (r *recorder) refusing(refuse func(m broker.Message) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refuse
}

func (r *recorder) published() (messages []broker.Message, events map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events = map[string]int{}
	maps.Copy(events, r.events)
	return slices.Clone(r.messages), events
}
