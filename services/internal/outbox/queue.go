// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"sync"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Bounds of what a process keeps in memory, waiting and in flight; the rest is in the table.
const (
	maxHeldEvents = 10_000
	maxHeldBytes  = 32 << 20
)

// entry is one event on its way.
type entry struct {
	id    ids.EventID
	event *eventv1.Event
	size  int // bytes in a batch
}

// queue of offered events. It also knows those in flight, so that the sweep leaves them alone.
type queue struct {
	filled chan struct{} // one token while something waits

	mu      sync.Mutex // guards all below
	waiting []entry
	held    map[ids.EventID]struct{} // waiting or in flight
	bytes   int                      // of held
}

func newQueue() *queue {
	return &queue{filled: make(chan struct{}, 1), held: map[ids.EventID]struct{}{}}
}

// add takes what fits and tells how many events did not.
func (q *queue) add(events []*eventv1.Event) (left int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, event := range events {
		id, err := eventID(event)
		if err != nil || !q.hold(entry{id: id, event: event, size: batchedSize(event)}) {
			left++
		}
	}
	if len(q.waiting) > 0 {
		select {
		case q.filled <- struct{}{}:
		default:
		}
	}
	return left
}

// hold needs mu.
func (q *queue) hold(e entry) bool {
	if _, ok := q.held[e.id]; ok {
		return true
	}
	if len(q.held) >= maxHeldEvents || q.bytes+e.size > maxHeldBytes {
		return false
	}
	q.held[e.id] = struct{}{}
	q.bytes += e.size
	q.waiting = append(q.waiting, e)
	return true
}

// take empties what waits; it stays held until release.
func (q *queue) take() []entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting = nil
	return taken
}

// release forgets events that are published, or left to the sweep.
func (q *queue) release(entries []entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range entries {
		if _, ok := q.held[e.id]; ok {
			delete(q.held, e.id)
			q.bytes -= e.size
		}
	}
}

// holds tells an event that is waiting or in flight.
func (q *queue) holds(id ids.EventID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.held[id]
	return ok
}

// batchedSize is what an event adds to a batch: its bytes, tag and length.
func batchedSize(event *eventv1.Event) int { return proto.Size(event) + 6 }
