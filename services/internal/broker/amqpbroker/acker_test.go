// SPDX-License-Identifier: Apache-2.0

package amqpbroker // the acker is all about what goes over the wire, which the port hides

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
)

// wire records what an acker sends.
type wire struct {
	mu   sync.Mutex // guards sent
	sent []string
}

// Ack records.
func (w *wire) Ack(tag uint64, multiple bool) error {
	w.add(fmt.Sprintf("ack %d multiple=%v", tag, multiple))
	return nil
}

// Nack records.
func (w *wire) Nack(tag uint64, _, requeue bool) error {
	w.add(fmt.Sprintf("nack %d requeue=%v", tag, requeue))
	return nil
}

func (w *wire) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, text)
}

func (w *wire) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(want, w.sent); diff != "" {
		t.Error(diff)
	}
	w.sent = nil
}

// acking runs a test on an acker with n deliveries, with time that passes at once.
func acking(t *testing.T, n int, run func(w *wire, d []*broker.Delivery)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		a := startAcker(w, n)
		deliveries := make([]*broker.Delivery, n+1) // by tag, from 1
		for i := range n {
			deliveries[i+1] = a.delivery(amqp.Delivery{DeliveryTag: uint64(i + 1)})
		}
		run(w, deliveries)
		a.stop()
	})
}

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d) }

func TestFewAcknowledgementsLeaveTogetherAfterAWhile(t *testing.T) {
	t.Parallel()
	acking(t, 10, func(w *wire, d []*broker.Delivery) {
		for i := 1; i <= 3; i++ {
			d[i].Ack()
		}
		w.want(t)
		pass(ackAfter)
		w.want(t, "ack 3 multiple=true")
		pass(time.Second)
		w.want(t)
	})
}

func TestManyAcknowledgementsLeaveAtOnce(t *testing.T) {
	t.Parallel()
	acking(t, 120, func(w *wire, d []*broker.Delivery) {
		for i := 1; i <= 120; i++ {
			d[i].Ack()
		}
		w.want(t, "ack 50 multiple=true", "ack 100 multiple=true")
		pass(ackAfter)
		w.want(t, "ack 120 multiple=true")
	})
}

func TestNoDeliveryIsAcknowledgedBeforeItsOutcome(t *testing.T) {
	t.Parallel()
	acking(t, 10, func(w *wire, d []*broker.Delivery) {
		d[2].Ack()
		d[3].Ack()
		pass(ackAfter)
		w.want(t) // 1 may follow soon: one frame for all three
		d[1].Ack()
		pass(ackAfter)
		w.want(t, "ack 3 multiple=true")
		d[5].Ack()
		pass(3 * ackAfter)
		w.want(t, "ack 5 multiple=false") // 4 takes long: it must not fill the prefetch
		d[4].Ack()
		d[6].Ack()
		pass(ackAfter)
		w.want(t, "ack 6 multiple=true")
	})
}

func TestRejectsGoAtOnceAndRetriesAfterAPause(t *testing.T) {
	t.Parallel()
	acking(t, 10, func(w *wire, d []*broker.Delivery) {
		d[1].Reject()
		w.want(t, "nack 1 requeue=false")
		d[2].Retry()
		d[3].Ack()
		pass(broker.MinRetryPause - time.Millisecond)
		w.want(t, "ack 3 multiple=false")
		pass(time.Millisecond)
		w.want(t, "nack 2 requeue=true")
		d[4].Ack()
		pass(ackAfter)
		w.want(t, "ack 4 multiple=true")
	})
}

func TestWhatIsSettledLeavesAtTheEnd(t *testing.T) {
	t.Parallel()
	w := &wire{}
	synctest.Test(t, func(t *testing.T) {
		a := startAcker(w, 10)
		for _, tag := range []uint64{1, 3} {
			a.delivery(amqp.Delivery{DeliveryTag: tag}).Ack()
		}
		late := a.delivery(amqp.Delivery{DeliveryTag: 2})
		a.delivery(amqp.Delivery{DeliveryTag: 4}).Retry()
		a.stop()
		late.Ack()
		pass(time.Minute)
		w.want(t, "ack 1 multiple=true", "ack 3 multiple=false")
	})
}
