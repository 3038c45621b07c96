// SPDX-License-Identifier: Apache-2.0

package indexer

import "context"

// waiting hears how many AMQP messages wait, before the first comes and every few seconds. Above nine tenths of
// the bound the oldest may be gone before it hears again. Nothing is then written before the Keeper has withdrawn
// the index: once the queue is shorter, nobody who starts anew could know.
func (x *Indexer) waiting(ready int) {
	x.metrics.waiting.Set(float64(ready))
	if ready < x.o.MaxQueue-x.o.MaxQueue/10 || x.lose(Overflow) {
		return
	}
	x.metrics.overflows.Inc()
	x.o.Logger.Error("too many events wait for the search index, it will be filled from the database", "waiting", ready)
	x.tell()
}

// anew hears that the queue is not there: nobody collected what happened until now. It lets it be made when the
// index is withdrawn, which outlives this process: once the queue is there, nobody could know.
func (x *Indexer) anew(ctx context.Context) error {
	x.hearing.Store(false)
	select {
	case <-x.known: // of an earlier time
	default:
	}
	if !x.lose(Uncollected) {
		x.o.Logger.InfoContext(ctx, "events for the search index were not collected until now, it will be filled from the database")
	}
	x.tell()
	select {
	case <-x.known:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listens hears that the queue is bound.
func (x *Indexer) listens(context.Context) {
	before := x.hearing.Swap(true)
	x.bound.Do(func() { close(x.hears) })
	if !before {
		x.tell()
	}
}

// tell wakes the Keeper.
func (x *Indexer) tell() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// made says that the index is withdrawn, so that it will be filled, and what waits may be written.
func (x *Indexer) made() {
	x.missed.Store(false)
	select {
	case x.known <- struct{}{}:
	default:
	}
}
