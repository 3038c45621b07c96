// SPDX-License-Identifier: Apache-2.0

package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

const (
	created = eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED
	moved   = eventv1.EventType_EVENT_TYPE_MARKER_MOVED
)

func TestRoutingKeys(t *testing.T) {
	t.Parallel()
	want := map[eventv1.EventType]string{
		created: "message.created",
		moved:   "marker.moved",
		eventv1.EventType_EVENT_TYPE_CONVERSATION_UPDATED: "conversation.updated",
		eventv1.EventType_EVENT_TYPE_FRIEND_REQUESTED:     "friend.requested",
	}
	for kind, key := range want {
		if got := outbox.RoutingKey(kind); got != key {
			t.Errorf("%v: got %q, want %q", kind, got, key)
		}
	}
	for _, name := range eventv1.EventType_name {
		key := outbox.RoutingKey(eventv1.EventType(eventv1.EventType_value[name]))
		if name != "EVENT_TYPE_UNSPECIFIED" && strings.Count(key, ".") != 1 {
			t.Errorf("%s: %q is not noun.past-participle", name, key)
		}
	}
}

func TestAnEventWithoutIDIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := outbox.FromEvent(&eventv1.Event{EventId: "7"}); err == nil {
		t.Error("got no error")
	}
}

func TestOfferedEventsArePublishedAndTheirRowsGo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		var b recorder
		r := start(t, outbox.Options{DB: db, Publisher: &b})
		events := append(newEvents(3, created, youngMS, "x"), newEvents(2, moved, youngMS, "y")...)
		commit(t, db, events...)
		r.Offer(events...)
		eventually(t, "the rows are gone", func() bool { return left(t, db) == 0 })
		messages, got := b.published()
		want := map[string]int{}
		for _, e := range events {
			want[e.GetEventId()] = 1
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for _, m := range messages {
			if m.Exchange != broker.EventsExchange || !m.Persistent || m.RoutingKey != "message.created" && m.RoutingKey != "marker.moved" {
				t.Errorf("got %+v", m)
			}
		}
	})
}

func TestW8_WhatACrashLeftIsSweptAndYoungRowsAreLeftAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		orphans := newEvents(1200, created, oldMS, "orphan") // more than a page
		for i := 0; i < len(orphans); i += 100 {
			commit(t, db, orphans[i:i+100]...)
		}
		commit(t, db, newEvents(3, created, youngMS, "young")...)
		var b recorder
		start(t, outbox.Options{DB: db, Publisher: &b})
		eventually(t, "the orphans are gone", func() bool { return left(t, db) == 3 })
		if _, events := b.published(); len(events) != len(orphans) {
			t.Errorf("%d events were published", len(events))
		}
	})
}

func TestF13_EventsWaitForABrokerThatIsAway(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		b := membroker.New()
		b.SetAway(true)
		r := start(t, outbox.Options{DB: db, Publisher: b})
		events := newEvents(5, created, oldMS, "x")
		commit(t, db, events...)
		r.Offer(events...)
		delivered := make(chan *broker.Delivery, 100)
		go func() {
			_ = b.Subscribe(t.Context(), broker.Subscription{
				Queue: "q", Exchange: broker.EventsExchange, RoutingKeys: []string{"message.*"},
			}, func(_ context.Context, d *broker.Delivery) { d.Ack(); delivered <- d })
		}()
		t.Cleanup(func() { _ = b.Close() })
		b.SetAway(false)
		<-delivered
		eventually(t, "the rows are gone", func() bool { return left(t, db) == 0 })
	})
}

func TestF16_ARoutingKeyThatNobodyIsBoundToHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		var b recorder
		b.refusing(func(m broker.Message) error {
			if m.RoutingKey == "marker.moved" {
				return broker.ErrUnroutable
			}
			return nil
		})
		for range 6 { // more than a page of them
			commit(t, db, newEvents(100, moved, oldMS, "nobody")...)
		}
		commit(t, db, newEvents(10, created, oldMS, "somebody")...)
		start(t, outbox.Options{DB: db, Publisher: &b})
		eventually(t, "the others are gone", func() bool { return left(t, db) == 600 })
		b.refusing(nil)
		eventually(t, "all are gone", func() bool { return left(t, db) == 0 })
	})
}

