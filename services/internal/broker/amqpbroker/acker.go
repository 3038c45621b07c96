// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
)

// Acknowledgements leave together: one for fifty deliveries costs the broker a tenth of fifty.
const (
	ackEvery = 50
	ackAfter = 20 * time.Millisecond
)

// channel is what an acker needs of an AMQP channel.
type channel interface {
	Ack(tag uint64, multiple bool) error
	Nack(tag uint64, multiple, requeue bool) error
}

// acker settles the deliveries of one channel. One goroutine does everything.
type acker struct {
	ch      channel
	settled chan settlement
	done    chan struct{} // closed by stop
	running sync.WaitGroup

	// only for the goroutine
	state   map[uint64]ackState // of the tags from next on that are settled
	next    uint64              // lowest tag that is not known to be settled
	pending int                 // acknowledged and not yet sent
	pause   broker.RetryPause
}

type settlement struct {
	tag     uint64
	outcome broker.Outcome
	held    bool // a retry whose pause is over
}

type ackState int

const (
	ackFresh  ackState = iota + 1 // to be sent
	ackWaited                     // to be sent, and has waited for a whole flush behind one that is not settled
	ackSent                       // nothing to do
)

func startAcker(ch channel, prefetch int) *acker {
	a := &acker{
		ch: ch, settled: make(chan settlement, 2*prefetch), done: make(chan struct{}),
		state: map[uint64]ackState{}, next: 1,
	}
	a.running.Go(a.run)
	return a
}

// stop sends what is settled. Later outcomes do nothing: those deliveries come again.
func (a *acker) stop() {
	close(a.done)
	a.running.Wait()
}

func (a *acker) delivery(d amqp.Delivery) *broker.Delivery {
	return broker.NewDelivery(d.RoutingKey, d.Body, d.Redelivered, func(o broker.Outcome) {
		a.put(settlement{tag: d.DeliveryTag, outcome: o})
	})
}

func (a *acker) put(s settlement) {
	select {
	case a.settled <- s:
	case <-a.done:
	}
}

func (a *acker) run() {
	timer := time.NewTimer(ackAfter)
	defer timer.Stop()
	timer.Stop()
	armed := false
	for {
		select {
		case <-a.done:
			a.drain()
			return
		case <-timer.C:
			armed = false
			a.flush()
		case s := <-a.settled:
			a.settle(s)
		}
		if a.pending >= ackEvery && a.state[a.next] != 0 {
			a.flush()
		}
		if a.pending > 0 && !armed {
			timer.Reset(ackAfter)
			armed = true
		}
	}
}

// drain sends what is settled by now; the last flush waits for nobody.
func (a *acker) drain() {
	for {
		select {
		case s := <-a.settled:
			a.settle(s)
		default:
			a.flush()
			a.flush()
			return
		}
	}
}

// settle does what cannot wait. Errors mean that the channel is closing, and the deliveries come again.
func (a *acker) settle(s settlement) {
	switch {
	case s.outcome == broker.Acked:
		a.pause.Reset()
		a.state[s.tag] = ackFresh
		a.pending++
	case s.outcome == broker.Rejected:
		_ = a.ch.Nack(s.tag, false, false)
		a.state[s.tag] = ackSent
	case s.held:
		a.pause.Release()
		_ = a.ch.Nack(s.tag, false, true)
		a.state[s.tag] = ackSent
	default:
		s.held = true
		time.AfterFunc(a.pause.Hold(), func() { a.put(s) })
	}
}

// flush acknowledges the settled deliveries below the first that is not with one frame. Those above wait
// for one more flush and then go one by one, so that one slow delivery does not fill the prefetch.
func (a *acker) flush() {
	var last uint64
	for ; a.state[a.next] != 0; a.next++ {
		if a.state[a.next] != ackSent {
			last = a.next
			a.pending--
		}
		delete(a.state, a.next)
	}
	if last != 0 {
		_ = a.ch.Ack(last, true)
	}
	for tag, state := range a.state {
		switch state {
		case ackFresh:
			a.state[tag] = ackWaited
		case ackWaited:
			_ = a.ch.Ack(tag, false)
			a.state[tag] = ackSent
			a.pending--
		case ackSent:
		}
	}
}
