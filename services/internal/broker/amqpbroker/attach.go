// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
)

// attach declares, binds and consumes. A queue that begins anew does so only after its subscriber knows, and one of
// another build is replaced once nobody consumes it.
func (c *consumer) attach(ctx context.Context, l *link) (received, error) {
	c.asItIs = asItIs{}
	if c.s.Anew == nil {
		if err := l.within(callTimeout, func() error { return c.prepareDead(l.conn) }); err != nil {
			return received{}, err
		}
		return c.declareAndConsume(l)
	}
	r, attached, err := c.attachAlone(ctx, l)
	if attached || err != nil {
		return r, err
	}
	if err := c.begin(ctx, l); err != nil {
		return r, err
	}
	r, attached, err = c.attachAlone(ctx, l)
	if err == nil && !attached {
		err = errChannel // it has gone again: from the start
	}
	return r, err
}

// attachAlone consumes a queue while nobody else makes or removes it. One that begins anew is made only if the
// subscriber has been told.
func (c *consumer) attachAlone(ctx context.Context, l *link) (r received, attached bool, err error) {
	unlock, err := l.lock(ctx, c.s.Queue)
	if err != nil {
		return r, false, err
	}
	defer unlock()
	err = l.within(callTimeout, func() error {
		attached, err = c.prepare(l.conn)
		return err
	})
	if err != nil || !attached {
		return r, false, err
	}
	r, err = c.declareAndConsume(l)
	return r, err == nil, err
}

// prepare tells whether the queue may be declared. It removes one of another build.
func (c *consumer) prepare(conn *amqp.Connection) (ready bool, err error) {
	if err := c.prepareDead(conn); err != nil {
		return false, err
	}
	found, err := survey(conn, c.s.Queue, argumentsOf(c.s))
	switch {
	case err != nil:
		return false, err
	case found.Conflict != nil && found.Consumers > 0:
		return false, fmt.Errorf("%d still consume it, it is replaced after that: %w", found.Consumers, found.Conflict)
	case found.Found && found.Conflict == nil && !c.deleted:
		c.asItIs.queue = true
		return true, nil
	case !c.told:
		return false, nil
	case found.Conflict != nil:
		return true, remove(conn, c.s.Queue)
	default:
		return true, nil
	}
}

// begin lets the subscriber know, for as long as the connection lives.
func (c *consumer) begin(ctx context.Context, l *link) error {
	c.monitor.reached()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	closed := l.conn.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		select {
		case reason := <-closed:
			if reason == nil {
				cancel(errChannel)
				return
			}
			cancel(reason)
		case <-ctx.Done():
		}
	}()
	if err := c.s.Anew(ctx); err != nil {
		return fmt.Errorf("before queue %s begins anew: %w", c.s.Queue, errors.Join(err, context.Cause(ctx)))
	}
	c.deleted, c.told = false, true
	return nil
}

// prepareDead lets a dead-letter queue of another build serve as it is, unless it is empty: then it is removed, to be
// made anew. Whoever only reads dead letters takes any.
func (c *consumer) prepareDead(conn *amqp.Connection) error {
	if c.s.MaxLength == 0 {
		return nil
	}
	name, arguments := c.s.Queue, amqp.Table(nil)
	if !c.s.IsDead() {
		name, arguments = name+broker.DeadSuffix, deadArguments(c.s)
	}
	found, err := survey(conn, name, arguments)
	switch {
	case err != nil || !found.Found:
		return err
	case c.s.IsDead(), found.Conflict != nil && (found.Ready > 0 || found.Consumers > 0):
		c.asItIs.dead = true
		return nil
	case found.Conflict != nil:
		return remove(conn, name)
	default:
		return nil
	}
}
