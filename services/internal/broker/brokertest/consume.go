// SPDX-License-Identifier: Apache-2.0

package brokertest

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/broker"
)

func testRetry(t *testing.T, b broker.Broker) {
	s, key := durable()
	c := subscribe(t, b, s)
	publish(t, b, key, "troubled")
	c.next(t).Retry()
	publish(t, b, key, "other")
	seen := map[string]int{}
	for seen["troubled"] < 3 || seen["other"] < 1 {
		d := c.next(t)
		body := string(d.Body)
		seen[body]++
		switch {
		case body == "troubled" && !d.Redelivered:
			t.Error("a repeat was not marked")
		case body == "troubled" && seen[body] < 3:
			d.Retry()
			continue
		}
		d.Ack()
	}
	if diff := cmp.Diff(map[string]int{"troubled": 3, "other": 1}, seen); diff != "" {
		t.Error(diff)
	}
}

func testReject(t *testing.T, b broker.Broker) {
	s, key := durable()
	c := subscribe(t, b, s)
	publish(t, b, key, "poison")
	publish(t, b, key, "good")
	c.next(t).Reject()
	if got := c.body(t); got != "good" {
		t.Errorf("got %q after the poison", got)
	}
	dead := subscribe(t, b, broker.Subscription{Queue: s.Queue + broker.DeadSuffix})
	if got := dead.body(t); got != "poison" {
		t.Errorf("got %q from the dead-letter queue", got)
	}
}

func testFirstOutcome(t *testing.T, b broker.Broker) {
	s, key := durable()
	c := subscribe(t, b, s)
	publish(t, b, key, "once")
	d := c.next(t)
	d.Ack()
	d.Retry()
	d.Reject()
	publish(t, b, key, "next")
	if got := c.body(t); got != "next" {
		t.Errorf("got %q", got)
	}
}

func testUnsettled(t *testing.T, b broker.Broker) {
	s, key := durable()
	c := subscribe(t, b, s)
	for i := range 5 {
		publish(t, b, key, strconv.Itoa(i))
	}
	for i := range 5 {
		if d := c.next(t); i == 1 {
			d.Ack()
		}
	}
	c.stop(t)
	c = subscribe(t, b, s)
	for _, want := range []string{"0", "2", "3", "4"} {
		d := c.next(t)
		if string(d.Body) != want || !d.Redelivered {
			t.Errorf("got %s redelivered=%v, want %s", d.Body, d.Redelivered, want)
		}
		d.Ack()
	}
}

func testAckedStays(t *testing.T, b broker.Broker) {
	const messages = 120
	s, key := durable()
	c := subscribe(t, b, s)
	var deliveries []*broker.Delivery
	for i := range messages {
		publish(t, b, key, strconv.Itoa(i))
		deliveries = append(deliveries, c.next(t))
	}
	slices.Reverse(deliveries)
	var wg sync.WaitGroup
	for part := range slices.Chunk(deliveries, messages/4) {
		wg.Go(func() {
			for _, d := range part {
				d.Ack()
			}
		})
	}
	wg.Wait()
	c.stop(t)
	c = subscribe(t, b, s)
	publish(t, b, key, "marker")
	if got := c.body(t); got != "marker" {
		t.Errorf("got %s again", got)
	}
}

func testPrefetch(t *testing.T, b broker.Broker) {
	const prefetch, messages = 3, 10
	s, key := durable()
	s.Prefetch = prefetch
	c := subscribe(t, b, s)
	for i := range messages {
		publish(t, b, key, strconv.Itoa(i))
	}
	held := make([]*broker.Delivery, 0, prefetch)
	for range prefetch {
		held = append(held, c.next(t))
	}
	for i := prefetch; i < messages; i++ { // each outcome lets one more in
		if n := len(c.deliveries); n != 0 {
			t.Fatalf("%d deliveries above the prefetch", n)
		}
		held[0].Ack()
		held = append(held[1:], c.next(t))
	}
	for _, d := range held {
		d.Ack()
	}
}

