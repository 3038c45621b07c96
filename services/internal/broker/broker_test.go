// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/broker"
)

func TestADeliveryIsSettledOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []broker.Outcome
	d := broker.NewDelivery("key", []byte("body"), true, func(o broker.Outcome) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, o)
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(d.Retry)
	}
	wg.Wait()
	d.Ack()
	d.Reject()
	if diff := cmp.Diff([]broker.Outcome{broker.Retried}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRetriesThatAreHeldTogetherShareAPause(t *testing.T) {
	t.Parallel()
	var p broker.RetryPause
	var got []time.Duration
	round := func(n int) {
		for range n {
			got = append(got, p.Hold())
		}
		for range n {
			p.Release()
		}
	}
	round(2)
	round(1)
	p.Reset()
	round(1)
	want := []time.Duration{200 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 200 * time.Millisecond}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range 20 {
		round(1)
	}
	if last := p.Hold(); last != broker.MaxRetryPause {
		t.Errorf("the pause grew to %v", last)
	}
}

func TestBackoffGrowsToItsBound(t *testing.T) {
	t.Parallel()
	var b broker.Backoff
	for step := 100 * time.Millisecond; step <= 20*time.Second; step *= 2 {
		top := min(step, 5*time.Second)
		if got := b.Next(); got < top/2 || got > top {
			t.Errorf("got %v, want between %v and %v", got, top/2, top)
		}
	}
	b.Reset()
	if got := b.Next(); got > 100*time.Millisecond {
		t.Errorf("after a success: %v", got)
	}
}

func TestSubscriptionsGetTheirDefaults(t *testing.T) {
	t.Parallel()
	s, err := broker.Subscription{Queue: "q"}.Normalized()
	if err != nil {
		t.Fatal(err)
	}
	if s.Prefetch != broker.DefaultPrefetch || s.MaxBytes != broker.DefaultMaxBytes || s.TTL != broker.DefaultTTL {
		t.Errorf("got %+v", s)
	}
	if s, _ = (broker.Subscription{Queue: "q", Prefetch: 9000}).Normalized(); s.Prefetch != broker.MaxPrefetch {
		t.Errorf("prefetch %d", s.Prefetch)
	}
	if _, err := (broker.Subscription{}).Normalized(); !errors.Is(err, broker.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
