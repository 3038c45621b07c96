// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
)

// repairEvery is how often a subscription declares and binds anew, in case somebody deleted an exchange
// or binding, of which nobody tells; chosen, no evidence.
const repairEvery = 10 * time.Second

// consumer is one subscription through all its connections.
type consumer struct {
	b       *Broker
	s       broker.Subscription
	handle  func(ctx context.Context, d *broker.Delivery)
	monitor *monitor

	asItIs  asItIs // as prepare found it
	deleted bool   // the queue was, while we consumed it
	told    bool   // the subscriber knows that the queue begins anew, on this connection
}

// Subscribe consumes until ctx ends, on a connection of its own.
func (b *Broker) Subscribe(ctx context.Context, s broker.Subscription, handle func(ctx context.Context, d *broker.Delivery)) error {
	s, err := s.Normalized()
	if err != nil {
		return err
	}
	c := &consumer{b: b, s: s, handle: handle, monitor: newMonitor(b.opts.Logger, s.Queue+s.Name)}
	if !b.enter(c.monitor) {
		return broker.ErrClosed
	}
	defer b.leave(c.monitor)
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.ctx, cancel)() //nolint:contextcheck // the broker lives apart from its callers
	c.run(running)
	if ctx.Err() == nil {
		return broker.ErrClosed
	}
	return nil
}

func (c *consumer) run(ctx context.Context) {
	var pause broker.Backoff
	for ctx.Err() == nil {
		err := c.connect(ctx, &pause)
		if c.monitor.failed(ctx, err) && ctx.Err() == nil && c.s.Lost != nil {
			c.s.Lost()
		}
		wait(ctx, pause.Next())
	}
}

// connect is the life of one connection.
func (c *consumer) connect(ctx context.Context, pause *broker.Backoff) error {
	l, err := dial(ctx, c.b.opts, c.s.Queue+c.s.Name)
	if err != nil {
		return err
	}
	defer l.close()
	c.told = false
	r, err := c.attach(ctx, l)
	if err != nil {
		return err
	}
	c.asItIs.queue = c.s.Anew != nil // whoever repairs must not make it
	pause.Reset()
	c.monitor.connected(ctx)
	if c.s.Bound != nil {
		c.s.Bound(ctx)
	}
	r.acks = startAcker(r.ch, c.s.Prefetch)
	defer r.acks.stop()
	return c.receive(ctx, r)
}

func (c *consumer) declareAndConsume(l *link) (r received, err error) {
	ch, err := c.open(l)
	if err != nil {
		return r, err
	}
	r = received{l: l, ch: ch, queue: queueName(c.s), closed: ch.NotifyClose(make(chan *amqp.Error, 1))}
	if err := l.within(callTimeout, func() error { return c.declare(ch, r.queue) }); err != nil {
		return r, err
	}
	err = l.within(callTimeout, func() (err error) { r.deliveries, err = c.consume(ch, r.queue); return err })
	return r, err
}

func (c *consumer) open(l *link) (ch *amqp.Channel, err error) {
	err = l.within(callTimeout, func() error { ch, err = l.conn.Channel(); return err })
	return ch, err
}

func (c *consumer) declare(ch *amqp.Channel, name string) error {
	if err := declareExchanges(ch); err != nil {
		return err
	}
	ready, err := declareQueue(ch, name, c.s, c.asItIs)
	if err != nil {
		return err
	}
	if c.s.Length != nil && c.s.Durable() {
		c.s.Length(ready)
	}
	return bind(ch, name, c.s)
}

func (c *consumer) consume(ch *amqp.Channel, name string) (<-chan amqp.Delivery, error) {
	if err := ch.Qos(c.s.Prefetch, 0, false); err != nil {
		return nil, fmt.Errorf("set prefetch: %w", err)
	}
	deliveries, err := ch.Consume(name, "", false, !c.s.Durable(), false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("consume %s: %w", name, err)
	}
	return deliveries, nil
}

// received is what comes and goes on a channel.
type received struct {
	l          *link
	ch         *amqp.Channel
	queue      string
	deliveries <-chan amqp.Delivery
	closed     <-chan *amqp.Error
	acks       *acker
}

func (c *consumer) receive(ctx context.Context, r received) error {
	repair := time.NewTicker(repairEvery)
	defer repair.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-repair.C:
			if err := r.l.within(callTimeout, func() error { return c.declare(r.ch, r.queue) }); err != nil {
				return err
			}
		case d, ok := <-r.deliveries:
			if !ok { // the channel closed, or the queue was deleted
				err := closeReason(r.closed)
				c.deleted = c.deleted || errors.Is(err, errConsumer)
				return err
			}
			c.handle(ctx, r.acks.delivery(d))
		}
	}
	return ctx.Err()
}

// closeReason of deliveries that have ended.
func closeReason(closed <-chan *amqp.Error) error {
	select {
	case err, ok := <-closed:
		if ok && err != nil {
			return err
		}
		return errChannel
	default:
		return errConsumer
	}
}
