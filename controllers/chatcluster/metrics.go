// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
)

// metrics of the operator; no label holds a name.
type metrics struct {
	passes  *prometheus.CounterVec
	seconds prometheus.Histogram
	writes  *prometheus.CounterVec
}

func newMetrics() *metrics {
	return &metrics{
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operator_reconcile_total", Help: "Passes by outcome: done, waiting, stalled or failed.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_operator_reconcile_seconds", Help: "Duration of a pass.", Buckets: prometheus.ExponentialBuckets(0.005, 4, 7),
		}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operator_writes_total", Help: "Writes of children by kind and outcome.",
		}, []string{"kind", "outcome"}),
	}
}

func (m *metrics) register() error {
	var failed error
	for _, collector := range []prometheus.Collector{m.passes, m.seconds, m.writes} {
		failed = errors.Join(failed, ctrlmetrics.Registry.Register(collector))
	}
	return failed
}

func (m *metrics) wrote(kind, outcome string) { m.writes.WithLabelValues(kind, outcome).Inc() }

func (m *metrics) passed(failed, outcome error, took time.Duration) {
	result := "done"
	_, isStalled := errors.AsType[*stalledError](outcome)
	_, isWaiting := errors.AsType[*waitingError](outcome)
	switch {
	case failed != nil:
		result = "failed"
	case isStalled:
		result = "stalled"
	case isWaiting:
		result = "waiting"
	}
	m.passes.WithLabelValues(result).Inc()
	m.seconds.Observe(took.Seconds())
}
