// SPDX-License-Identifier: Apache-2.0

package events

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/transmit"
)

const (
	// Queue is the durable queue; all replicas of transmit share it.
	Queue = "transmit.events"
	// prefetch bounds the events under way; 100 to 300 is the useful range of RabbitMQ.
	prefetch = 300
)

// Forwarder is the part of transmit.Service that the consumer needs.
type Forwarder interface {
	// Forward is transmit.Service.Forward.
	Forward(ctx context.Context, events []transmit.Event, settled func(error))
}

// Options of New; all fields but Queue are required.
type Options struct {
	// Queue to consume; empty: Queue. Another name hears the same events once more.
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

// Run consumes until ctx ends. What is not settled then is not acknowledged and comes again, here or
// at another replica.
func (c *Consumer) Run(ctx context.Context) error {
	return c.subscriber.Subscribe(ctx, broker.Subscription{
		Queue:       c.queue,
		Exchange:    broker.EventsExchange,
		RoutingKeys: []string{"message.*", "conversation.*", "marker.*", "friend.*", "user.*"},
		Prefetch:    prefetch,
	}, c.handle)
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
	c.forwarder.Forward(ctx, events, func(err error) {
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
