// SPDX-License-Identifier: Apache-2.0

// Package brokertest holds every adapter of the broker port to the same promises.
//
// The rows name their queues and keys at random, so that they run beside others on one broker.
package brokertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/services/internal/broker"
)

// patience bounds every wait of the suite, for a broker on a busy machine.
const patience = 60 * time.Second

// Features of an adapter that the port does not name.
type Features struct {
	// Interrupt breaks the connections of a broker once. Nil: the rows that need it do not run.
	Interrupt func(t *testing.T, b broker.Broker)
}

// Test runs the suite; open gives a new client of the same or of a new broker, which the suite closes.
func Test(t *testing.T, open func(t *testing.T) broker.Broker, f Features) {
	t.Helper()
	rows := map[string]func(t *testing.T, b broker.Broker){
		"a confirmed message is delivered with its key and body":             testDelivered,
		"a message that no queue is bound for is told":                       testUnroutable,
		"an unknown exchange and a subscription without a name are refused":  testInvalid,
		"a key finds the queues whose patterns it matches":                   testTopic,
		"the direct exchange compares whole keys":                            testDirect,
		"messages of one publisher arrive in order":                          testOrder,
		"messages of many publishers all arrive":                             testConcurrent,
		"what asked for a retry comes again while others go on":              testRetry,
		"what was rejected lies in the dead-letter queue":                    testReject,
		"the first outcome of a delivery counts":                             testFirstOutcome,
		"what was not settled comes again to the next subscriber":            testUnsettled,
		"what was acknowledged in any order does not come again":             testAckedStays,
		"no more deliveries wait for their outcome than the prefetch allows": testPrefetch,
		"two subscribers of a durable queue share its messages":              testShared,
		"a durable queue keeps messages while nobody subscribes":             testKept,
		"each exclusive queue gets a copy":                                   testCopies,
		"an exclusive queue goes with its subscription":                      testExclusiveGoes,
		"an exclusive queue that is full loses its oldest messages":          testDropHead,
		"a bounded durable queue tells its length and loses its oldest":      testBounded,
		"a queue begins anew only after its subscriber knows":                testAnew,
		"only a shared queue can begin anew":                                 testAnewInvalid,
		"a queue that nobody consumes is retired, and begins anew":           testRetired,
		"what is parked stays when its queue is retired":                     testParkedStay,
		"a message that is too old is not delivered":                         testTTL,
		"a publish whose caller has gone says so":                            testCallerGone,
		"a closed broker is unavailable":                                     testClosed,
		"a connected broker says so":                                         testConnected,
	}
	if f.Interrupt != nil {
		rows["after an interruption all is bound again and nothing durable is lost"] = func(t *testing.T, b broker.Broker) {
			testInterrupted(t, b, f)
		}
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			t.Cleanup(func() {
				if err := b.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			row(t, b)
		})
	}
}

// unique makes a name that no other test uses.
func unique(prefix string) string {
	return prefix + "-" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
}

// publish fails the test unless the broker holds the message.
func publish(t *testing.T, b broker.Publisher, key, body string) {
	t.Helper()
	if err := try(t, b, key, body); err != nil {
		t.Fatalf("publish %s: %v", key, err)
	}
}

// try publishes an event.
func try(t *testing.T, b broker.Publisher, key, body string) error {
	t.Helper()
	return b.Publish(t.Context(), broker.Message{
		Exchange: broker.EventsExchange, RoutingKey: key, Body: []byte(body), Persistent: true,
	})
}

// eventually polls a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// consumer is a subscription under test.
type consumer struct {
	deliveries chan *broker.Delivery
	bound      chan struct{} // one token for each bind
	lost       chan struct{} // one token for each loss
	ended      chan error
	cancel     context.CancelFunc
}

// subscribe runs a subscription until the end of the test, and returns when it is bound.
func subscribe(t *testing.T, b broker.Subscriber, s broker.Subscription) *consumer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &consumer{
		deliveries: make(chan *broker.Delivery, 10_000), bound: make(chan struct{}, 100), lost: make(chan struct{}, 100),
		ended: make(chan error, 1), cancel: cancel,
	}
	s.Bound = func(context.Context) { c.bound <- struct{}{} }
	s.Lost = func() { c.lost <- struct{}{} }
	go func() {
		c.ended <- b.Subscribe(ctx, s, func(_ context.Context, d *broker.Delivery) { c.deliveries <- d })
	}()
	t.Cleanup(func() { c.stop(t) })
	receive(t, "the subscription is bound", c.bound)
	return c
}

// stop ends the subscription; it may be called again.
func (c *consumer) stop(t *testing.T) {
	t.Helper()
	c.cancel()
	err := receive(t, "the subscription ends", c.ended)
	if err != nil && !errors.Is(err, broker.ErrClosed) {
		t.Errorf("subscription ended with %v", err)
	}
	c.ended <- nil
}

// next waits for a delivery.
func (c *consumer) next(t *testing.T) *broker.Delivery {
	t.Helper()
	return receive(t, "a delivery", c.deliveries)
}

// body waits for a delivery, acknowledges it and returns its body.
func (c *consumer) body(t *testing.T) string {
	t.Helper()
	d := c.next(t)
	d.Ack()
	return string(d.Body)
}

func receive[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case v := <-from:
		return v
	case <-deadline.C:
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// durable is a subscription to a new durable queue with a new key, which it returns.
func durable() (s broker.Subscription, key string) {
	key = unique("test") + ".created"
	return broker.Subscription{Queue: unique("queue"), Exchange: broker.EventsExchange, RoutingKeys: []string{key}}, key
}

// exclusive is a subscription to a queue of its own.
func exclusive() (s broker.Subscription, key string) {
	s, key = durable()
	s.Name, s.Queue = s.Queue, ""
	return s, key
}
