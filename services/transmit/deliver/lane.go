// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/transmit"
)

const (
	// laneQueue bounds the deliveries that wait for one pod: four full envelopes.
	laneQueue = 4 * maxDeliveries
	// repeatEvery is how often the last number is repeated; pods count on ten seconds.
	repeatEvery = 10 * time.Second
	// publishDeadline bounds the wait for a confirm.
	publishDeadline = 5 * time.Second
)

// item is one delivery that waits.
type item struct {
	delivery transmit.Delivery
	settled  func(error)
}

// lane sends the envelopes of one pod.
type lane struct {
	p        *Publisher
	pod      string
	senderID string
	queue    chan item
	users    int // calls of Deliver that hold the lane; guarded by Publisher.mu

	// Owned by run.
	number int64
	kept   *item // did not fit in the last envelope
}

func newLane(p *Publisher, pod string) *lane {
	return &lane{p: p, pod: pod, senderID: uuid.NewString(), queue: make(chan item, laneQueue)}
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
			l.abandon()
			return
		case first := <-l.queue:
			l.send(ctx, l.fill(first))
		case <-repeat.C:
			if l.repeat(ctx) && l.p.retire(l) {
				return
			}
		}
	}
}

// fill takes what waits, up to one envelope.
func (l *lane) fill(first item) []item {
	batch, bytes := []item{first}, size(first.delivery)
	for len(batch) < maxDeliveries {
		select {
		case next := <-l.queue:
			bytes += size(next.delivery)
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

// send publishes one envelope and settles its deliveries. The number is used up by the try: the outcome
// of a failed one is unknown, and two envelopes of one number could hide a loss.
func (l *lane) send(ctx context.Context, batch []item) {
	l.number++
	err := l.publish(ctx, batch)
	if errors.Is(err, broker.ErrUnroutable) {
		err = transmit.ErrPodGone
	}
	l.p.metrics.observe(batch, err)
	for _, it := range batch {
		it.settled(err)
	}
}

// repeat sends the last number again and tells whether the pod is gone.
func (l *lane) repeat(ctx context.Context) (gone bool) {
	err := l.publish(ctx, nil)
	if err != nil && !errors.Is(err, broker.ErrUnroutable) {
		l.p.logger.DebugContext(ctx, "number not repeated", "pod", l.pod, "error", err)
	}
	return errors.Is(err, broker.ErrUnroutable)
}

// publish waits for the confirm.
func (l *lane) publish(ctx context.Context, batch []item) error {
	body, err := encode(l.senderID, l.number, batch)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, publishDeadline)
	defer cancel()
	return l.p.broker.Publish(ctx, broker.Message{Exchange: broker.DeliverExchange, RoutingKey: l.pod, Body: body})
}

// abandon settles what was not sent. A call of Deliver may still put one more item in: its event is
// never acknowledged and comes again.
func (l *lane) abandon() {
	err := fault.ErrUnavailable.Because(context.Canceled)
	for {
		select {
		case it := <-l.queue:
			it.settled(err)
		default:
			return
		}
	}
}
