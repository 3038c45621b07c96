// SPDX-License-Identifier: Apache-2.0

package events

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/transmit"
)

const (
	// Queue is the durable queue; all replicas of transmit share it.
	Queue = "transmit.events"
	// UsersSuffix follows it in the name of the queue for changed profiles. They need the friend service, and
	// while it is away they must not take the places of messages under way.
	UsersSuffix = ".users"
	// prefetch bounds the events under way; 100 to 300 is the useful range of RabbitMQ.
	prefetch = 300
	// settleWait is how long the events under way may take to settle when a process ends; chosen: a confirm
	// takes milliseconds. What takes longer comes again at another replica, where it may be told twice.
	settleWait = 3 * time.Second
	// settleLook is how often that is looked at.
	settleLook = 10 * time.Millisecond
)

// Forwarder is the part of transmit.Service that the consumer needs.
type Forwarder interface {
	// Forward is transmit.Service.Forward.
	Forward(ctx context.Context, events []transmit.Event, settled func(error))
}

// Options of New; all fields but Queue are required.
type Options struct {
	// Queue to consume, with the one for profiles beside it; empty: Queue. Another name hears the same events once more.
	Queue      string
	Subscriber broker.Subscriber
	Forwarder  Forwarder
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Consumer reads the events.
type Consumer struct {
	queue      string
	subscriber broker.Subscriber
	forwarder  Forwarder
	logger     *slog.Logger
	batches    *prometheus.CounterVec
	open       atomic.Int64 // batches that were forwarded and are not settled
}

// New makes a consumer.
func New(o Options) *Consumer {
	c := &Consumer{queue: cmp.Or(o.Queue, Queue), subscriber: o.Subscriber, forwarder: o.Forwarder, logger: o.Logger}
	c.batches = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_transmit_batches_total",
		Help: "AMQP messages with events, by outcome.",
	}, []string{"outcome"})
	o.Registerer.MustRegister(c.batches)
	return c
}

// Run consumes both queues until ctx ends. It then forwards nothing more, and waits a moment until what is under
// way is settled. What is not settled then is not acknowledged and comes again, here or at another replica.
func (c *Consumer) Run(ctx context.Context) error {
	heard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	others.Go(func() {
		select {
		case <-ctx.Done():
			c.settle(heard)
			cancel()
		case <-heard.Done():
		}
	})
	users := make(chan error, 1)
	others.Go(func() {
		defer cancel()
		users <- c.consume(ctx, heard, c.queue+UsersSuffix, "user.*")
	})
	err := c.consume(ctx, heard, c.queue, "message.*", "conversation.*", "marker.*", "friend.*")
	cancel()
	return errors.Join(err, <-users)
}

// settle waits until nothing is under way.
func (c *Consumer) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	look := time.NewTicker(settleLook)
	defer look.Stop()
	for c.open.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// consume hears a queue until heard ends, and forwards until ctx ends.
func (c *Consumer) consume(ctx, heard context.Context, queue string, keys ...string) error {
	return c.subscriber.Subscribe(heard, broker.Subscription{
		Queue: queue, Exchange: broker.EventsExchange, RoutingKeys: keys, Prefetch: prefetch,
	}, func(_ context.Context, d *broker.Delivery) {
		if ctx.Err() == nil {
			c.handle(ctx, d)
		}
	})
}

// handle forwards one batch. It blocks while a pod's lane is full: the broker then stops at prefetch.
func (c *Consumer) handle(ctx context.Context, d *broker.Delivery) {
	events, err := Decode(d.Body)
	if err != nil {
		c.logger.ErrorContext(ctx, "event rejected", "routing_key", d.RoutingKey, "error", err)
		c.batches.WithLabelValues("rejected").Inc()
		d.Reject()
		return
	}
	c.open.Add(1)
	c.forwarder.Forward(ctx, events, func(err error) {
		defer c.open.Add(-1) // after the outcome
		if err != nil {
			c.logger.WarnContext(ctx, "event comes again", "routing_key", d.RoutingKey, "error", err)
			c.batches.WithLabelValues("repeated").Inc()
			d.Retry()
			return
		}
		c.batches.WithLabelValues("forwarded").Inc()
		d.Ack()
	})
}
