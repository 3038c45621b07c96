// SPDX-License-Identifier: Apache-2.0

// Package indexer keeps the search index of messages up to date.
//
// It hears of messages that were stored or changed, reads them as they are now, and writes them to the
// index in batches. Events only say where to look, so they may come twice, late or in any order. While the
// index is away they wait in the broker.
package indexer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/message"
)

const (
	// Queue is the durable queue; all replicas share it.
	Queue = "message.search"
	// prefetch bounds the AMQP messages under way, and so a batch; each holds some events.
	prefetch = 500
	// gather is how long a batch may wait for more; a tenth of what a search may lie behind. Chosen.
	gather = 100 * time.Millisecond
	// maxBatch is how many messages are read and written at once; about a megabyte of grams.
	maxBatch = 500
)

// Reader reads messages as they are now.
type Reader interface {
	// Messages is message.Reader.Messages.
	Messages(ctx context.Context, stretches []message.Stretch) ([]message.Message, error)
}

// Putter writes to an index.
type Putter interface {
	// Put is searchindex.Index.Put.
	Put(ctx context.Context, documents []searchindex.Document) error
}

// Options of New; all are needed.
type Options struct {
	Subscriber broker.Subscriber
	Reader     Reader
	Index      Putter
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Indexer writes what happens to messages into an index.
type Indexer struct {
	o         Options
	arrived   chan arrival
	hears     chan struct{} // closed when the queue is bound
	bound     sync.Once
	documents *prometheus.CounterVec
	lag       prometheus.Histogram
}

// arrival is one AMQP message and where it says to look.
type arrival struct {
	delivery *broker.Delivery
	places   []message.Stretch
}

// New makes an Indexer.
func New(o Options) *Indexer {
	x := &Indexer{o: o, arrived: make(chan arrival), hears: make(chan struct{})}
	x.documents = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_message_index_documents_total", Help: "Messages written to the search index, by outcome.",
	}, []string{"outcome"})
	x.lag = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "parley_message_index_lag_seconds", Help: "Time from the commit of a message until the index has taken it.",
		Buckets: []float64{.1, .25, .5, 1, 2, 3, 5, 10, 30, 60, 300, 3600},
	})
	o.Registerer.MustRegister(x.documents, x.lag)
	return x
}

// Hears is closed once nothing that happens from then on can be missed.
func (x *Indexer) Hears() <-chan struct{} { return x.hears }

// Run writes until ctx ends. What is not acknowledged then comes again.
func (x *Indexer) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	written := make(chan struct{})
	go func() {
		defer close(written)
		x.write(ctx)
	}()
	err := x.o.Subscriber.Subscribe(ctx, broker.Subscription{
		Queue: Queue, Exchange: broker.EventsExchange, Prefetch: prefetch,
		RoutingKeys: []string{"message.created", "message.edited", "message.recalled"},
		Bound:       func(context.Context) { x.bound.Do(func() { close(x.hears) }) },
	}, x.arrive)
	cancel()
	<-written
	return err
}

// arrive hands a delivery to the writer. It blocks while that is busy: the broker then stops at prefetch.
func (x *Indexer) arrive(ctx context.Context, d *broker.Delivery) {
	places, err := decode(d.Body)
	if err != nil {
		x.o.Logger.ErrorContext(ctx, "event for the search index rejected", "routing_key", d.RoutingKey, "error", err)
		x.documents.WithLabelValues("rejected").Inc()
		d.Reject()
		return
	}
	select {
	case x.arrived <- arrival{d, places}:
	case <-ctx.Done():
	}
}

// decode reads where a batch of events says to look.
func decode(body []byte) ([]message.Stretch, error) {
	var batch eventv1.EventBatch
	if err := proto.Unmarshal(body, &batch); err != nil {
		return nil, err
	}
	places := make([]message.Stretch, 0, len(batch.GetEvents()))
	for _, e := range batch.GetEvents() {
		id, err := ids.ParseConversation("conversation_id", e.GetMessage().GetConversationId())
		if err != nil {
			return nil, err
		}
		seq := e.GetMessage().GetSeq()
		places = append(places, message.Stretch{Conversation: id, Interval: message.Interval{From: seq, To: seq}})
	}
	return places, nil
}

// write gathers what arrives and writes it, until ctx ends.
func (x *Indexer) write(ctx context.Context) {
	for {
		select {
		case first := <-x.arrived:
			x.settle(ctx, x.gather(ctx, first))
		case <-ctx.Done():
			return
		}
	}
}

// gather waits a moment for more.
func (x *Indexer) gather(ctx context.Context, first arrival) []arrival {
	batch, places := []arrival{first}, len(first.places)
	enough := time.NewTimer(gather)
	defer enough.Stop()
	for places < maxBatch {
		select {
		case next := <-x.arrived:
			batch, places = append(batch, next), places+len(next.places)
		case <-enough.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// settle writes a batch and acknowledges what the index has taken.
func (x *Indexer) settle(ctx context.Context, batch []arrival) {
	var places []message.Stretch
	for _, a := range batch {
		places = append(places, a.places...)
	}
	failed, err := x.put(ctx, places)
	if err != nil {
		if ctx.Err() == nil {
			x.o.Logger.WarnContext(ctx, "the search index lies behind", "messages", len(places), "error", err)
		}
		for _, a := range batch {
			a.delivery.Retry()
		}
		return
	}
	for _, a := range batch {
		if again(failed, a.places) {
			a.delivery.Retry()
		} else {
			a.delivery.Ack()
		}
	}
}

func again(failed map[string]bool, places []message.Stretch) bool {
	for _, p := range places {
		if failed[message.PlaceID(p.Conversation, p.From)] {
			return true
		}
	}
	return false
}

// put writes messages as they are now, and answers which have to be written again.
func (x *Indexer) put(ctx context.Context, places []message.Stretch) (failed map[string]bool, err error) {
	messages, err := x.o.Reader.Messages(ctx, places)
	if err != nil {
		return nil, err
	}
	documents := make([]searchindex.Document, len(messages))
	for i, m := range messages {
		documents[i] = m.Document()
	}
	failed, err = x.outcome(ctx, len(documents), x.o.Index.Put(ctx, documents))
	if err != nil {
		return nil, err
	}
	now := x.o.Now()
	for _, d := range documents {
		if !failed[d.ID] && d.Version == 0 {
			x.lag.Observe(now.Sub(d.At).Seconds())
		}
	}
	return failed, nil
}

// outcome counts what became of documents. Those that the index will never take are told once and left.
func (x *Indexer) outcome(ctx context.Context, n int, err error) (failed map[string]bool, _ error) {
	failed = map[string]bool{}
	partial, ok := errors.AsType[*searchindex.PutError](err)
	if err != nil && !ok {
		x.documents.WithLabelValues("failed").Add(float64(n))
		return nil, err
	}
	if ok {
		for _, id := range partial.Retry {
			failed[id] = true
		}
		for id, reason := range partial.Refused {
			x.o.Logger.ErrorContext(ctx, "the search index will never take a message", "document", id, "error", reason)
		}
		x.documents.WithLabelValues("failed").Add(float64(len(partial.Retry)))
		x.documents.WithLabelValues("refused").Add(float64(len(partial.Refused)))
		n -= len(partial.Retry) + len(partial.Refused)
	}
	x.documents.WithLabelValues("written").Add(float64(n))
	return failed, nil
}
