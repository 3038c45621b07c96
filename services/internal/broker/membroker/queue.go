// SPDX-License-Identifier: Apache-2.0

package membroker

import (
	"slices"
	"time"

	"github.com/parley-chat/parley/services/internal/broker"
)

// message in a queue.
type message struct {
	seq         uint64
	key         string
	body        []byte
	expires     time.Time // zero: never
	redelivered bool
}

// queue is guarded by the mutex of its broker.
type queue struct {
	name     string
	durable  bool
	maxBytes int           // of one that drops its oldest; 0: it refuses
	maxCount int           // as maxBytes
	ttl      time.Duration // of an exclusive queue
	length   map[*subscription]func(ready int)
	used     int           // subscriptions
	ready    []*message    // in the order of seq
	bytes    int           // of ready
	filled   chan struct{} // closed when ready grows, and then replaced
}

func newQueue(name string, s broker.Subscription) *queue {
	q := &queue{name: name, durable: s.Durable(), filled: make(chan struct{}), length: map[*subscription]func(int){}}
	switch {
	case !q.durable:
		q.maxBytes, q.ttl = int(s.MaxBytes), s.TTL
	case s.MaxLength > 0 && s.IsDead():
		q.maxBytes, q.maxCount = durableMaxBytes, broker.MaxDead
	case s.MaxLength > 0:
		q.maxBytes, q.maxCount = durableMaxBytes, s.MaxLength
	}
	return q
}

func (q *queue) message(m broker.Message, seq uint64, now time.Time) *message {
	made := &message{seq: seq, key: m.RoutingKey, body: slices.Clone(m.Body)}
	ttl := m.TTL
	if q.ttl > 0 && (ttl == 0 || q.ttl < ttl) {
		ttl = q.ttl
	}
	if ttl > 0 {
		made.expires = now.Add(ttl)
	}
	return made
}

// push adds a message at the place of its seq; a bounded queue that is too full loses its oldest.
func (q *queue) push(m *message) {
	at, _ := slices.BinarySearchFunc(q.ready, m.seq, func(e *message, seq uint64) int {
		return int(int64(e.seq) - int64(seq)) //nolint:gosec // counts of messages in one process
	})
	q.ready = slices.Insert(q.ready, at, m)
	q.bytes += len(m.body)
	ready := len(q.ready)
	for len(q.ready) > 0 && (q.maxBytes > 0 && q.bytes > q.maxBytes || q.maxCount > 0 && len(q.ready) > q.maxCount) {
		q.drop()
		ready = max(ready, q.maxCount) // whoever counts must hear that it was full
	}
	for _, told := range q.length {
		told(ready)
	}
	close(q.filled)
	q.filled = make(chan struct{})
}

// pop is the oldest message that has not expired, nil without one.
func (q *queue) pop(now time.Time) *message {
	for len(q.ready) > 0 {
		m := q.drop()
		if m.expires.IsZero() || now.Before(m.expires) {
			return m
		}
	}
	return nil
}

func (q *queue) drop() *message {
	m := q.ready[0]
	q.ready[0] = nil
	q.ready = q.ready[1:]
	q.bytes -= len(m.body)
	return m
}