func testShared(t *testing.T, b broker.Broker) {
	const messages = 100
	s, key := durable()
	s.Prefetch = 5
	one, other := subscribe(t, b, s), subscribe(t, b, s)
	for i := range messages {
		publish(t, b, key, strconv.Itoa(i))
	}
	seen := map[string]int{}
	for len(seen) < messages {
		var d *broker.Delivery
		select {
		case d = <-one.deliveries:
		case d = <-other.deliveries:
		case <-t.Context().Done():
			t.Fatal("the test is over")
		}
		d.Ack()
		seen[string(d.Body)]++
	}
	for body, times := range seen {
		if times != 1 {
			t.Errorf("%s came %d times", body, times)
		}
	}
}

func testKept(t *testing.T, b broker.Broker) {
	s, key := durable()
	subscribe(t, b, s).stop(t)
	publish(t, b, key, "kept")
	if got := subscribe(t, b, s).body(t); got != "kept" {
		t.Errorf("got %q", got)
	}
}

func testCopies(t *testing.T, b broker.Broker) {
	s, key := exclusive()
	one, other := subscribe(t, b, s), subscribe(t, b, s)
	publish(t, b, key, "for both")
	for _, c := range []*consumer{one, other} {
		if got := c.body(t); got != "for both" {
			t.Errorf("got %q", got)
		}
	}
}

func testExclusiveGoes(t *testing.T, b broker.Broker) {
	s, key := exclusive()
	c := subscribe(t, b, s)
	publish(t, b, key, "there")
	c.body(t)
	c.stop(t)
	eventually(t, "the queue is gone", func() bool { return errors.Is(try(t, b, key, "late"), broker.ErrUnroutable) })
}

func testDropHead(t *testing.T, b broker.Broker) {
	const messages, fit = 20, 5
	s, key := exclusive()
	s.Prefetch, s.MaxBytes = 1, fit*1000
	c := subscribe(t, b, s)
	publish(t, b, key, "occupies the prefetch")
	busy := c.next(t)
	for i := range messages {
		publish(t, b, key, strconv.Itoa(i)+strings.Repeat(" ", 900))
	}
	busy.Ack()
	var got []string
	for len(got) == 0 || got[len(got)-1] != strconv.Itoa(messages-1) {
		got = append(got, strings.TrimSpace(c.body(t)))
	}
	want := []string{"15", "16", "17", "18", "19"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testInterrupted(t *testing.T, b broker.Broker, f Features) {
	kept, keptKey := durable()
	own, ownKey := exclusive()
	k, o := subscribe(t, b, kept), subscribe(t, b, own)
	publish(t, b, keptKey, "in doubt")
	k.next(t) // never settled: its connection goes
	f.Interrupt(t, b)
	for _, c := range []*consumer{k, o} {
		receive(t, "the loss", c.lost)
		receive(t, "the new bind", c.bound)
	}
	eventually(t, "the broker is connected", b.Connected)
	publish(t, b, keptKey, "new")
	publish(t, b, ownKey, "new")
	if first, second := k.body(t), k.body(t); first != "in doubt" || second != "new" {
		t.Errorf("got %q, %q", first, second)
	}
	if got := o.body(t); got != "new" {
		t.Errorf("got %q", got)
	}
}

func testBounded(t *testing.T, b broker.Broker) {
	const messages, fit = 20, 5
	s, key := durable()
	s.Prefetch, s.MaxLength = 1, fit
	c := subscribe(t, b, s)
	publish(t, b, key, "occupies the prefetch")
	busy := c.next(t)
	for i := range messages {
		publish(t, b, key, strconv.Itoa(i))
	}
	most := make(chan int, 100)
	s.Length = func(ready int) { most <- ready }
	subscribe(t, b, s).stop(t)
	if got := <-most; got != fit && got != fit-1 { // the second subscriber may hold one already
		t.Errorf("told that %d wait, want %d", got, fit)
	}
	busy.Ack()
	var got []string
	for len(got) < fit {
		d := c.next(t)
		got = append(got, string(d.Body))
		d.Ack()
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"15", "16", "17", "18", "19"}, got); diff != "" {
		t.Error(diff)
	}
}
