// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/transmit"
	"github.com/parley-chat/parley/services/transmit/events"
)

// queue is a subscriber that hands over fixed bodies and records what became of them.
type queue struct {
	bodies [][]byte

	mu            sync.Mutex // guards what follows
	subscriptions map[string]broker.Subscription
	outcomes      []broker.Outcome
}

func (q *queue) Subscribe(
	ctx context.Context, s broker.Subscription, handle func(context.Context, *broker.Delivery),
) error {
	q.mu.Lock()
	q.subscriptions[s.Queue] = s
	q.mu.Unlock()
	if s.Queue != events.Queue {
		<-ctx.Done()
		return nil
	}
	for _, b := range q.bodies {
		handle(ctx, broker.NewDelivery("message.created", b, false, func(o broker.Outcome) {
			q.outcomes = append(q.outcomes, o)
		}))
	}
	return nil
}

// forwarder records events and settles them when told.
type forwarder struct {
	events  []transmit.Event
	settled []func(error)
}

func (f *forwarder) Forward(_ context.Context, list []transmit.Event, settled func(error)) {
	f.events = append(f.events, list...)
	f.settled = append(f.settled, settled)
}

func consume(t *testing.T, bodies ...[]byte) (*queue, *forwarder) {
	t.Helper()
	q, f := &queue{bodies: bodies, subscriptions: map[string]broker.Subscription{}}, &forwarder{}
	err := events.New(events.Options{
		Subscriber: q, Forwarder: f, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}).Run(t.Context())
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	return q, f
}

func TestConsumerBindsWhatPeopleHear(t *testing.T) {
	t.Parallel()
	q, _ := consume(t)
	want := map[string]broker.Subscription{
		"transmit.events": {
			Queue: "transmit.events", Exchange: "parley.events", Prefetch: 300,
			RoutingKeys: []string{"message.*", "conversation.*", "marker.*", "friend.*"},
		},
		"transmit.events.users": {
			Queue: "transmit.events.users", Exchange: "parley.events", Prefetch: 300, RoutingKeys: []string{"user.*"},
		},
	}
	if diff := cmp.Diff(want, q.subscriptions); diff != "" {
		t.Errorf("subscription (-want +got):\n%s", diff)
	}
}

func TestConsumerAcknowledgesAfterTheEventsAreSettled(t *testing.T) {
	t.Parallel()
	f := newFixture()
	q, forward := consume(t, body(t, f.message(1, "a")), body(t, f.message(2, "b")))
	if len(q.outcomes) != 0 {
		t.Fatalf("outcomes %v before anything was settled", q.outcomes)
	}
	if len(forward.events) != 2 || forward.events[0].Seq != 1 || forward.events[1].Seq != 2 {
		t.Fatalf("forwarded %v, want both in order", forward.events)
	}
	forward.settled[1](nil)
	forward.settled[0](errors.New("no confirm"))
	if diff := cmp.Diff([]broker.Outcome{broker.Acked, broker.Retried}, q.outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestConsumerParksPoisonAndGoesOn(t *testing.T) {
	t.Parallel()
	f := newFixture()
	q, forward := consume(t, []byte{0xff}, body(t, f.message(1, "a")))
	if diff := cmp.Diff([]broker.Outcome{broker.Rejected}, q.outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if len(forward.events) != 1 {
		t.Errorf("%d events forwarded, want the good one", len(forward.events))
	}
}
