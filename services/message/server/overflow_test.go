// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/events"
	"github.com/parley-chat/parley/services/message/messageindex"
	"github.com/parley-chat/parley/services/message/messagetest"
)

// tell stores a message, publishes its event, and answers its name in the index.
func (l *library) tell(t *testing.T, bus broker.Publisher, n int) string {
	t.Helper()
	pending := messagetest.NewPending(messagetest.NewDraft(l.users[0], l.talks[n%len(l.talks)], fmt.Sprint("上海 ", n)))
	committed, err := l.store.Append(t.Context(), []message.Pending{pending}, 1_800_000_000_000+int64(n))
	if err != nil {
		t.Fatal(err)
	}
	body, err := proto.Marshal(&eventv1.EventBatch{Events: events.Encode(committed.Events)})
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Publish(t.Context(), broker.Message{
		Exchange: broker.EventsExchange, RoutingKey: string(message.MessageCreated), Body: body, Persistent: true,
	}); err != nil {
		t.Fatal(err)
	}
	return message.PlaceID(committed.Events[0].Message.Conversation, committed.Events[0].Message.Seq)
}

// Nobody follows for so long that RabbitMQ drops events: who comes back sees it before the first event, and the
// index is filled until it offers what a scan of the database finds.
func TestF37_AQueueThatWasFullLosesNothing(t *testing.T) {
	const bound, said = 50, 300
	l := openLibrary(t)
	bus, _ := ownBroker(t)
	l.heal(t)
	follow := func() (x *indexer.Indexer, registry *prometheus.Registry, stop func()) {
		registry = prometheus.NewRegistry()
		x = indexer.New(indexer.Options{
			Subscriber: bus, Source: messageindex.Source{Store: l.store}, Index: l.index, Now: time.Now,
			Logger: slog.New(slog.DiscardHandler), Registerer: registry, MaxQueue: bound,
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = x.Run(ctx) })
		<-x.Hears()
		return x, registry, func() {
			cancel()
			running.Wait()
		}
	}
	_, _, stop := follow()
	stop()
	for n := range said {
		l.tell(t, bus, n)
	}
	x, registry, stop := follow()
	defer stop()
	saw := make(chan error, 100)
	ctx, end := context.WithCancel(t.Context())
	var keeping sync.WaitGroup
	keeper := indexer.Keeper{
		Index: l.index, From: messageindex.Source{Store: l.store}, Logger: slog.New(slog.DiscardHandler), After: x.Hears(), Follower: x,
		Saw: func(err error) { saw <- err },
	}
	keeping.Go(func() { _ = keeper.Run(ctx) })
	defer keeping.Wait()
	defer end()
	for err := <-saw; err != nil; err = <-saw {
		t.Log(err) // a busy server
	}
	l.refresh(t)
	want, got := slices.Sorted(maps.Keys(l.scanned(t))), slices.Sorted(maps.Keys(l.offered(t)))
	if len(want) != said || !slices.Equal(want, got) {
		t.Errorf("the store has %d messages, the index offers %d", len(want), len(got))
	}
	if n := counted(t, registry, "parley_index_overflows_total"); n < 1 {
		t.Errorf("%v overflows are counted", n)
	}
}

// counted is the value of a counter.
func counted(t *testing.T, registry *prometheus.Registry, name string) (n float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			n += family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return n
}
