// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/message"
)

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
