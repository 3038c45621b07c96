// SPDX-License-Identifier: Apache-2.0

package indexserver

import (
	"context"
	"time"
)

// When a process without an index looks for the queue of events that one with an index has left; chosen.
const (
	retireAgain = 5 * time.Second // while somebody consumes it, or the broker is away
	retireLook  = time.Hour       // once it is gone: a pod of before may have come back from an outage
)

// retire removes the queue of an index that the spec names no more, as soon as the last pod of before has ended: nobody
// would ever collect its events. What is parked stays. An index that comes back is withdrawn before its queue is made.
func (o Options) retire(ctx context.Context) error {
	queue, last := o.Source.Queue(), ""
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
		gone, err := o.Broker.Retire(ctx, queue)
		if gone {
			pause.Reset(retireLook)
			last = ""
			continue
		}
		pause.Reset(retireAgain)
		if err != nil && err.Error() != last && ctx.Err() == nil {
			last = err.Error()
			o.Logger.WarnContext(ctx, "the queue of search events cannot be removed yet", "queue", queue, "error", err)
		}
	}
}
