// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// drainFor is how long a window waits for what is still under way; a later delivery counts as lost.
const drainFor = 5 * time.Second

// ackEvery is how long a device bundles acknowledgements of what it has stored, as the protocol says.
const ackEvery = 5 * time.Second

// clockStep is the pace of the send loop: what became due within it is sent together.
const clockStep = 500 * time.Microsecond

// window is one run of load at one rate. Message n is due at n/rate seconds after the start.
type window struct {
	rate      int
	bytes     int
	pairs     []pair
	endpoints []*endpoint
	start     time.Time
	total     int
	first     int // number of the first measured message
	next      int

	acked, delivered atomic.Int64
	resyncs          atomic.Int64

	mu         sync.Mutex // guards what follows
	ackAt      []int64    // microseconds after the due time, by number; 0: not yet
	arriveAt   []int64
	late       []int64
	doubled    int
	misordered int
	refusals   map[string]int
}

// endpoint is one session within a window; it hears what the session gets.
type endpoint struct {
	*window
	session *session
	last    int64     // seq that arrived last; one conversation per session
	ackDue  time.Time // when the device says next what it has stored
}

func newWindow(c command, pairs []pair) *window {
	w := &window{rate: c.Rate, bytes: c.Bytes, pairs: pairs, refusals: map[string]int{}}
	w.total = int(int64(c.Rate) * (c.WarmupMS + c.MeasureMS) / 1000)
	w.ackAt, w.arriveAt = make([]int64, w.total), make([]int64, w.total)
	w.endpoints = make([]*endpoint, 2*len(pairs))
	for i := range w.endpoints {
		w.endpoints[i] = &endpoint{window: w}
	}
	return w
}

func (w *window) endpoint(i int) *endpoint { return w.endpoints[i] }

// begin starts the clock.
func (w *window) begin(warmup time.Duration) {
	w.start = time.Now()
	w.first = int(int64(w.rate) * warmup.Milliseconds() / 1000)
}

func (w *window) due(n int) time.Time {
	return w.start.Add(time.Duration(int64(n) * int64(time.Second) / int64(w.rate)))
}

// run sends everything that is due until a time after the start. It never waits for an answer.
func (w *window) run(ctx context.Context, until time.Duration) error {
	ticker := time.NewTicker(clockStep)
	defer ticker.Stop()
	for {
		now := time.Now()
		for w.next < w.total && !w.due(w.next).After(now) && w.due(w.next).Sub(w.start) < until {
			if err := w.send(w.next); err != nil {
				return err
			}
			w.next++
		}
		if now.Sub(w.start) >= until {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send writes message n: pairs take turns, and within a pair the two sides.
func (w *window) send(n int) error {
	p := n % len(w.pairs)
	side := n / len(w.pairs) % 2
	text := strconv.Itoa(n) + " "
	text += strings.Repeat("x", max(0, w.bytes-len(text)))
	late := time.Since(w.due(n)).Microseconds()
	err := w.endpoints[2*p+side].session.write(&gatewayv1.ClientFrame{Id: int64(n) + 1, Kind: &gatewayv1.ClientFrame_Send{
		Send: &messagev1.SendRequest{
			ConversationId: w.pairs[p].conversation, ClientMessageId: uuid.Must(uuid.NewV7()).String(),
			Content: &messagev1.Content{Kind: &messagev1.Content_Text{Text: &messagev1.Text{Body: text}}},
		},
	}})
	if err != nil {
		return fmt.Errorf("send message %d: %w", n, err)
	}
	w.mu.Lock()
	w.late = append(w.late, late)
	w.mu.Unlock()
	return nil
}

// since is the time from when message n was due, in microseconds, 1 at least.
func (w *window) since(n int) int64 { return max(1, time.Since(w.due(n)).Microseconds()) }

func (w *window) known(n int) bool { return n >= 0 && n < w.total }

// sent hears an acknowledgement.
func (e *endpoint) sent(id int64) {
	n := int(id) - 1
	if !e.known(n) {
		return
	}
	after := e.since(n)
	e.acked.Add(1)
	e.mu.Lock()
	e.ackAt[n] = after
	e.mu.Unlock()
}

// refused hears that a send was not taken.
func (e *endpoint) refused(_ int64, reason string) {
	e.mu.Lock()
	e.refusals[reason]++
	e.mu.Unlock()
}

func (e *endpoint) resync() { e.resyncs.Add(1) }

// arrived hears a message. As a device does, it says what it has stored after ackEvery.
func (e *endpoint) arrived(m *messagev1.Message) {
	number, _, _ := strings.Cut(m.GetText().GetBody(), " ")
	n, err := strconv.Atoi(number)
	if err != nil || !e.known(n) {
		return // of an earlier window
	}
	after := e.since(n)
	e.mu.Lock()
	switch {
	case e.arriveAt[n] != 0:
		e.doubled++
	default:
		e.arriveAt[n] = after
		e.delivered.Add(1)
	}
	if m.GetSeq() < e.last {
		e.misordered++
	}
	e.last = max(e.last, m.GetSeq())
	now := time.Now()
	ack := now.After(e.ackDue)
	if ack {
		e.ackDue = now.Add(ackEvery)
	}
	e.mu.Unlock()
	if ack {
		_ = e.session.ack(m.GetConversationId(), m.GetSeq()) // a dead socket shows as lost deliveries
	}
}

// drain waits until everything that was acknowledged has arrived, or drainFor is over.
func (w *window) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainFor)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for w.acked.Load() < int64(w.next) || w.delivered.Load() < w.acked.Load() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *window) close() {
	for _, e := range w.endpoints {
		if e.session != nil {
			e.session.close()
		}
	}
}

// outcome counts the measured messages.
func (w *window) outcome() load {
	w.mu.Lock()
	defer w.mu.Unlock()
	acks, arrivals := nonZero(w.ackAt[w.first:]), nonZero(w.arriveAt[w.first:])
	return load{
		Sent: w.next - w.first, Acked: len(acks), Delivered: len(arrivals), Doubled: w.doubled, Misordered: w.misordered,
		Refused: w.refusals, Resyncs: int(w.resyncs.Load()), Ack: quantilesOf(acks), Delivery: quantilesOf(arrivals),
		LateMS: quantilesOf(w.late[min(w.first, len(w.late)):]).P99,
	}
}

func nonZero(values []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(values), func(v int64) bool { return v == 0 })
}

// quantilesOf microseconds, in milliseconds.
func quantilesOf(values []int64) quantiles {
	if len(values) == 0 {
		return quantiles{}
	}
	sorted := slices.Sorted(slices.Values(values))
	at := func(q float64) float64 { return float64(sorted[int(q*float64(len(sorted)-1))]) / 1000 }
	return quantiles{P50: at(0.5), P90: at(0.9), P99: at(0.99), Max: at(1)}
}
