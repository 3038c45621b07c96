// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"github.com/parley-chat/parley/services/internal/blob"
)

// buffers lend memory to parts, up to a bound.
type buffers struct {
	budget  *semaphore.Weighted
	waiting atomic.Int32
	free    chan []byte // of the size of a whole part
}

func newBuffers(memory int64) *buffers {
	return &buffers{budget: semaphore.NewWeighted(memory), free: make(chan []byte, memory/blob.StepBytes)}
}

// take waits for memory until ctx ends; what is free is had even then. Whoever waited longest is first.
func (b *buffers) take(ctx context.Context, size int64) ([]byte, error) {
	if !b.budget.TryAcquire(size) {
		b.waiting.Add(1)
		defer b.waiting.Add(-1)
		if err := b.budget.Acquire(ctx, size); err != nil {
			return nil, err
		}
	}
	if size == blob.StepBytes {
		select {
		case buffer := <-b.free:
			return buffer, nil
		default:
		}
	}
	return make([]byte, size), nil
}

// give takes back what take lent.
func (b *buffers) give(buffer []byte) {
	if len(buffer) == blob.StepBytes {
		select {
		case b.free <- buffer:
		default:
		}
	}
	b.budget.Release(int64(len(buffer)))
}

// wanted tells whether somebody waits.
func (b *buffers) wanted() bool { return b.waiting.Load() > 0 }
