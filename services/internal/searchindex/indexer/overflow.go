// SPDX-License-Identifier: Apache-2.0

package indexer

// waiting hears how many AMQP messages wait, before the first comes and every few seconds. Above nine tenths of
// the bound the oldest may be gone before it hears again. Nothing is then written before the Keeper has withdrawn
// the index: once the queue is shorter, nobody who starts anew could know.
func (x *Indexer) waiting(ready int) {
	x.metrics.waiting.Set(float64(ready))
	if ready < x.o.MaxQueue-x.o.MaxQueue/10 || x.missed.Swap(true) {
		return
	}
	select {
	case x.wake <- struct{}{}:
	default:
	}
	x.metrics.overflows.Inc()
	x.o.Logger.Error("too many events wait for the search index, it will be filled from the database", "waiting", ready)
}

// made says that the index is withdrawn, so that it will be filled, and what waits may be written.
func (x *Indexer) made() { x.missed.Store(false) }
