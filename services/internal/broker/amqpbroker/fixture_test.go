// SPDX-License-Identifier: Apache-2.0

package amqpbroker_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/test/integration/servers"
)

// patience bounds every wait, for a server on a busy machine.
const patience = 2 * time.Minute

// startRabbitMQ starts a node of the test's own, to be killed; the environment says that servers are wanted.
func startRabbitMQ(t *testing.T) *servers.RabbitMQ {
	t.Helper()
	serverURL(t)
	r, err := servers.StartRabbitMQ(t.Context(), t.TempDir(), servers.RabbitMQOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

func openBroker(t *testing.T, url string) *amqpbroker.Broker {
	t.Helper()
	b := open(t, url)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close broker: %v", err)
		}
	})
	return b
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
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

// inbox is a subscription that acknowledges everything and remembers it.
type inbox struct {
	mu          sync.Mutex // guards all below
	seen        map[string]int
	binds, lost int
}

// subscribe runs until the end of the test; it does not wait for the bind.
func subscribe(t *testing.T, b broker.Subscriber, s broker.Subscription) *inbox {
	t.Helper()
	in := &inbox{seen: map[string]int{}}
	s.Bound = func(context.Context) { in.mu.Lock(); in.binds++; in.mu.Unlock() }
	s.Lost = func() { in.mu.Lock(); in.lost++; in.mu.Unlock() }
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	running.Go(func() {
		err := b.Subscribe(ctx, s, func(_ context.Context, d *broker.Delivery) {
			in.mu.Lock()
			in.seen[string(d.Body)]++
			in.mu.Unlock()
			d.Ack()
		})
		if err != nil {
			t.Errorf("subscribe: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return in
}

func (in *inbox) has(body string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.seen[body] > 0
}

func (in *inbox) counts() (binds, lost int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.binds, in.lost
}

func (in *inbox) waitBound(t *testing.T, times int) {
	t.Helper()
	eventually(t, "the queue is bound", func() bool { binds, _ := in.counts(); return binds >= times })
}
