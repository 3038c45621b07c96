// SPDX-License-Identifier: Apache-2.0

// Package events brings the voice messages of the queue speech.requests to the service.
//
// A message is acknowledged once its outcome is stored. What nobody can read is parked in the dead-letter
// queue, and so is what makes the service panic. When the process ends nothing is settled: the broker gives
// it to another one.
package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/speech"
)

const (
	// Queue is the durable queue; all replicas of speech share it.
	Queue = "speech.requests"
	// routingKey of what is asked for.
	routingKey = "speech.requested"
	// maxRemembered outcomes of events that share an AMQP message with one that must come again.
	maxRemembered = 1000
)

// Transcriber is the part of speech.Service that the consumer needs.
type Transcriber interface {
	// Transcribe is speech.Service.Transcribe.
	Transcribe(ctx context.Context, r speech.Request) error
}

// Options of New; all fields are required.
type Options struct {
	Subscriber  broker.Subscriber
	Transcriber Transcriber
	// Parallel is how many voice messages are read at once.
	Parallel   int
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Consumer reads the queue.
type Consumer struct {
	o       Options
	batches *prometheus.CounterVec

	mu   sync.Mutex          // guards done
	done map[string]struct{} // events that are settled in messages that are not
}

// New makes a consumer.
func New(o Options) *Consumer {
	c := &Consumer{o: o, done: map[string]struct{}{}}
	c.batches = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_speech_batches_total",
		Help: "AMQP messages of the queue speech.requests, by outcome (settled, repeated, rejected).",
	}, []string{"outcome"})
	o.Registerer.MustRegister(c.batches)
	return c
}

// Run consumes until ctx ends, and waits for what is under way, which ends then too.
func (c *Consumer) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	return c.o.Subscriber.Subscribe(ctx, broker.Subscription{
		Queue: Queue, Exchange: broker.EventsExchange, RoutingKeys: []string{routingKey}, Prefetch: c.o.Parallel,
	}, func(_ context.Context, d *broker.Delivery) {
		working.Go(func() { c.handle(ctx, d) })
	})
}

// handle settles one AMQP message, unless ctx ends.
func (c *Consumer) handle(ctx context.Context, d *broker.Delivery) {
	err := c.work(ctx, d.Body)
	switch {
	case ctx.Err() != nil: // not settled: it comes again
	case err == nil:
		c.batches.WithLabelValues("settled").Inc()
		d.Ack()
	case errors.Is(err, errPoison):
		c.o.Logger.ErrorContext(ctx, "voice messages parked", "queue", Queue+broker.DeadSuffix, "error", err)
		c.batches.WithLabelValues("rejected").Inc()
		d.Reject()
	default:
		c.o.Logger.WarnContext(ctx, "voice messages come again", "error", err)
		c.batches.WithLabelValues("repeated").Inc()
		d.Retry()
	}
}

var errPoison = errors.New("this will never be read")

// work reads the voice messages of one AMQP message. Those that were settled before are not read again.
func (c *Consumer) work(ctx context.Context, body []byte) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("%w: a panic of type %T", errPoison, value)
		}
	}()
	events, err := decode(body)
	if err != nil {
		return fmt.Errorf("%w: %w", errPoison, err)
	}
	var all error
	for _, e := range events {
		if c.settled(e.id) || e.request.File.IsZero() { // taken back before it was asked for
			continue
		}
		if err := c.o.Transcriber.Transcribe(ctx, e.request); err != nil {
			all = errors.Join(all, err)
			continue
		}
		c.remember(e.id, len(events) > 1)
	}
	if all == nil {
		c.forget(events)
	}
	return all
}

func (c *Consumer) settled(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.done[id]
	return known
}

func (c *Consumer) remember(id string, shared bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if shared && len(c.done) < maxRemembered {
		c.done[id] = struct{}{}
	}
}

func (c *Consumer) forget(events []event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range events {
		delete(c.done, e.id)
	}
}

// event is one voice message whose text is wanted.
type event struct {
	id      string
	request speech.Request
}

// decode reads an AMQP message. Any error means that no repeat will ever succeed.
func decode(body []byte) ([]event, error) {
	batch := &eventv1.EventBatch{}
	if err := proto.Unmarshal(body, batch); err != nil {
		return nil, fmt.Errorf("decode event batch: %w", err)
	}
	if len(batch.GetEvents()) == 0 {
		return nil, errors.New("event batch without events")
	}
	events := make([]event, 0, len(batch.GetEvents()))
	for _, e := range batch.GetEvents() {
		r, err := toRequest(e)
		if err != nil {
			return nil, fmt.Errorf("event %.64q: %w", e.GetEventId(), err)
		}
		events = append(events, event{e.GetEventId(), r})
	}
	return events, nil
}

func toRequest(e *eventv1.Event) (r speech.Request, err error) {
	asked := e.GetSpeechRequested()
	if asked == nil || e.GetType() != eventv1.EventType_EVENT_TYPE_SPEECH_REQUESTED {
		return r, errors.New("nothing that asks for a text")
	}
	if r.Conversation, err = ids.ParseConversation("conversation_id", asked.GetConversationId()); err != nil {
		return r, err
	}
	if asked.GetFileId() != "" {
		if r.File, err = ids.ParseFile("file_id", asked.GetFileId()); err != nil {
			return r, err
		}
	}
	if asked.GetSeq() < 1 || asked.GetAttempt() < 1 || asked.GetDurationMs() < 0 || e.GetOccurredAt() < 1 {
		return r, errors.New("numbers out of range")
	}
	r.Seq, r.Attempt = asked.GetSeq(), asked.GetAttempt()
	r.Duration, r.At = time.Duration(asked.GetDurationMs())*time.Millisecond, time.UnixMilli(e.GetOccurredAt())
	return r, nil
}
