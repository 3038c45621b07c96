// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	transmitv1 "github.com/parley-chat/parley/api/gen/parley/transmit/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	// laneQueue bounds the deliveries that wait for one pod; chosen: 16 full envelopes.
	laneQueue = 16 * maxDeliveries
	// repeatEvery is how often the last number is repeated; pods count on ten seconds.
	repeatEvery = 10 * time.Second
	// publishDeadline bounds the wait for a confirm.
	publishDeadline = 5 * time.Second
	// ephemeralTTL is how long typing is worth anything.
	ephemeralTTL = 2 * time.Second
)

// Courier is gateway.Courier on a broker.
type Courier struct {
	publisher broker.Publisher
	logger    *slog.Logger
	signal    chan struct{} // has a place that is filled when a lane waits to be started

	mu      sync.Mutex // guards everything below
	lanes   map[route]*lane
	waiting []*lane // to be started
	stopped bool
}

var _ gateway.Courier = (*Courier)(nil)

// route is what shares envelopes.
type route struct {
	pod       string
	ephemeral bool
	forwarded bool
}

// lane sends the envelopes of one route.
type lane struct {
	courier  *Courier
	route    route
	senderID string
	queue    chan gateway.Delivery
	hole     chan struct{} // has a place that is filled when a hole must be shown at once
	lost     atomic.Bool   // something did not fit: the next number leaves a hole

	number int64             // owned by run
	kept   *gateway.Delivery // owned by run: did not fit into the last envelope
}

// NewCourier makes a Courier; it sends once Run runs.
func NewCourier(publisher broker.Publisher, logger *slog.Logger) *Courier {
	return &Courier{publisher: publisher, logger: logger, signal: make(chan struct{}, 1), lanes: map[route]*lane{}}
}

// Send puts a delivery into the lane of its pod.
func (c *Courier) Send(pod string, d gateway.Delivery, forwarded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lane(route{pod: pod, ephemeral: d.Class == gateway.ClassEphemeral, forwarded: forwarded})
	if l == nil {
		return
	}
	select {
	case l.queue <- d:
	default:
		l.lost.Store(true)
	}
}

// Hole leaves a hole in the numbers of what is forwarded to a pod, and shows it at once.
func (c *Courier) Hole(pod string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lane(route{pod: pod, forwarded: true})
	if l == nil {
		return
	}
	l.lost.Store(true)
	select {
	case l.hole <- struct{}{}:
	default:
	}
}

// lane is that of a route; nil after the end. The caller holds the lock.
func (c *Courier) lane(r route) *lane {
	if c.stopped {
		return nil
	}
	l := c.lanes[r]
	if l == nil {
		l = &lane{
			courier: c, route: r, senderID: ids.NewSession().String(),
			queue: make(chan gateway.Delivery, laneQueue), hole: make(chan struct{}, 1),
		}
		c.lanes[r] = l
		c.waiting = append(c.waiting, l)
		select {
		case c.signal <- struct{}{}:
		default:
		}
	}
	return l
}

// Run sends until ctx ends; what waits then is dropped: the pod that it was for compares heads.
func (c *Courier) Run(ctx context.Context) error {
	var lanes sync.WaitGroup
	defer lanes.Wait()
	for {
		select {
		case <-ctx.Done():
			c.mu.Lock()
			defer c.mu.Unlock()
			c.stopped = true
			return nil
		case <-c.signal:
			c.mu.Lock()
			waiting := c.waiting
			c.waiting = nil
			c.mu.Unlock()
			for _, l := range waiting {
				lanes.Go(func() { l.run(ctx) })
			}
		}
	}
}

// run sends until ctx ends or the pod is gone and nothing waits.
func (l *lane) run(ctx context.Context) {
	repeat := time.NewTicker(repeatEvery)
	defer repeat.Stop()
	for {
		if l.kept != nil {
			first := *l.kept
			l.kept = nil
			l.send(ctx, l.fill(first))
			continue
		}
		select {
		case <-ctx.Done():
			return
		case first := <-l.queue:
			l.send(ctx, l.fill(first))
		case <-l.hole:
			l.repeat(ctx)
		case <-repeat.C:
			if l.repeat(ctx) && l.retire() {
				return
			}
		}
	}
}

// fill takes what waits, up to one envelope.
func (l *lane) fill(first gateway.Delivery) []gateway.Delivery {
	batch, bytes := []gateway.Delivery{first}, size(&first)
	for len(batch) < maxDeliveries {
		select {
		case next := <-l.queue:
			bytes += size(&next)
			if bytes > maxEnvelopeBytes {
				l.kept = &next
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// send publishes one envelope. The number is used up by the try: after a failure the hole tells the pod.
func (l *lane) send(ctx context.Context, batch []gateway.Delivery) {
	if !l.route.ephemeral {
		l.number++
		if l.lost.Swap(false) {
			l.number++
		}
	}
	if err := l.publish(ctx, batch); err != nil && !errors.Is(err, broker.ErrUnroutable) {
		l.courier.logger.DebugContext(ctx, "envelope not sent", "pod", l.route.pod, "error", err)
	}
}

// repeat sends the last number again and tells whether the pod is gone. Typing has no numbers: its lane
// ends when it is idle.
func (l *lane) repeat(ctx context.Context) (gone bool) {
	if l.route.ephemeral {
		return true
	}
	if l.lost.Swap(false) {
		l.number++
	}
	return errors.Is(l.publish(ctx, nil), broker.ErrUnroutable)
}

// retire ends the lane unless something waits.
func (l *lane) retire() bool {
	l.courier.mu.Lock()
	defer l.courier.mu.Unlock()
	if len(l.queue) > 0 {
		return false
	}
	delete(l.courier.lanes, l.route)
	return true
}

// publish waits for the confirm.
func (l *lane) publish(ctx context.Context, batch []gateway.Delivery) error {
	body, err := encode(&transmitv1.Envelope{
		SenderId: l.senderID, Number: l.number, Forwarded: l.route.forwarded,
	}, batch)
	if err != nil {
		return err
	}
	m := broker.Message{Exchange: broker.DeliverExchange, RoutingKey: l.route.pod, Body: body}
	if l.route.ephemeral {
		m.TTL = ephemeralTTL
	}
	ctx, cancel := context.WithTimeout(ctx, publishDeadline)
	defer cancel()
	return l.courier.publisher.Publish(ctx, m)
}
