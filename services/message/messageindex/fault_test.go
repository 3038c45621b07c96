// SPDX-License-Identifier: Apache-2.0

package messageindex_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/bleveindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/events"
	"github.com/parley-chat/parley/services/message/messageindex"
	"github.com/parley-chat/parley/services/message/messagetest"
)

// scripted is an index whose writes answer what they are told, and that remembers them.
type scripted struct {
	searchindex.Kept
	mu     sync.Mutex
	answer func(call int, documents []searchindex.Document) error // nil: as it is
	calls  [][]string
	put    chan struct{} // one for each call
}

func (x *scripted) Put(ctx context.Context, documents []searchindex.Document) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var ids []string
	for _, d := range documents {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	x.calls = append(x.calls, ids)
	var err error
	if x.answer != nil {
		err = x.answer(len(x.calls), documents)
	}
	if err == nil {
		err = x.Kept.Put(ctx, documents)
	}
	x.put <- struct{}{}
	return err
}

func (x *scripted) script(answer func(call int, documents []searchindex.Document) error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.answer = answer
}

// followed is a store whose events reach an index through a broker, with somebody who keeps it whole.
type followed struct {
	*messagetest.Fixture
	store   *messagetest.Store
	index   *scripted
	bus     *membroker.Broker
	metrics *prometheus.Registry
	indexer *indexer.Indexer
	saw     chan error
	told    int
}

