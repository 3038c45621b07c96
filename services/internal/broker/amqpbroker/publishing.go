// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"context"
	"fmt"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
)

// publishing is the life of one channel. Returns and confirms hold as many as may be outstanding: the
// library drops what a full channel does not take.
type publishing struct {
	p           *publisher
	l           *link
	ch          *amqp.Channel
	returns     chan amqp.Return
	confirms    chan amqp.Confirmation
	closed      chan *amqp.Error
	blocked     chan amqp.Blocking
	unconfirmed *window
	idleTicks   int // since the last confirm, while some are outstanding
}

// run publishes and settles until the channel closes or ctx ends.
func (s *publishing) run(ctx context.Context) error {
	ticker := time.NewTicker(confirmTick)
	defer ticker.Stop()
	for {
		if err := s.repeat(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case pub := <-s.requests():
			if err := s.send(pub); err != nil {
				return err
			}
		case r := <-s.returns:
			s.unconfirmed.returned(r.MessageId)
		case c, ok := <-s.confirms:
			if !ok {
				return s.reason()
			}
			s.confirm(c)
		case b := <-s.blocked:
			s.l.blocked = b.Active
			s.p.monitor.blocked(ctx, b.Active, b.Reason)
		case <-ticker.C:
			if s.stalled() {
				return errNoAnswer
			}
		}
	}
}

// requests is nil, which blocks, while nothing may be sent.
func (s *publishing) requests() <-chan *publication {
	if s.l.blocked || s.unconfirmed.full() {
		return nil
	}
	return s.p.requests
}

// repeat sends what the last channel left.
func (s *publishing) repeat(ctx context.Context) error {
	for len(s.p.again) > 0 && !s.l.blocked && !s.unconfirmed.full() && ctx.Err() == nil {
		pub := s.p.again[0]
		s.p.again = s.p.again[1:]
		if err := s.send(pub); err != nil {
			return err
		}
	}
	return nil
}

// send writes one message. A broker under an alarm may stop reading before it says so; then the
// connection is cut.
func (s *publishing) send(pub *publication) error {
	if pub.ctx.Err() != nil {
		return nil // nobody waits
	}
	id := s.p.newID()
	s.unconfirmed.add(id, pub)
	cut := time.AfterFunc(writeTimeout, s.l.cut)
	defer cut.Stop()
	err := s.ch.PublishWithContext(pub.ctx, pub.m.Exchange, pub.m.RoutingKey, true, false, publishingOf(pub.m, id))
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

func publishingOf(m broker.Message, id string) amqp.Publishing {
	out := amqp.Publishing{MessageId: id, Body: m.Body, DeliveryMode: amqp.Transient}
	if m.Persistent {
		out.DeliveryMode = amqp.Persistent
	}
	if m.TTL > 0 {
		out.Expiration = strconv.FormatInt(m.TTL.Milliseconds(), 10)
	}
	return out
}

// confirm settles one message. The broker sends a return before the confirm of the same message, and the
// library's one reader keeps that order: what was returned is in the channel by now.
func (s *publishing) confirm(c amqp.Confirmation) {
	s.emptyReturns()
	s.idleTicks = 0
	pub, wasReturned := s.unconfirmed.take(c.DeliveryTag)
	switch {
	case pub == nil:
	case wasReturned:
		pub.settle(broker.ErrUnroutable)
	case !c.Ack:
		pub.settle(fault.ErrUnavailable.Because(errNack))
	default:
		pub.settle(nil)
	}
}

func (s *publishing) emptyReturns() {
	for {
		select {
		case r, ok := <-s.returns:
			if !ok {
				return
			}
			s.unconfirmed.returned(r.MessageId)
		default:
			return
		}
	}
}

func (s *publishing) stalled() bool {
	if s.unconfirmed.empty() || s.l.blocked {
		s.idleTicks = 0
		return false
	}
	s.idleTicks++
	return s.idleTicks >= confirmTicks
}

// reason why the channel closed.
func (s *publishing) reason() error {
	select {
	case err, ok := <-s.closed:
		if ok && err != nil {
			return err
		}
	default:
	}
	return errChannel
}

// leave settles what was confirmed before the channel closed and returns the rest in order: whether the
// broker holds those is unknown, so they are published again while their callers wait.
func (s *publishing) leave() []*publication {
	_ = s.l.within(closeTimeout, s.ch.Close) // it may be closed; afterwards nothing more arrives
	for {
		select {
		case c, ok := <-s.confirms:
			if ok {
				s.confirm(c)
				continue
			}
		default:
		}
		return s.unconfirmed.rest()
	}
}
