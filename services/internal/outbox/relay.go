// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// Bounds of a relay.
const (
	maxInFlight = 4               // batches between publish and delete; more makes batches smaller
	flushGrace  = 2 * time.Second // for what was offered before Run's context ended; the sweep takes the rest
)

// Options of a relay.
type Options struct {
	DB        *sqldb.DB
	Publisher broker.Publisher
	// Load finds the events of rows that hold only what to find them by. It may leave out or reorder; a
	// row without its event stays. Nil: the payload is the event.
	Load       func(ctx context.Context, rows []Row) ([]*eventv1.Event, error)
	Now        func() time.Time
	Logger     *slog.Logger          // nil: nothing is logged
	Registerer prometheus.Registerer // nil: nothing is registered
}

// Relay publishes the events of one service process.
type Relay struct {
	opts    Options
	queue   *queue
	metrics *metrics
	slots   chan struct{} // one for each batch in flight
}

// NewRelay takes the table of a database into use. Run must be called for anything to happen.
func NewRelay(o Options) *Relay {
	if o.Load == nil {
		o.Load = decodeAll
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Relay{
		opts: o, queue: newQueue(), metrics: newMetrics(o.Registerer),
		slots: make(chan struct{}, maxInFlight),
	}
}

// Offer hands over events whose rows are committed, to be published now. It never blocks; what does not
// fit is left to the sweep. The caller must not change the events afterwards.
func (r *Relay) Offer(events ...*eventv1.Event) {
	if left := r.queue.add(events); left > 0 {
		r.metrics.overflow.Add(float64(left))
	}
}

// Run publishes and sweeps until ctx ends, and then gives what was offered two seconds more. It returns
// nil.
func (r *Relay) Run(ctx context.Context) error {
	publishing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { r.sweepLoop(ctx) })
	wg.Go(func() {
		<-ctx.Done()
		timer := time.NewTimer(flushGrace)
		defer timer.Stop()
		select {
		case <-timer.C:
			stop()
		case <-publishing.Done():
		}
	})
	r.publishLoop(ctx, publishing)
	stop()
	wg.Wait()
	return nil
}

// publishLoop sends what is offered, one more time after ctx has ended. Batches that are in flight live
// on publishing.
func (r *Relay) publishLoop(ctx, publishing context.Context) {
	var batches sync.WaitGroup
	defer batches.Wait()
	for ended := false; !ended; {
		select {
		case <-r.queue.filled:
		case <-ctx.Done():
			ended = true
		}
		for entries := r.queue.take(); len(entries) > 0; entries = r.queue.take() {
			for _, b := range split(entries) {
				r.start(publishing, &batches, b)
			}
		}
	}
}

// start waits for a slot, so that a slow broker makes batches fuller.
func (r *Relay) start(publishing context.Context, batches *sync.WaitGroup, b batch) {
	select {
	case r.slots <- struct{}{}:
	case <-publishing.Done():
		r.queue.release(b.entries)
		return
	}
	batches.Go(func() {
		defer func() { <-r.slots }()
		defer r.queue.release(b.entries)
		_ = r.settle(publishing, b) // reported; the sweep repeats
	})
}
