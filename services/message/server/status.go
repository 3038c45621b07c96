// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/sqlstore"
)

// statusTimeout bounds what a look at the status waits for the database.
const statusTimeout = 2 * time.Second

// databaseStatus asks at each look, so that a changed setting shows without a restart.
func databaseStatus(ctx context.Context, db *sqldb.DB) func() any {
	ctx = context.WithoutCancel(ctx)
	return func() any {
		ctx, cancel := context.WithTimeout(ctx, statusTimeout)
		defer cancel()
		status := struct {
			Reachable  bool                 `json:"reachable"`
			Dialect    string               `json:"dialect"`
			Durability *sqlstore.Durability `json:"durability,omitempty"`
		}{Dialect: db.Dialect().String()}
		if d, err := sqlstore.ReadDurability(ctx, db); err == nil {
			status.Reachable, status.Durability = true, &d
		}
		return status
	}
}

// Outcomes of a batch, as the label outcome shows them.
const (
	stored      = "stored"
	raced       = "raced"
	unavailable = "unavailable"
	failed      = "failed"
)

// measured is a store that counts its batches.
type measured struct {
	message.Store
	now     func() time.Time
	rows    prometheus.Histogram
	seconds prometheus.Histogram
	batches *prometheus.CounterVec
}

// measure puts metrics around the writes of the lanes.
func measure(store message.Store, now func() time.Time, registry prometheus.Registerer) message.Store {
	m := &measured{
		Store: store, now: now,
		rows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_message_batch_rows", Help: "Messages of one lane transaction, refused ones and retries included.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100},
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_message_batch_seconds", Help: "Time of one lane transaction, retries after deadlocks included.",
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		}),
		batches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_message_batches_total", Help: "Lane transactions, by outcome.",
		}, []string{"outcome"}),
	}
	registry.MustRegister(m.rows, m.seconds, m.batches)
	return m
}

// Append implements message.Writer.
func (m *measured) Append(ctx context.Context, batch []message.Pending, now int64) (message.Committed, error) {
	start := m.now()
	committed, err := m.Store.Append(ctx, batch, now)
	m.rows.Observe(float64(len(batch)))
	m.seconds.Observe(m.now().Sub(start).Seconds())
	m.batches.WithLabelValues(outcome(err)).Inc()
	return committed, err
}

func outcome(err error) string {
	switch known, isFault := fault.Of(err); {
	case err == nil:
		return stored
	case isFault && known.Kind() == fault.Unavailable:
		return unavailable
	case errors.Is(err, message.ErrRaced):
		return raced
	default:
		return failed
	}
}
