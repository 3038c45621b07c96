// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/telemetry"
	"github.com/parley-chat/parley/services/message/messageindex"
	"github.com/parley-chat/parley/services/message/server"
)

// pod runs what a message service does for its index, or without one, until it is stopped.
func (l *library) pod(t *testing.T, url secret.String, index searchindex.Kept) (stop func()) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	bus, err := amqpbroker.Open(amqpbroker.Options{URL: url, Name: "message", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	group := lifecycle.New(logger)
	group.OnStop("broker", func(context.Context) error { return bus.Close() })
	registry := prometheus.NewRegistry()
	indexserver.Keep(group, telemetry.NewOps(registry), server.Indexed, index, indexserver.Options{
		Broker: bus, Source: messageindex.Source{Store: l.store}, Now: time.Now, Logger: logger, Registerer: registry,
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := group.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// waits until a condition holds, in the time that a pod, a broker and an index take.
func waits(t *testing.T, what string, holds func() bool) {
	t.Helper()
	again, late := time.NewTicker(50*time.Millisecond), time.NewTimer(2*time.Minute)
	defer again.Stop()
	defer late.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatal("waited in vain until " + what)
		}
	}
}

// offersAll waits until readers of the index see what the store has.
func (l *library) offersAll(t *testing.T, when string, want int) {
	t.Helper()
	waits(t, when, func() bool {
		lookup := searchindex.Lookup{Grams: []string{"上海"}, Limit: searchindex.MaxHits}
		hits, err := l.index.Find(t.Context(), lookup)
		if err != nil || len(hits) != want {
			return false
		}
		return maps.Equal(l.offered(t), l.scanned(t))
	})
}

// The index goes out of the spec pod by pod, and comes back the same way. Its queue goes with the last pod that
// follows it and not before, and what was said while nobody followed is found when the index is back, though the
// index that was left in Elasticsearch had been whole.
func TestF37_AnIndexThatWasAwayLacksNothing(t *testing.T) {
	const few = 3
	l := openLibrary(t)
	bus, url := ownBroker(t)
	hears := make(chan struct{}, 9)
	others := broker.Subscription{
		Queue: "others", Exchange: broker.EventsExchange, RoutingKeys: []string{"#"}, Bound: func(context.Context) { hears <- struct{}{} },
	}
	go func() { // transmit hears all events
		_ = bus.Subscribe(t.Context(), others, func(_ context.Context, d *broker.Delivery) { d.Ack() })
	}()
	<-hears
	conn, err := amqp.Dial(url.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	found := func() bool {
		queue, err := amqpbroker.Look(t.Context(), conn, indexer.Events(messageindex.Source{}))
		if err != nil {
			t.Fatal(err)
		}
		return queue.Found
	}
	said := 0
	say := func() {
		t.Helper()
		for range few {
			l.tell(t, bus, said)
			said++
		}
	}

	last := l.pod(t, url, l.index)
	waits(t, "the queue is there", found)
	say()
	l.offersAll(t, "what was said is found", said)
	l.pod(t, url, nil)
	if gone, err := bus.Retire(t.Context(), messageindex.Queue); gone || err != nil {
		t.Errorf("the queue of a pod that follows: gone %t, %v", gone, err)
	}
	say()
	l.offersAll(t, "a pod of before follows beside one without an index", said)
	last()
	waits(t, "the queue is gone", func() bool { return !found() })
	say()
	if whole, err := l.index.Check(t.Context()); err != nil || !whole {
		t.Errorf("the index that was left: whole %t, %v", whole, err)
	}
	l.pod(t, url, l.index)
	l.offersAll(t, "what was said meanwhile is found", said)
	say()
	l.offersAll(t, "a new pod follows beside one without an index", said)
}
