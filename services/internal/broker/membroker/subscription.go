// SPDX-License-Identifier: Apache-2.0

package membroker

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/services/internal/broker"
)

// subscription is one life of a consumer between two connections.
type subscription struct {
	b       *Broker
	s       broker.Subscription
	q       *queue
	changed chan struct{} // the broker went away

	// guarded by the broker's mutex
	unsettled map[uint64]*message // by seq
	settled   chan struct{}       // closed when unsettled shrinks, and then replaced
	pause     broker.RetryPause
	ended     bool
}

// Subscribe consumes until ctx ends.
func (b *Broker) Subscribe(ctx context.Context, s broker.Subscription, handle func(ctx context.Context, d *broker.Delivery)) error {
	s, err := s.Normalized()
	if err != nil {
		return err
	}
	if !b.enter() {
		return broker.ErrClosed
	}
	defer b.leave()
	for {
		if !b.begin(ctx, s) {
			return b.ended(ctx)
		}
		sub, changed := b.connect(s)
		if sub != nil {
			sub.run(ctx, handle)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-b.closed:
			return broker.ErrClosed
		case <-changed:
		}
	}
}

func (b *Broker) ended(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return broker.ErrClosed
	}
}

// begin lets a subscriber know that its queue will be made; false says that the subscription is over.
func (b *Broker) begin(ctx context.Context, s broker.Subscription) bool {
	if s.Anew == nil {
		return true
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-b.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	var pause broker.Backoff
	for ctx.Err() == nil && !b.has(s.Queue) && s.Anew(ctx) != nil {
		again := time.NewTimer(pause.Next())
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
		}
	}
	return ctx.Err() == nil
}

func (b *Broker) has(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queues[name] != nil
}

func (b *Broker) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.isClosed() {
		return false
	}
	b.subs.Add(1)
	b.wanted++
	return true
}

func (b *Broker) leave() {
	b.mu.Lock()
	b.wanted--
	b.mu.Unlock()
	b.subs.Done()
}

// connect declares and binds; it is nil while the broker is away.
func (b *Broker) connect(s broker.Subscription) (*subscription, chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return nil, b.changed
	}
	name := s.Queue
	if name == "" {
		name = s.Name + "." + uuid.NewString()
	}
	q := b.declare(name, s)
	b.bind(q, s)
	b.bound++
	q.used++
	sub := &subscription{
		b: b, s: s, q: q, changed: b.changed,
		unsettled: map[uint64]*message{}, settled: make(chan struct{}),
	}
	if s.Length != nil && s.Durable() {
		q.length[sub] = s.Length
		s.Length(len(q.ready))
	}
	return sub, b.changed
}

// declare needs mu.
func (b *Broker) declare(name string, s broker.Subscription) *queue {
	q, ok := b.queues[name]
	if !ok {
		q = newQueue(name, s)
		b.queues[name] = q
	}
	return q
}

func (sub *subscription) run(ctx context.Context, handle func(ctx context.Context, d *broker.Delivery)) {
	if sub.s.Bound != nil {
		sub.s.Bound(ctx)
	}
	for d := sub.next(ctx); d != nil; d = sub.next(ctx) {
		handle(ctx, d)
	}
	sub.end()
	if ctx.Err() == nil && sub.s.Lost != nil {
		sub.s.Lost()
	}
}

// next waits for a delivery; nil says that the subscription is over.
func (sub *subscription) next(ctx context.Context) *broker.Delivery {
	for {
		d, filled, settled := sub.poll()
		select { // an end goes before what waits
		case <-ctx.Done():
			return nil
		case <-sub.b.closed:
			return nil
		case <-sub.changed:
			return nil
		default:
		}
		if d != nil {
			return d
		}
		select {
		case <-ctx.Done():
		case <-sub.b.closed:
		case <-sub.changed:
		case <-filled:
		case <-settled:
		}
	}
}

func (sub *subscription) poll() (d *broker.Delivery, filled, settled chan struct{}) {
	sub.b.mu.Lock()
	defer sub.b.mu.Unlock()
	if len(sub.unsettled) < sub.s.Prefetch {
		if m := sub.q.pop(sub.b.now()); m != nil {
			sub.unsettled[m.seq] = m
			d = broker.NewDelivery(m.key, m.body, m.redelivered, func(o broker.Outcome) { sub.settle(m, o) })
		}
	}
	return d, sub.q.filled, sub.settled
}

func (sub *subscription) settle(m *message, o broker.Outcome) {
	sub.b.mu.Lock()
	defer sub.b.mu.Unlock()
	if sub.ended {
		return // it went back to the queue with the connection
	}
	switch o {
	case broker.Acked:
		sub.pause.Reset()
		sub.forget(m)
	case broker.Rejected:
		sub.forget(m)
		if sub.q.durable && !sub.s.IsDead() {
			name := sub.q.name + broker.DeadSuffix
			sub.b.declare(name, broker.Subscription{Queue: name}).push(m)
		}
	case broker.Retried:
		time.AfterFunc(sub.pause.Hold(), func() { sub.requeue(m) })
	}
}

func (sub *subscription) requeue(m *message) {
	sub.b.mu.Lock()
	defer sub.b.mu.Unlock()
	if !sub.ended {
		sub.pause.Release()
		sub.forget(m)
		m.redelivered = true
		sub.q.push(m)
	}
}

// forget needs mu.
func (sub *subscription) forget(m *message) {
	delete(sub.unsettled, m.seq)
	close(sub.settled)
	sub.settled = make(chan struct{})
}

// end gives back what was not settled.
func (sub *subscription) end() {
	sub.b.mu.Lock()
	defer sub.b.mu.Unlock()
	sub.ended = true
	sub.b.bound--
	sub.q.used--
	delete(sub.q.length, sub)
	if !sub.q.durable {
		sub.b.remove(sub.q)
		return
	}
	for _, m := range sub.unsettled {
		m.redelivered = true
		sub.q.push(m)
	}
}
