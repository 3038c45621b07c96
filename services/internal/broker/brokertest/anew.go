// SPDX-License-Identifier: Apache-2.0

package brokertest

import (
	"context"
	"errors"
	"testing"

	"github.com/parley-chat/parley/services/internal/broker"
)

// begins is a bounded durable subscription whose queue counts how often it begins anew.
func begins() (s broker.Subscription, key string, began chan struct{}) {
	s, key = durable()
	began = make(chan struct{}, 100)
	s.MaxLength = 100
	s.Anew = func(context.Context) error { began <- struct{}{}; return nil }
	return s, key, began
}

func retire(t *testing.T, b broker.Retirer, queue string, want bool) {
	t.Helper()
	if gone, err := b.Retire(t.Context(), queue); err != nil || gone != want {
		t.Errorf("retire: gone %t, %v; want %t", gone, err, want)
	}
}

func testAnew(t *testing.T, b broker.Broker) {
	s, key, began := begins()
	troubled, allowed := 2, s.Anew
	s.Anew = func(ctx context.Context) error {
		if err := try(t, b, key, "too early"); !errors.Is(err, broker.ErrUnroutable) {
			t.Errorf("the queue is there before its subscriber allows it: %v", err)
		}
		if troubled--; troubled >= 0 {
			return errors.New("not now")
		}
		return allowed(ctx)
	}
	c := subscribe(t, b, s)
	publish(t, b, key, "first")
	if got := c.body(t); got != "first" {
		t.Errorf("got %q", got)
	}
	c.stop(t)
	publish(t, b, key, "meanwhile")
	if got := subscribe(t, b, s).body(t); got != "meanwhile" {
		t.Errorf("got %q", got)
	}
	if len(began) != 1 || troubled >= 0 {
		t.Errorf("it began %d times, %d troubles are left", len(began), troubled)
	}
}

func testAnewInvalid(t *testing.T, b broker.Broker) {
	s, _, _ := begins()
	dead := s
	dead.Queue += broker.DeadSuffix
	s.Queue, s.Name, s.MaxLength = "", s.Queue, 0
	for _, s := range []broker.Subscription{s, dead} {
		if err := b.Subscribe(t.Context(), s, nil); !errors.Is(err, broker.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	}
}

func testRetired(t *testing.T, b broker.Broker) {
	s, key, began := begins()
	retire(t, b, s.Queue, true) // nobody has made it
	c := subscribe(t, b, s)
	retire(t, b, s.Queue, false)
	publish(t, b, key, "consumed")
	if got := c.body(t); got != "consumed" {
		t.Errorf("got %q", got)
	}
	c.stop(t)
	publish(t, b, key, "for nobody")
	eventually(t, "the queue is retired", func() bool { gone, err := b.Retire(t.Context(), s.Queue); return gone && err == nil })
	if err := try(t, b, key, "lost"); !errors.Is(err, broker.ErrUnroutable) {
		t.Errorf("with a retired queue: %v", err)
	}
	c = subscribe(t, b, s)
	publish(t, b, key, "anew")
	if got := c.body(t); got != "anew" {
		t.Errorf("got %q", got)
	}
	if len(began) != 2 {
		t.Errorf("it began %d times", len(began))
	}
}

func testParkedStay(t *testing.T, b broker.Broker) {
	s, key, _ := begins()
	c := subscribe(t, b, s)
	publish(t, b, key, "poison")
	publish(t, b, key, "good")
	c.next(t).Reject()
	c.body(t)
	parked := broker.Subscription{Queue: s.Queue + broker.DeadSuffix, MaxLength: s.MaxLength}
	look := func() (ready int) {
		told := make(chan int, 100)
		parked.Length = func(ready int) { told <- ready }
		subscribe(t, b, parked).stop(t)
		return <-told
	}
	eventually(t, "the poison is parked", func() bool { return look() == 1 })
	c.stop(t)
	eventually(t, "the queue is retired", func() bool { gone, err := b.Retire(t.Context(), s.Queue); return gone && err == nil })
	if got := look(); got != 1 {
		t.Errorf("%d are parked after that", got)
	}
}
