// SPDX-License-Identifier: Apache-2.0

package indexer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/parley-chat/parley/services/internal/searchindex"
)

// Documents that an index did not take now, while it took others, are written again at once, alone, before
// their events go back to the broker; chosen, no evidence.
const (
	putTries   = 4
	firstPause = 100 * time.Millisecond // doubled by each try
)

// writers is how many batches are on their way at once: one is read while the other is written. Chosen.
const writers = 2

// write gathers what arrives and writes it, until ctx ends.
func (x *Indexer) write(ctx context.Context) {
	for {
		select {
		case first := <-x.arrived:
			x.settle(ctx, x.gather(ctx, first))
		case <-ctx.Done():
			return
		}
	}
}

// gather waits a moment for more.
func (x *Indexer) gather(ctx context.Context, first arrival) []arrival {
	batch, changes := []arrival{first}, len(first.changes)
	enough := time.NewTimer(gather)
	defer enough.Stop()
	for changes < maxBatch {
		select {
		case next := <-x.arrived:
			batch, changes = append(batch, next), changes+len(next.changes)
		case <-enough.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// settle writes a batch, acknowledges what the index has taken and parks what it will never take.
func (x *Indexer) settle(ctx context.Context, batch []arrival) {
	var changes []Change
	for _, a := range batch {
		changes = append(changes, a.changes...)
	}
	var left outcome
	err := errMissed
	if !x.missed.Load() {
		left, err = x.put(ctx, changes)
	}
	if err != nil {
		if ctx.Err() == nil {
			x.o.Logger.WarnContext(ctx, "the search index lies behind", "documents", len(changes), "error", err)
		}
		for _, a := range batch {
			a.delivery.Retry()
		}
		return
	}
	for _, a := range batch {
		x.settleOne(a, left)
	}
}

// errMissed says why nothing is written to an index that lacks documents and does not know it.
var errMissed = errors.New("it has to be filled anew first")

func (x *Indexer) settleOne(a arrival, left outcome) {
	switch {
	case names(left.retry, a.changes):
		a.delivery.Retry()
	case names(left.refused, a.changes):
		x.metrics.parked.WithLabelValues("refused").Inc()
		a.delivery.Reject()
	default:
		a.delivery.Ack()
	}
}

func names(ids map[string]bool, changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return ids[c.ID] })
}

// outcome names the documents that an index did not take.
type outcome struct {
	retry, refused map[string]bool
}

// put writes documents as they are now.
func (x *Indexer) put(ctx context.Context, changes []Change) (outcome, error) {
	documents, err := x.o.Source.Documents(ctx, idsOf(changes))
	if err != nil {
		return outcome{}, err
	}
	committed := make(map[string]int64, len(changes))
	for _, c := range changes {
		committed[c.ID] = max(committed[c.ID], c.At)
	}
	left := outcome{retry: map[string]bool{}, refused: map[string]bool{}}
	wait := firstPause
	for try := 1; ; try++ {
		again, err := x.putOnce(ctx, documents, committed, left)
		if err != nil {
			return left, err
		}
		if len(again) == 0 {
			return left, nil
		}
		if try == putTries || !pause(ctx, wait) {
			for _, d := range again {
				left.retry[d.ID] = true
			}
			return left, nil
		}
		documents, wait = again, 2*wait
	}
}

// putOnce gives the documents that may be written again. Those that the index will never take are told once.
func (x *Indexer) putOnce(
	ctx context.Context, documents []searchindex.Document, committed map[string]int64, left outcome,
) (again []searchindex.Document, err error) {
	err = x.o.Index.Put(ctx, documents)
	partial, ok := errors.AsType[*searchindex.PutError](err)
	if err != nil && !ok {
		x.metrics.documents.WithLabelValues("failed").Add(float64(len(documents)))
		return nil, err
	}
	if ok {
		for id, reason := range partial.Refused {
			left.refused[id] = true
			x.o.Logger.ErrorContext(ctx, "the search index will never take a document, its event is parked", "document", id, "error", reason)
		}
		again = only(documents, partial.Retry)
		x.metrics.documents.WithLabelValues("failed").Add(float64(len(again)))
		x.metrics.documents.WithLabelValues("refused").Add(float64(len(partial.Refused)))
	}
	x.written(documents, again, committed, left)
	return again, nil
}

// written counts what the index has taken.
func (x *Indexer) written(documents, again []searchindex.Document, committed map[string]int64, left outcome) {
	waiting := make(map[string]bool, len(again))
	for _, d := range again {
		waiting[d.ID] = true
	}
	now := x.o.Now()
	for _, d := range documents {
		if waiting[d.ID] || left.refused[d.ID] {
			continue
		}
		x.metrics.documents.WithLabelValues("written").Inc()
		x.metrics.lag.Observe(now.Sub(time.UnixMilli(committed[d.ID])).Seconds())
	}
}

func only(documents []searchindex.Document, names []string) (chosen []searchindex.Document) {
	for _, d := range documents {
		if slices.Contains(names, d.ID) {
			chosen = append(chosen, d)
		}
	}
	return chosen
}

func idsOf(changes []Change) []string {
	ids := make([]string, len(changes))
	for i, c := range changes {
		ids[i] = c.ID
	}
	return ids
}

// pause waits, and tells whether to go on.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
