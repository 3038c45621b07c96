// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"errors"
	"sync"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
)

// waiting is one question with the way back.
type waiting[Q, A any] struct {
	question Q
	size     int // bytes
	done     func(A, error)
}

// lane collects questions into calls, one call at a time.
type lane[Q, A any] struct {
	queue    chan waiting[Q, A]
	maxItems int
	maxBytes int
	call     func(ctx context.Context, questions []Q) ([]A, error)
	// divide answers what of a batch is asked now, and what is done with the rest after that; nil: all is asked now.
	divide func(batch []waiting[Q, A]) (now []waiting[Q, A], rest func())

	mu      sync.Mutex // guards stopped against questions that come too late
	stopped bool
}

var errAnswers = errors.New("another number of answers than questions")

func newLane[Q, A any](
	length, maxItems, maxBytes int, call func(context.Context, []Q) ([]A, error),
) *lane[Q, A] {
	return &lane[Q, A]{queue: make(chan waiting[Q, A], length), maxItems: maxItems, maxBytes: maxBytes, call: call}
}

// ask puts a question in; done is called exactly once. It never blocks.
func (l *lane[Q, A]) ask(q Q, size int, done func(A, error)) {
	err := error(fault.ErrUnavailable)
	l.mu.Lock()
	if !l.stopped {
		select {
		case l.queue <- waiting[Q, A]{question: q, size: size, done: done}:
			l.mu.Unlock()
			return
		default:
			err = gateway.ErrOverloaded
		}
	}
	l.mu.Unlock()
	var none A
	done(none, err)
}

// run makes calls until ctx ends; then it refuses what waits.
func (l *lane[Q, A]) run(ctx context.Context) {
	var kept *waiting[Q, A] // did not fit into the call before
	for {
		first := kept
		if first == nil {
			select {
			case <-ctx.Done():
				l.stop()
				return
			case next := <-l.queue:
				first = &next
			}
		}
		var batch []waiting[Q, A]
		batch, kept = l.fill(*first)
		rest := func() {}
		if l.divide != nil {
			batch, rest = l.divide(batch)
		}
		l.settle(ctx, batch)
		rest()
	}
}

// fill takes what waits, up to one call; what does not fit any more comes first in the next.
func (l *lane[Q, A]) fill(first waiting[Q, A]) (batch []waiting[Q, A], kept *waiting[Q, A]) {
	batch = append(batch, first)
	bytes := first.size
	for len(batch) < l.maxItems {
		select {
		case next := <-l.queue:
			if bytes += next.size; bytes > l.maxBytes {
				return batch, &next
			}
			batch = append(batch, next)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

func (l *lane[Q, A]) settle(ctx context.Context, batch []waiting[Q, A]) {
	if len(batch) == 0 {
		return
	}
	questions := make([]Q, len(batch))
	for i := range batch {
		questions[i] = batch[i].question
	}
	answers, err := l.call(ctx, questions)
	if err == nil && len(answers) != len(batch) {
		err = errAnswers
	}
	for i := range batch {
		var answer A
		if err == nil {
			answer = answers[i]
		}
		batch[i].done(answer, err)
	}
}

func (l *lane[Q, A]) stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	for {
		select {
		case w := <-l.queue:
			var none A
			w.done(none, fault.ErrUnavailable)
		default:
			return
		}
	}
}