func follow(t *testing.T, maxQueue int) *followed {
	t.Helper()
	store := messagetest.NewStore()
	embedded, err := bleveindex.Open("")
	if err != nil {
		t.Fatal(err)
	}
	f := &followed{
		Fixture: messagetest.Start(t, store, 1), store: store, bus: membroker.New(), metrics: prometheus.NewRegistry(),
		index: &scripted{Kept: embedded, put: make(chan struct{}, 10_000)}, saw: make(chan error, 100),
	}
	x := indexer.New(indexer.Options{
		Subscriber: f.bus, Source: messageindex.Source{Store: store}, Index: f.index, Now: f.Clock.Now, Logger: slog.New(slog.DiscardHandler),
		Registerer: f.metrics, MaxQueue: maxQueue, Kept: true,
	})
	f.indexer = x
	keeper := indexer.Keeper{
		Index: f.index, From: messageindex.Source{Store: store}, Logger: slog.New(slog.DiscardHandler), After: x.Hears(), Follower: x,
		Saw: func(err error) { f.saw <- err },
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = x.Run(ctx) })
	running.Go(func() { _ = keeper.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	if err := <-f.saw; err != nil {
		t.Fatal(err)
	}
	return f
}

// tell publishes what was committed since the last time, in one AMQP message or in one each.
func (f *followed) tell(t *testing.T, together bool) {
	t.Helper()
	all := f.Publisher.Events()
	var created []message.Event
	for _, e := range all[f.told:] {
		if e.Kind == message.MessageCreated {
			created = append(created, e)
		}
	}
	f.told = len(all)
	size := 1
	if together {
		size = len(created)
	}
	for batch := range slices.Chunk(created, size) {
		body, err := proto.Marshal(&eventv1.EventBatch{Events: events.Encode(batch)})
		if err != nil {
			t.Fatal(err)
		}
		err = f.bus.Publish(t.Context(), broker.Message{Exchange: broker.EventsExchange, RoutingKey: string(message.MessageCreated), Body: body})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (f *followed) found(t *testing.T) int {
	t.Helper()
	hits, err := f.index.Find(t.Context(), searchindex.Lookup{Limit: searchindex.MaxHits})
	if err != nil {
		t.Fatal(err)
	}
	return len(hits)
}

func (f *followed) metric(t *testing.T, name string) float64 {
	t.Helper()
	families, err := f.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// Of a batch of which the index is too busy to take a part, that part alone is written again.
func TestF37_OnlyWhatFailedIsWrittenAgain(t *testing.T) {
	t.Parallel()
	f := follow(t, 0)
	id, a, _ := f.Open(t)
	for i := range 5 {
		f.Say(t, a, id, fmt.Sprint("word ", i))
	}
	busy := []string{message.PlaceID(id, 2), message.PlaceID(id, 4)}
	f.index.script(func(call int, documents []searchindex.Document) error {
		if call > 2 {
			return nil
		}
		rest := slices.DeleteFunc(slices.Clone(documents), func(d searchindex.Document) bool { return slices.Contains(busy, d.ID) })
		return errors.Join(f.index.Kept.Put(t.Context(), rest), &searchindex.PutError{Retry: busy})
	})
	f.tell(t, true)
	for range 3 {
		<-f.index.put
	}
	f.index.mu.Lock()
	calls := f.index.calls
	f.index.mu.Unlock()
	if len(calls) != 3 || len(calls[0]) != 5 || !slices.Equal(calls[1], busy) || !slices.Equal(calls[2], busy) {
		t.Errorf("written: %v", calls)
	}
	if got := f.found(t); got != 5 {
		t.Errorf("found %d", got)
	}
}

// What the index will never take is laid aside with an alarm; the rest of its batch is found.
func TestF37_WhatTheIndexRefusesIsParked(t *testing.T) {
	t.Parallel()
	f := follow(t, 0)
	id, a, _ := f.Open(t)
	for _, text := range []string{"poison", "bread", "salt"} {
		f.Say(t, a, id, text)
	}
	poison := message.PlaceID(id, 1)
	f.index.script(func(_ int, documents []searchindex.Document) error {
		rest := slices.DeleteFunc(slices.Clone(documents), func(d searchindex.Document) bool { return d.ID == poison })
		err := f.index.Kept.Put(t.Context(), rest)
		if len(rest) < len(documents) {
			err = errors.Join(err, &searchindex.PutError{Refused: map[string]error{poison: errors.New("400")}})
		}
		return err
	})
	f.tell(t, false)
	again := time.NewTicker(5 * time.Millisecond) // it is parked after it was put
	defer again.Stop()
	for len(f.replay(t)) != 1 {
		<-again.C
	}
	if got := f.replay(t); len(got) != 1 || got[0].Err == nil || !slices.Equal(got[0].Documents, []string{poison}) {
		t.Errorf("while the index refuses it: %v", got)
	}
	if got := f.metric(t, "parley_index_parked_total"); got != 1 {
		t.Errorf("the alarm counts %v", got)
	}
	for f.found(t) != 2 {
		<-f.index.put
	}
	f.index.script(nil)
	if got := f.replay(t); len(got) != 1 || got[0].Err != nil {
		t.Errorf("when the index takes it: %v", got)
	}
	if got := f.found(t); got != 3 {
		t.Errorf("found %d after the replay", got)
	}
	if got := f.replay(t); len(got) != 0 {
		t.Errorf("still parked: %v", got)
	}
}

// replay looks at what is parked.
func (f *followed) replay(t *testing.T) (parked []indexer.Parked) {
	t.Helper()
	r := indexer.Replayer{Subscriber: f.bus, Source: messageindex.Source{Store: f.store}, Index: f.index, Told: func(p indexer.Parked) { parked = append(parked, p) }}
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return parked
}

// An index that is away for so long that the queue is full is filled from the database when it is back.
func TestF37_TheIndexIsFilledAnewAfterTheQueueWasFull(t *testing.T) {
	t.Parallel()
	const bound = 20
	f := follow(t, bound)
	id, a, _ := f.Open(t)
	f.index.script(func(int, []searchindex.Document) error { return searchindex.ErrUnavailable })
	const said = 600 // more than the indexer holds and the queue keeps
	for i := range said {
		f.Say(t, a, id, fmt.Sprint("word ", i))
	}
	f.tell(t, false)
	if got := f.metric(t, "parley_index_overflows_total"); got < 1 {
		t.Fatalf("the queue was full %v times", got)
	}
	f.stands(t, indexer.Overflow)
	f.index.script(nil)
	for f.metric(t, "parley_index_whole") != 1 || !f.all(t, said) {
		select {
		case <-f.index.put:
		case <-f.saw: //nolint:errcheck // whatever it saw, it is asked again
		case <-t.Context().Done():
			t.Fatal("it was not filled")
		}
	}
}

// stands waits until the index is withdrawn for a cause.
func (f *followed) stands(t *testing.T, cause indexer.Cause) {
	t.Helper()
	again, late := time.NewTicker(5*time.Millisecond), time.NewTimer(time.Minute)
	defer again.Stop()
	defer late.Stop()
	for {
		got := f.indexer.Standing()
		if got != nil && !got.Whole && got.Cause == cause {
			return
		}
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("the index stands %+v, want %s", got, cause)
		}
	}
}

// A broker that loses its queue has lost what was in it: the index is withdrawn before there is a new one, and filled.
func TestF37_TheIndexIsFilledAnewAfterTheQueueWasGone(t *testing.T) {
	t.Parallel()
	const said = 7
	f := follow(t, 0)
	id, a, _ := f.Open(t)
	f.index.script(func(int, []searchindex.Document) error { return searchindex.ErrUnavailable })
	for i := range said {
		f.Say(t, a, id, fmt.Sprint("word ", i))
	}
	f.tell(t, false)
	f.bus.Wipe()
	f.stands(t, indexer.Uncollected)
	f.index.script(nil)
	for f.metric(t, "parley_index_whole") != 1 || !f.all(t, said) {
		select {
		case <-f.index.put:
		case <-f.saw: //nolint:errcheck // whatever it saw, it is asked again
		case <-t.Context().Done():
			t.Fatal("it was not filled")
		}
	}
	if got := f.indexer.Standing(); !got.Whole || got.Cause != "" {
		t.Errorf("the index stands %+v", got)
	}
}

// all tells whether a person finds as many messages.
func (f *followed) all(t *testing.T, want int) bool {
	t.Helper()
	n, lookup := 0, searchindex.Lookup{Limit: searchindex.MaxHits}
	for {
		hits, err := f.index.Find(t.Context(), lookup)
		if err != nil {
			return false
		}
		n += len(hits)
		if len(hits) < lookup.Limit {
			return n == want
		}
		lookup.After = &hits[len(hits)-1]
	}
}

// A message that the index refuses does not keep everybody from searching; many say that the index does not fit.
func TestF37_AFillLeavesWhatTheIndexRefuses(t *testing.T) {
	t.Parallel()
	for said, whole := range map[int]bool{3: true, 150: false} {
		t.Run(fmt.Sprint(said), func(t *testing.T) {
			t.Parallel()
			store := messagetest.NewStore()
			m := messagetest.Start(t, store, 1)
			id, a, _ := m.Open(t)
			for i := range said {
				m.Say(t, a, id, fmt.Sprint("word ", i))
			}
			embedded, err := bleveindex.Open("")
			if err != nil {
				t.Fatal(err)
			}
			index := &scripted{Kept: embedded, put: make(chan struct{}, 100)}
			last := message.PlaceID(id, int64(said))
			index.script(func(_ int, documents []searchindex.Document) error {
				refused := map[string]error{}
				for _, d := range documents {
					if !whole || d.ID == last {
						refused[d.ID] = errors.New("400")
					}
				}
				rest := slices.DeleteFunc(slices.Clone(documents), func(d searchindex.Document) bool { return refused[d.ID] != nil })
				return errors.Join(embedded.Put(t.Context(), rest), &searchindex.PutError{Refused: refused})
			})
			heard, saw := make(chan struct{}), make(chan error, 10)
			close(heard)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			keeper := indexer.Keeper{Index: index, From: messageindex.Source{Store: store}, Logger: slog.New(slog.DiscardHandler), After: heard, Saw: func(err error) { saw <- err }}
			go func() { _ = keeper.Run(ctx) }()
			if err := <-saw; (err == nil) != whole || !whole && !errors.Is(err, indexer.ErrRefused) {
				t.Errorf("the keeper saw %v", err)
			}
			hits, err := embedded.Find(t.Context(), searchindex.Lookup{Limit: searchindex.MaxHits})
			if whole && (err != nil || len(hits) != said-1) || !whole && !errors.Is(err, searchindex.ErrUnavailable) {
				t.Errorf("found %d, %v", len(hits), err)
			}
		})
	}
}
