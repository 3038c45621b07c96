// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	transmitv1 "github.com/parley-chat/parley/api/gen/parley/transmit/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/broker"
)

const (
	// maxSenders bounds the senders whose numbers are known; chosen: there are a few per pod.
	maxSenders = 4096
	// senderFor is how long a silent sender is remembered; senders repeat their number every 10 s.
	senderFor = 10 * time.Minute
)

// Receiver takes what arrives; gateway.Hub is one.
type Receiver interface {
	// Deliver takes deliveries in their order and does not block.
	Deliver(deliveries []gateway.Delivery, forwarded bool)
	// EnvelopeLost tells that an envelope is missing; forwarded, that it came from another gateway pod.
	EnvelopeLost(forwarded bool)
	// BrokerLost and BrokerBound tell when envelopes stop and start to arrive.
	BrokerLost()
	BrokerBound()
}

// ConsumerOptions are what a Consumer needs.
type ConsumerOptions struct {
	Pod        string // own name: routing key, and prefix of the queue
	Subscriber broker.Subscriber
	Receiver   Receiver
	Now        func() time.Time
	Logger     *slog.Logger
}

// Consumer gives the envelopes of one pod to its Hub.
type Consumer struct {
	ConsumerOptions
	senders map[string]sender // used by the one goroutine that handles
}

// sender is what was heard of one sender.
type sender struct {
	number int64
	at     time.Time
}

// NewConsumer makes a Consumer; it consumes once Run runs.
func NewConsumer(o ConsumerOptions) *Consumer {
	return &Consumer{ConsumerOptions: o, senders: map[string]sender{}}
}

// Run consumes until ctx ends. Until the broker is there nothing arrives, as if it had gone.
func (c *Consumer) Run(ctx context.Context) error {
	c.Receiver.BrokerLost()
	return c.Subscriber.Subscribe(ctx, broker.Subscription{
		Name: c.Pod, Exchange: broker.DeliverExchange, RoutingKeys: []string{c.Pod},
		Bound: func(context.Context) { c.Receiver.BrokerBound() },
		Lost:  c.Receiver.BrokerLost,
	}, c.handle)
}

// handle acknowledges once the frames wait in their session queues: what is lost later is found by heads.
func (c *Consumer) handle(ctx context.Context, d *broker.Delivery) {
	var e transmitv1.Envelope
	if err := proto.Unmarshal(d.Body, &e); err != nil {
		c.Logger.ErrorContext(ctx, "envelope cannot be decoded", "size_bytes", len(d.Body))
		d.Reject()
		c.Receiver.EnvelopeLost(false)
		return
	}
	if c.missing(&e) {
		c.Receiver.EnvelopeLost(e.GetForwarded())
	}
	if len(e.GetDeliveries()) > 0 {
		c.Receiver.Deliver(decode(&e), e.GetForwarded())
	}
	d.Ack()
}

// missing looks at the number of an envelope. A sender that is new here and past its first envelope may
// have lost some on the way, so that counts as a hole too.
func (c *Consumer) missing(e *transmitv1.Envelope) bool {
	number := e.GetNumber()
	if number == 0 {
		return false // not numbered: may be lost
	}
	known, ok := c.senders[e.GetSenderId()]
	if !ok {
		c.makeRoom()
	}
	c.senders[e.GetSenderId()] = sender{number: max(number, known.number), at: c.Now()}
	if len(e.GetDeliveries()) == 0 {
		return number > known.number // a repeat of a number that was never seen
	}
	return number > known.number+1
}

func (c *Consumer) makeRoom() {
	if len(c.senders) < maxSenders {
		return
	}
	limit := c.Now().Add(-senderFor)
	for id, s := range c.senders {
		if s.at.Before(limit) {
			delete(c.senders, id)
		}
	}
	if len(c.senders) >= maxSenders {
		clear(c.senders) // forgetting costs a comparison of heads, not a message
	}
}
