// SPDX-License-Identifier: Apache-2.0

package indexer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/searchindex"
)

// Bounds of a replay; chosen.
const (
	maxHeld     = 1000             // parked events that are refused again before it gives up
	findsBroker = 30 * time.Second // how long it waits for the broker
)

// Parked is an event that was laid aside.
type Parked struct {
	Documents []string // ids of what it is about; empty if it cannot be read
	Err       error    // why it stays parked; nil if its documents are written now
}

// Replayer writes documents of parked events.
type Replayer struct {
	Subscriber broker.Subscriber
	Source     Source
	Index      Putter
	Told       func(Parked)

	left  int // events that were parked when it began
	held  int
	stop  context.CancelCauseFunc
	found *time.Timer // ends it, until the broker is found
	first sync.Once
}

// Run looks at all events that are parked now and writes their documents as they are now. What the index refuses
// again stays parked. It is for one call.
func (r *Replayer) Run(ctx context.Context) error {
	running, stop := context.WithCancelCause(ctx)
	r.stop = stop
	late := time.AfterFunc(findsBroker, func() { stop(errNoBroker) })
	defer late.Stop()
	r.found = late
	err := r.Subscriber.Subscribe(running, broker.Subscription{
		Queue: r.Source.Queue() + broker.DeadSuffix, MaxLength: MaxQueue, Prefetch: maxHeld + 1, Length: r.length,
	}, r.replay)
	if cause := context.Cause(running); err == nil && !errors.Is(cause, errDone) {
		return cause
	}
	return err
}

// Ends of a replay.
var (
	errDone     = errors.New("done")
	errNoBroker = errors.New("RabbitMQ does not answer")
)

func (r *Replayer) length(ready int) {
	r.first.Do(func() {
		r.found.Stop()
		r.left = ready
		if ready == 0 {
			r.stop(errDone)
		}
	})
}

// replay leaves what it cannot write unsettled: that goes back when the subscription ends.
func (r *Replayer) replay(ctx context.Context, d *broker.Delivery) {
	if ctx.Err() != nil {
		return
	}
	parked := r.write(ctx, d.Body)
	if errors.Is(parked.Err, searchindex.ErrUnavailable) {
		r.stop(parked.Err)
		return
	}
	r.Told(parked)
	r.left--
	if parked.Err == nil {
		d.Ack()
	} else if r.held++; r.held == maxHeld {
		r.stop(fmt.Errorf("%d parked events are refused again: find out why before you go on", r.held))
	}
	if r.left == 0 {
		r.stop(errDone)
	}
}

func (r *Replayer) write(ctx context.Context, body []byte) Parked {
	changes, err := r.Source.Decode(body)
	if err != nil {
		return Parked{Err: fmt.Errorf("it cannot be read: %w", err)}
	}
	parked := Parked{Documents: idsOf(changes)}
	documents, err := r.Source.Documents(ctx, parked.Documents)
	if err != nil {
		parked.Err = fmt.Errorf("%w: %w", searchindex.ErrUnavailable, err)
		return parked
	}
	parked.Err = r.Index.Put(ctx, documents)
	if partial, ok := errors.AsType[*searchindex.PutError](parked.Err); ok && len(partial.Refused) > 0 {
		id := slices.Sorted(maps.Keys(partial.Refused))[0]
		parked.Err = fmt.Errorf("the index refuses %s: %w", id, partial.Refused[id])
	}
	return parked
}
