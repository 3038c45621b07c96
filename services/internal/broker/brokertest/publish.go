// SPDX-License-Identifier: Apache-2.0

package brokertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
)

func testDelivered(t *testing.T, b broker.Broker) {
	s, key := durable()
	c := subscribe(t, b, s)
	for _, body := range []string{"first", "", "\x00\xff"} {
		publish(t, b, key, body)
		d := c.next(t)
		if d.RoutingKey != key || string(d.Body) != body || d.Redelivered {
			t.Errorf("got %q %q redelivered=%v", d.RoutingKey, d.Body, d.Redelivered)
		}
		d.Ack()
	}
}

func testUnroutable(t *testing.T, b broker.Broker) {
	for _, exchange := range []string{broker.EventsExchange, broker.DeliverExchange} {
		for range 3 {
			err := b.Publish(t.Context(), broker.Message{Exchange: exchange, RoutingKey: unique("nobody")})
			if !errors.Is(err, broker.ErrUnroutable) {
				t.Errorf("%s: got %v", exchange, err)
			}
		}
	}
	s, key := durable()
	c := subscribe(t, b, s)
	publish(t, b, key, "after")
	if got := c.body(t); got != "after" {
		t.Errorf("got %q", got)
	}
}

func testInvalid(t *testing.T, b broker.Broker) {
	if err := b.Publish(t.Context(), broker.Message{Exchange: "other", RoutingKey: "x"}); !errors.Is(err, broker.ErrInvalid) {
		t.Errorf("publish: got %v", err)
	}
	for _, s := range []broker.Subscription{
		{Exchange: broker.EventsExchange, RoutingKeys: []string{"x"}},
		{Queue: "q", Exchange: "other", RoutingKeys: []string{"x"}},
		{Queue: "q", Exchange: broker.EventsExchange},
	} {
		err := b.Subscribe(t.Context(), s, func(context.Context, *broker.Delivery) {})
		if !errors.Is(err, broker.ErrInvalid) {
			t.Errorf("%+v: got %v", s, err)
		}
	}
}

func testTopic(t *testing.T, b broker.Broker) {
	word := unique("word")
	patterns := map[string]*consumer{}
	for _, pattern := range []string{word + ".created", word + ".*", word + ".#", "*.created." + word, "#." + word} {
		s := broker.Subscription{Name: unique("topic"), Exchange: broker.EventsExchange, RoutingKeys: []string{pattern}}
		patterns[pattern] = subscribe(t, b, s)
	}
	keys := map[string][]string{ // key → patterns that match
		word + ".created":         {word + ".created", word + ".*", word + ".#"},
		word + ".removed":         {word + ".*", word + ".#"},
		word:                      {word + ".#", "#." + word},
		word + ".a.b":             {word + ".#"},
		"message.created." + word: {"*.created." + word, "#." + word},
		"a.b.c." + word:           {"#." + word},
	}
	want := map[string][]string{}
	for key, matching := range keys {
		publish(t, b, key, key)
		for _, pattern := range matching {
			want[pattern] = append(want[pattern], key)
		}
	}
	for pattern, c := range patterns {
		var got []string
		for range want[pattern] {
			got = append(got, c.body(t))
		}
		slices.Sort(got)
		slices.Sort(want[pattern])
		if diff := cmp.Diff(want[pattern], got); diff != "" {
			t.Errorf("%s: %s", pattern, diff)
		}
		if len(c.deliveries) != 0 {
			t.Errorf("%s matched too much", pattern)
		}
	}
}

func testDirect(t *testing.T, b broker.Broker) {
	pod := unique("gateway")
	s := broker.Subscription{Name: pod, Exchange: broker.DeliverExchange, RoutingKeys: []string{pod}}
	c := subscribe(t, b, s)
	all := broker.Subscription{Name: pod, Exchange: broker.DeliverExchange, RoutingKeys: []string{"#", "*"}}
	subscribe(t, b, all)
	err := b.Publish(t.Context(), broker.Message{Exchange: broker.DeliverExchange, RoutingKey: pod, Body: []byte("envelope")})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.body(t); got != "envelope" {
		t.Errorf("got %q", got)
	}
	err = b.Publish(t.Context(), broker.Message{Exchange: broker.DeliverExchange, RoutingKey: pod + ".x"})
	if !errors.Is(err, broker.ErrUnroutable) {
		t.Errorf("another key: got %v", err)
	}
}

func testOrder(t *testing.T, b broker.Broker) {
	const messages = 200
	s, key := durable()
	c := subscribe(t, b, s)
	for i := range messages {
		publish(t, b, key, strconv.Itoa(i))
	}
	for i := range messages {
		if got := c.body(t); got != strconv.Itoa(i) {
			t.Fatalf("got %s at place %d", got, i)
		}
	}
}

func testConcurrent(t *testing.T, b broker.Broker) {
	const publishers, messages = 60, 30 // more at once than a window of confirms is worth
	s, key := durable()
	c := subscribe(t, b, s)
	var wg sync.WaitGroup
	for i := range publishers {
		wg.Go(func() {
			for j := range messages {
				if err := try(t, b, key, fmt.Sprint(i, " ", j)); err != nil {
					t.Error(err)
				}
				if err := try(t, b, unique("nobody"), ""); j == 0 && !errors.Is(err, broker.ErrUnroutable) {
					t.Errorf("unroutable: got %v", err)
				}
			}
		})
	}
	wg.Wait()
	got := map[string]bool{}
	for range publishers * messages {
		got[c.body(t)] = true
	}
	if len(got) != publishers*messages {
		t.Errorf("got %d different messages", len(got))
	}
}

func testCallerGone(t *testing.T, b broker.Broker) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := b.Publish(ctx, broker.Message{Exchange: broker.EventsExchange, RoutingKey: unique("x")})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func testClosed(t *testing.T, b broker.Broker) {
	s, key := durable()
	c := subscribe(t, b, s)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, "the end of the subscription", c.ended); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("running subscription: got %v", err)
	}
	c.ended <- nil
	if err := try(t, b, key, ""); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("publish: got %v", err)
	}
	if err := b.Subscribe(t.Context(), s, nil); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("subscribe: got %v", err)
	}
	if b.Connected() {
		t.Error("still connected")
	}
}

func testConnected(t *testing.T, b broker.Broker) {
	s, _ := durable()
	subscribe(t, b, s)
	eventually(t, "the broker is connected", b.Connected)
}

func testTTL(t *testing.T, b broker.Broker) {
	s, key := exclusive()
	s.Prefetch = 1
	c := subscribe(t, b, s)
	send := func(body string, ttl time.Duration) {
		m := broker.Message{Exchange: broker.EventsExchange, RoutingKey: key, Body: []byte(body), TTL: ttl}
		if err := b.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	attempts := 0
	eventually(t, "a short-lived message is dropped", func() bool {
		send("occupies the prefetch", time.Minute)
		busy := c.next(t)
		send("short", time.Millisecond)
		send("long", time.Minute)
		attempts++
		for range attempts { // nothing but time ends a message
			<-ticker.C
		}
		busy.Ack()
		dropped := true
		for body := c.body(t); body != "long"; body = c.body(t) {
			dropped = false
		}
		return dropped
	})
}
