// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// Bounds of one AMQP message. One event that is larger goes alone.
const (
	maxBatchBytes  = 256 << 10
	maxBatchEvents = 500
)

// batch is one AMQP message: events of one routing key.
type batch struct {
	routingKey string
	entries    []entry
	bytes      int
}

// split makes batches, in the order in which their first events came.
func split(entries []entry) []batch {
	var done []batch
	open := map[string]int{} // routing key → its batch that still takes events
	for _, e := range entries {
		key := RoutingKey(e.event.GetType())
		i, ok := open[key]
		if !ok || done[i].bytes+e.size > maxBatchBytes || len(done[i].entries) == maxBatchEvents {
			i = len(done)
			open[key] = i
			done = append(done, batch{routingKey: key})
		}
		done[i].entries = append(done[i].entries, e)
		done[i].bytes += e.size
	}
	return done
}

// settle publishes a batch and deletes its rows. An error, which it has reported, leaves the rows.
func (r *Relay) settle(ctx context.Context, b batch) error {
	err := r.publish(ctx, b)
	if err == nil {
		err = failpoint.Hit(failpoint.AfterConfirm)
	}
	if err == nil {
		err = r.forget(ctx, b)
	}
	if err != nil {
		r.report(ctx, b, err)
	}
	return err
}

func (r *Relay) publish(ctx context.Context, b batch) error {
	message := &eventv1.EventBatch{Events: make([]*eventv1.Event, len(b.entries))}
	for i, e := range b.entries {
		message.Events[i] = e.event
	}
	body, err := proto.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode batch: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, broker.PublishTimeout)
	defer cancel()
	err = r.opts.Publisher.Publish(ctx, broker.Message{
		Exchange: broker.EventsExchange, RoutingKey: b.routingKey, Body: body, Persistent: true,
	})
	if err != nil {
		return fmt.Errorf("publish batch: %w", err)
	}
	r.metrics.messages.Inc()
	r.metrics.published.Add(float64(len(b.entries)))
	return nil
}

// forget deletes the rows. If that fails they are published again, which consumers expect.
func (r *Relay) forget(ctx context.Context, b batch) error {
	list := make([]ids.EventID, len(b.entries))
	for i, e := range b.entries {
		list[i] = e.id
	}
	query, args := sqldb.In("DELETE FROM outbox WHERE id IN (?)", list)
	if _, err := r.opts.DB.Exec(ctx, query, args...); err != nil {
		return fmt.Errorf("delete from outbox: %w", err)
	}
	return nil
}

// report is where an error ends: the sweep repeats. Unroutable means that no consumer has ever declared
// its queue, which the first seconds of a new system explain.
func (r *Relay) report(ctx context.Context, b batch, err error) {
	r.metrics.failures.Inc()
	if ctx.Err() != nil {
		return
	}
	logger := r.opts.Logger.With("routing_key", b.routingKey, "events", len(b.entries), "error", err)
	if errors.Is(err, broker.ErrUnroutable) {
		logger.WarnContext(ctx, "no queue is bound for events, they stay in the outbox")
	} else {
		logger.WarnContext(ctx, "events stay in the outbox")
	}
}
