// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/ids"
)

// The sweep. Its page is the bound of what it loads at once.
const (
	sweepEvery   = time.Second
	sweepAge     = 5 * time.Second // younger rows are on their way
	sweepPage    = 500
	pendingLimit = 10_000 // rows that the gauge counts to
	sweepLock    = "outbox"
)

func (r *Relay) sweepLoop(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for failing := false; ; {
		_, err := r.opts.DB.Exclusive(ctx, sweepLock, r.sweep)
		if err != nil && !failing && ctx.Err() == nil { // once for each outage
			r.opts.Logger.WarnContext(ctx, "the outbox is not swept", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// sweep publishes all rows that are old enough, page by page in the order of the primary key. It stops at
// the first page that fails because broker or database are away. A routing key that nobody is bound to
// does not hold up the others.
func (r *Relay) sweep(ctx context.Context) error {
	before := r.opts.Now().Add(-sweepAge).UnixMilli()
	unroutable := map[string]bool{}
	var after ids.EventID
	for {
		rows, err := r.page(ctx, after, before)
		if err != nil {
			return err
		}
		complete, err := r.publishRows(ctx, rows, unroutable)
		if err != nil {
			return err
		}
		if len(rows) < sweepPage || !complete {
			return r.countPending(ctx)
		}
		after = rows[len(rows)-1].ID
	}
}

func (r *Relay) page(ctx context.Context, after ids.EventID, before int64) ([]Row, error) {
	var rows []Row
	err := r.opts.DB.Select(ctx, &rows, "SELECT id, routing_key, payload, created_at FROM outbox"+
		" WHERE id > ? AND created_at < ? ORDER BY id LIMIT ?", after[:], before, sweepPage)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return rows, nil
}

// publishRows reports whether the sweep can go on, and adds the routing keys that nobody is bound to.
// Rows of such keys are left alone, and those on their way from Offer.
func (r *Relay) publishRows(ctx context.Context, rows []Row, unroutable map[string]bool) (complete bool, err error) {
	waiting := rows[:0:0]
	for _, row := range rows {
		if !unroutable[row.RoutingKey] && !r.queue.holds(row.ID) {
			waiting = append(waiting, row)
		}
	}
	if len(waiting) == 0 {
		return true, nil
	}
	events, err := r.opts.Load(ctx, waiting)
	if err != nil {
		return false, fmt.Errorf("load events of the outbox: %w", err)
	}
	if len(events) < len(waiting) {
		r.opts.Logger.ErrorContext(ctx, "rows of the outbox without their event", "rows", len(waiting)-len(events))
	}
	return r.settleAll(ctx, split(entriesOf(events)), unroutable), nil
}

func entriesOf(events []*eventv1.Event) []entry {
	entries := make([]entry, 0, len(events))
	for _, event := range events {
		if id, err := eventID(event); err == nil {
			entries = append(entries, entry{id: id, event: event, size: batchedSize(event)})
		}
	}
	return entries
}

func (r *Relay) settleAll(ctx context.Context, batches []batch, unroutable map[string]bool) bool {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex // guards failed and unroutable
		failed bool
	)
	slots := make(chan struct{}, maxInFlight)
	for _, b := range batches {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			mu.Lock()
			skip := failed || unroutable[b.routingKey]
			mu.Unlock()
			if skip {
				return
			}
			err := r.settle(ctx, b)
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, broker.ErrUnroutable) {
				unroutable[b.routingKey] = true
			} else if err != nil {
				failed = true
			}
		})
	}
	wg.Wait()
	return !failed
}

func (r *Relay) countPending(ctx context.Context) error {
	var n int64
	err := r.opts.DB.Get(ctx, &n, "SELECT COUNT(*) FROM (SELECT id FROM outbox LIMIT ?) AS counted", pendingLimit)
	if err != nil {
		return fmt.Errorf("count outbox: %w", err)
	}
	r.metrics.pending.Set(float64(n))
	return nil
}