func TestBatchesAreFullAndNotTooLarge(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		var b recorder
		r := start(t, outbox.Options{DB: db, Publisher: &b})
		small := newEvents(400, created, youngMS, "small")
		large := newEvents(40, moved, youngMS, strings.Repeat("l", 60<<10))
		huge := newEvents(1, moved, youngMS, strings.Repeat("h", 300<<10))
		r.Offer(small...)
		r.Offer(large...)
		r.Offer(huge...)
		eventually(t, "all is published", func() bool { _, events := b.published(); return len(events) == 441 })
		messages, _ := b.published()
		for _, m := range messages {
			if len(m.Body) > 256<<10 && len(m.Body) < 300<<10 {
				t.Errorf("a batch of %d bytes", len(m.Body))
			}
		}
		if len(messages) > 20 {
			t.Errorf("%d messages for 441 events", len(messages))
		}
	})
}

func TestOfferNeverBlocksAndTheSweepTakesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		var b recorder
		registry := prometheus.NewPedanticRegistry()
		r := outbox.NewRelay(outbox.Options{DB: db, Publisher: &b, Now: now, Registerer: registry})
		events := newEvents(12_000, created, oldMS, "x")
		r.Offer(events...) // nobody runs the relay yet
		if got := value(t, registry, "parley_outbox_overflow_total"); got != 2000 {
			t.Errorf("%v events did not fit, want 2000", got)
		}
		commit(t, db, events[11_990:]...)
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- r.Run(ctx) }()
		eventually(t, "the rows are gone", func() bool { return left(t, db) == 0 })
		eventually(t, "the offered are published", func() bool { _, got := b.published(); return len(got) == 10_010 })
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := value(t, registry, "parley_outbox_published_total"); got != 10_010 {
			t.Errorf("the metric counts %v events", got)
		}
	})
}

func TestF14_ASlowBrokerGetsNoEventTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		b := &slow{hold: make(chan struct{})}
		r := start(t, outbox.Options{DB: db, Publisher: b})
		held := newEvents(2, created, oldMS, "held")
		commit(t, db, held...)
		r.Offer(held...)
		orphan := newEvents(1, moved, oldMS, "orphan")
		commit(t, db, orphan...)
		eventually(t, "the sweep has passed", func() bool { _, got := b.published(); return got[orphan[0].GetEventId()] > 0 })
		close(b.hold)
		eventually(t, "the rows are gone", func() bool { return left(t, db) == 0 })
		if _, got := b.published(); got[held[0].GetEventId()] != 1 {
			t.Errorf("published %d times", got[held[0].GetEventId()])
		}
	})
}

// slow confirms messages of message.created only when hold is closed.
type slow struct {
	recorder
	hold chan struct{}
}

// Publish waits.
func (s *slow) Publish(ctx context.Context, m broker.Message) error {
	if m.RoutingKey == "message.created" {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return fault.ErrUnavailable
		}
	}
	return s.recorder.Publish(ctx, m)
}

func TestEventsAreLoadedByWhatTheRowsHold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		events := newEvents(3, created, oldMS, "loaded")
		byID := map[ids.EventID]*eventv1.Event{}
		rows := make([]outbox.Row, len(events))
		for i, e := range events {
			row, err := outbox.FromEvent(e)
			if err != nil {
				t.Fatal(err)
			}
			row.Payload = fmt.Appendf(nil, "key %d", i)
			rows[i], byID[row.ID] = row, e
		}
		err := db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error { return outbox.Insert(ctx, tx, rows...) })
		if err != nil {
			t.Fatal(err)
		}
		var b recorder
		start(t, outbox.Options{DB: db, Publisher: &b, Load: func(_ context.Context, rows []outbox.Row) ([]*eventv1.Event, error) {
			var found []*eventv1.Event
			for _, row := range rows {
				if string(row.Payload) != "key 1" { // one cannot be found
					found = append(found, byID[row.ID])
				}
			}
			return found, nil
		}})
		eventually(t, "two rows are gone", func() bool { return left(t, db) == 1 })
		if _, got := b.published(); got[events[1].GetEventId()] != 0 || got[events[2].GetEventId()] != 1 {
			t.Errorf("got %v", got)
		}
	})
}

func TestATransactionThatRollsBackPublishesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *sqldb.DB) {
		refused := errors.New("refused")
		err := db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			row, err := outbox.FromEvent(newEvents(1, created, oldMS, "x")[0])
			return errors.Join(err, outbox.Insert(ctx, tx, row), outbox.Insert(ctx, tx), refused)
		})
		if !errors.Is(err, refused) || left(t, db) != 0 {
			t.Errorf("got %v, %d rows", err, left(t, db))
		}
	})
}

// value of a counter or gauge.
func value(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
