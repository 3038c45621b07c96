// SPDX-License-Identifier: Apache-2.0

// Package membroker is the broker inside one process.
//
// It keeps the promises of the port for as long as the process lives: what it holds goes with it, which
// loses nothing, because committed events stay in the outbox until the confirm and clients sync when they
// come back. Durable queues refuse messages above their bound, unless they may drop their oldest.
package membroker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
)

// durableMaxBytes bounds a durable queue; chosen, no evidence.
const durableMaxBytes = 64 << 20

// Broker holds exchanges and queues. It is safe for concurrent use.
type Broker struct {
	now    func() time.Time
	closed chan struct{}
	subs   sync.WaitGroup

	mu       sync.Mutex // guards all below, and the queues
	queues   map[string]*queue
	bindings map[string][]binding // by exchange
	seq      uint64               // of the newest message
	away     bool
	changed  chan struct{} // closed when away changes, and then replaced
	bound    int           // subscriptions that are bound
	wanted   int           // subscriptions
}

var _ broker.Broker = (*Broker)(nil)

// New makes an empty broker.
func New() *Broker {
	return &Broker{
		now:    time.Now, //nolint:forbidigo // the only clock of a broker that has no wiring of its own
		closed: make(chan struct{}), changed: make(chan struct{}),
		queues: map[string]*queue{}, bindings: map[string][]binding{},
	}
}

// Publish puts the message into every queue that is bound for it, into all or none.
func (b *Broker) Publish(ctx context.Context, m broker.Message) error {
	if err := m.Validate(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.isClosed() || b.away {
		return fault.ErrUnavailable.Because(errors.New("broker is away"))
	}
	targets := b.route(m.Exchange, m.RoutingKey)
	if len(targets) == 0 {
		return broker.ErrUnroutable
	}
	for _, q := range targets {
		if q.durable && q.maxBytes == 0 && q.bytes+len(m.Body) > durableMaxBytes {
			return fault.ErrUnavailable.Because(errors.New("queue is full"))
		}
	}
	for _, q := range targets {
		b.seq++
		q.push(q.message(m, b.seq, b.now()))
	}
	return nil
}

// Retire removes a queue that nobody consumes.
func (b *Broker) Retire(ctx context.Context, queue string) (gone bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.isClosed() || b.away {
		return false, fault.ErrUnavailable.Because(errors.New("broker is away"))
	}
	if q := b.queues[queue]; q != nil {
		if q.used > 0 {
			return false, nil
		}
		b.remove(q)
	}
	if dead := b.queues[queue+broker.DeadSuffix]; dead != nil && dead.used == 0 && len(dead.ready) == 0 {
		b.remove(dead)
	}
	return true, nil
}

// Connected is false while the broker is away or a subscription is not bound.
func (b *Broker) Connected() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.away && !b.isClosed() && b.bound == b.wanted
}

// Close ends all subscriptions and waits for them.
func (b *Broker) Close() error {
	b.mu.Lock()
	if !b.isClosed() {
		close(b.closed)
	}
	b.mu.Unlock()
	b.subs.Wait()
	return nil
}

func (b *Broker) isClosed() bool {
	select {
	case <-b.closed:
		return true
	default:
		return false
	}
}

// SetAway plays a broker that cannot be reached, or one that is back. Exclusive queues go when it leaves.
func (b *Broker) SetAway(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away != away {
		b.away = away
		close(b.changed)
		b.changed = make(chan struct{})
	}
}

// Interrupt breaks all connections once.
func (b *Broker) Interrupt() {
	b.SetAway(true)
	b.SetAway(false)
}

// Wipe plays a broker that lost its data and its connections: no queue and no message is left.
func (b *Broker) Wipe() {
	b.SetAway(true)
	b.mu.Lock()
	clear(b.queues)
	clear(b.bindings)
	b.mu.Unlock()
	b.SetAway(false)
}
