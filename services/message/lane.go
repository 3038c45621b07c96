// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"time"
)

// Limits of the write path.
const (
	// DefaultLanes is enough for one pod: one lane alone reached 25 k rows/s, and every lane more makes
	// batches smaller.
	DefaultLanes = 2
	// MaxBatchRows and MaxBatchBytes end a batch; at 100 rows most of the cost of a commit is shared.
	MaxBatchRows  = 100
	MaxBatchBytes = 1 << 20
	// laneCapacity is how many sends wait in a lane before others are turned away: ten full batches, so
	// under a second of work, and at most 32 MiB of text.
	laneCapacity = 10 * MaxBatchRows
	// commitTimeout bounds a batch, deadlock retries included; below the 5 s deadline of a call, so that
	// its callers hear of it.
	commitTimeout = 4 * time.Second
)

// ticket is one send that waits for its batch.
type ticket struct {
	pending Pending
	result  chan Result // holds one
}

// lane is one writer. What waits becomes one batch; nothing ever waits for a batch to fill: an idle
// lane starts at once, and while a commit is in flight the next batch collects.
type lane struct {
	queue chan *ticket
	held  *ticket // taken from the queue, but too long for the batch before
}

func newLane() *lane { return &lane{queue: make(chan *ticket, laneCapacity)} }

// put queues a ticket; false if the lane is full.
func (l *lane) put(t *ticket) bool {
	select {
	case l.queue <- t:
		return true
	default:
		return false
	}
}

// run gives batches to write, one after the other, until the context ends.
func (l *lane) run(ctx context.Context, write func(ctx context.Context, batch []*ticket)) {
	for ctx.Err() == nil {
		first := l.held
		l.held = nil
		if first == nil {
			select {
			case <-ctx.Done():
				return
			case first = <-l.queue:
			}
		}
		write(ctx, l.collect(first))
	}
}

// collect takes what waits behind the first ticket, up to the limits of a batch.
func (l *lane) collect(first *ticket) []*ticket {
	batch, size := []*ticket{first}, len(first.pending.Text)
	for len(batch) < MaxBatchRows {
		select {
		case next := <-l.queue:
			if size += len(next.pending.Text); size > MaxBatchBytes {
				l.held = next
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}
