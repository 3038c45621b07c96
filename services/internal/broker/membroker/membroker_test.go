// SPDX-License-Identifier: Apache-2.0

package membroker_test

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/brokertest"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBroker(t *testing.T) {
	t.Parallel()
	brokertest.Test(t, func(*testing.T) broker.Broker { return membroker.New() }, brokertest.Features{
		Interrupt: func(_ *testing.T, b broker.Broker) { b.(*membroker.Broker).Interrupt() },
	})
}

func message(key, body string) broker.Message {
	return broker.Message{Exchange: broker.EventsExchange, RoutingKey: key, Body: []byte(body)}
}

// bound subscribes until the end of the test.
func bound(t *testing.T, b *membroker.Broker, s broker.Subscription) <-chan *broker.Delivery {
	t.Helper()
	deliveries := make(chan *broker.Delivery, 100)
	ready := make(chan struct{}, 10)
	s.Bound = func(context.Context) { ready <- struct{}{} }
	go func() {
		_ = b.Subscribe(t.Context(), s, func(_ context.Context, d *broker.Delivery) { deliveries <- d })
	}()
	t.Cleanup(func() { _ = b.Close() })
	<-ready
	return deliveries
}

func TestAnAbsentBrokerIsUnavailable(t *testing.T) {
	t.Parallel()
	b := membroker.New()
	bound(t, b, broker.Subscription{Queue: "q", Exchange: broker.EventsExchange, RoutingKeys: []string{"k"}})
	b.SetAway(true)
	if err := b.Publish(t.Context(), message("k", "")); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if b.Connected() {
		t.Error("an absent broker is connected")
	}
	b.SetAway(false)
	if err := b.Publish(t.Context(), message("k", "")); err != nil {
		t.Errorf("after its return: %v", err)
	}
}

func TestAWipedBrokerHoldsNothing(t *testing.T) {
	t.Parallel()
	b := membroker.New()
	s := broker.Subscription{Queue: "q", Exchange: broker.EventsExchange, RoutingKeys: []string{"k"}}
	deliveries := bound(t, b, s)
	if err := b.Publish(t.Context(), message("k", "before")); err != nil {
		t.Fatal(err)
	}
	<-deliveries
	b.Wipe()
	for errors.Is(b.Publish(t.Context(), message("k", "after")), broker.ErrUnroutable) {
		if t.Context().Err() != nil {
			t.Fatal("never bound again")
		}
	}
	if d := <-deliveries; string(d.Body) != "after" {
		t.Errorf("got %q", d.Body)
	}
}

func TestAFullDurableQueueRefuses(t *testing.T) {
	t.Parallel()
	b := membroker.New()
	bound(t, b, broker.Subscription{Queue: "q", Exchange: broker.EventsExchange, RoutingKeys: []string{"k"}, Prefetch: 1})
	big := make([]byte, 16<<20)
	var err error
	for range 10 {
		if err = b.Publish(t.Context(), broker.Message{Exchange: broker.EventsExchange, RoutingKey: "k", Body: big}); err != nil {
			break
		}
	}
	if !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}
