// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/transmit/events"
)

// TestTheEndSettlesWhatIsUnderWay ends a consumer while confirms are on their way: what is confirmed in time is
// acknowledged and heard once, what arrives later and what is never confirmed is left to the next consumer.
func TestTheEndSettlesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		confirm time.Duration // when the first batch is confirmed; 0: never
		ends    time.Duration
		again   int // batches that the next consumer hears
	}{
		"a confirm comes in time": {time.Second, time.Second, 1},
		"no confirm comes":        {0, 3 * time.Second, 2},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, f := membroker.New(), newFixture()
				publish := func(event *eventv1.Event) {
					t.Helper()
					m := broker.Message{Exchange: broker.EventsExchange, RoutingKey: "message.created", Body: body(t, event), Persistent: true}
					if err := b.Publish(t.Context(), m); err != nil {
						t.Fatal(err)
					}
				}
				first := &forwarder{}
				end := consumeFrom(t, b, first)
				publish(f.message(1, "a"))
				synctest.Wait()
				began := time.Now()
				if row.confirm > 0 {
					time.AfterFunc(row.confirm, func() { first.settled[0](nil) })
				}
				time.AfterFunc(row.confirm/2, func() { publish(f.message(2, "b")) })
				end()
				if took := time.Since(began); took < row.ends || took > row.ends+time.Second/10 {
					t.Errorf("ended after %v, want %v", took, row.ends)
				}
				if len(first.events) != 1 {
					t.Errorf("%d events were forwarded, want none after the end has begun", len(first.events))
				}
				next := &forwarder{}
				end = consumeFrom(t, b, next)
				synctest.Wait()
				if len(next.events) != row.again {
					t.Errorf("the next consumer hears %d events, want %d", len(next.events), row.again)
				}
				for _, settled := range next.settled {
					settled(nil)
				}
				end()
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// consumeFrom starts a consumer; the answer ends it and waits.
func consumeFrom(t *testing.T, b broker.Broker, f *forwarder) (end func()) {
	t.Helper()
	consumer := events.New(events.Options{
		Subscriber: b, Forwarder: f, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- consumer.Run(ctx) }()
	synctest.Wait()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}
