// SPDX-License-Identifier: Apache-2.0

// Package indexer keeps an index of texts up to date and whole.
//
// An Indexer hears what was stored or changed, reads it as it is now, and writes it to the index in batches.
// Events only say where to look, so they may come twice, late or in any order. While the index is away they
// wait in the broker; if too many do, the index is filled anew when it is back. A Keeper fills an index that
// is new or was lost. Whose texts they are is a Source.
package indexer

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/searchindex"
)

const (
	// prefetch bounds the AMQP messages under way, and so a batch; each holds some events.
	prefetch = 500
	// gather is how long a batch may wait for more; a tenth of what a search may lie behind. Chosen.
	gather = 100 * time.Millisecond
	// maxBatch is how many documents are read and written at once; about a megabyte of grams of messages.
	maxBatch = 500
	// MaxQueue is how many AMQP messages may wait for an index that is away: with one event each, about half a
	// gigabyte. Chosen.
	MaxQueue = 500_000
)

// Putter writes to an index.
type Putter interface {
	// Put is searchindex.Index.Put.
	Put(ctx context.Context, documents []searchindex.Document) error
}

// Options of New; all but the last two are needed.
type Options struct {
	Subscriber broker.Subscriber
	Source     Source
	Index      Putter
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	MaxQueue   int // 0: MaxQueue
	// Kept says that a Keeper looks after the index: the queue does not begin anew before the index is withdrawn.
	Kept bool
}

// Indexer writes what happens to texts into an index.
type Indexer struct {
	o       Options
	arrived chan arrival
	hears   chan struct{} // closed when the queue is bound for the first time
	bound   sync.Once
	hearing atomic.Bool   // the queue is bound, or was and may come back whole
	missed  atomic.Bool   // events may be lost, and the index does not know yet
	known   chan struct{} // gets one when it does
	wake    chan struct{} // has one when there is something for the Keeper
	metrics metrics

	mu       sync.Mutex // guards what follows
	cause    Cause      // of the last loss
	standing *Standing
}

// arrival is one AMQP message and where it says to look.
type arrival struct {
	delivery *broker.Delivery
	changes  []Change
}

// New makes an Indexer.
func New(o Options) *Indexer {
	o.MaxQueue = cmp.Or(o.MaxQueue, MaxQueue)
	return &Indexer{
		o: o, arrived: make(chan arrival), hears: make(chan struct{}), known: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		metrics: newMetrics(o.Registerer),
	}
}

// Hears is closed once nothing that happens from then on can be missed.
func (x *Indexer) Hears() <-chan struct{} { return x.hears }

// Run writes until ctx ends. What is not acknowledged then comes again.
func (x *Indexer) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() { x.write(ctx) })
	}
	subscription := Events(x.o.Source)
	subscription.MaxLength, subscription.Length, subscription.Bound = x.o.MaxQueue, x.waiting, x.listens
	if x.o.Kept {
		subscription.Anew = x.anew
	}
	err := x.o.Subscriber.Subscribe(ctx, subscription, x.arrive)
	cancel()
	writing.Wait()
	return err
}

// Events is the queue of a source, as all who look at it must name it.
func Events(s Source) broker.Subscription {
	return broker.Subscription{
		Queue: s.Queue(), Exchange: broker.EventsExchange, Prefetch: prefetch, RoutingKeys: s.RoutingKeys(), MaxLength: MaxQueue,
	}
}

// arrive hands a delivery to the writer. It blocks while that is busy: the broker then stops at prefetch.
func (x *Indexer) arrive(ctx context.Context, d *broker.Delivery) {
	changes, err := x.o.Source.Decode(d.Body)
	if err != nil {
		x.o.Logger.ErrorContext(ctx, "event for the search index rejected", "routing_key", d.RoutingKey, "error", err)
		x.metrics.parked.WithLabelValues("unreadable").Inc()
		d.Reject()
		return
	}
	select {
	case x.arrived <- arrival{d, changes}:
	case <-ctx.Done():
	}
}
