// SPDX-License-Identifier: Apache-2.0

package indexer

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	documents *prometheus.CounterVec
	parked    *prometheus.CounterVec
	lag       prometheus.Histogram
	waiting   prometheus.Gauge
	whole     prometheus.Gauge
	overflows prometheus.Counter
}

func newMetrics(to prometheus.Registerer) metrics {
	m := metrics{
		documents: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_index_documents_total", Help: "Documents written to the search index, by outcome.",
		}, []string{"outcome"}),
		parked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_index_parked_total",
			Help: "Events laid aside in the dead queue: the index refused a document of theirs for ever, or they are unreadable.",
		}, []string{"reason"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_index_lag_seconds", Help: "Time from the commit of a change until the index has taken it.",
			Buckets: []float64{.1, .25, .5, 1, 2, 3, 5, 10, 30, 60, 300, 3600},
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_index_queue_messages", Help: "AMQP messages that wait for the search index, as of ten seconds ago at most.",
		}),
		whole: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_index_whole", Help: "1 while the search index is there and holds all texts, so that people can search.",
		}),
		overflows: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_index_overflows_total", Help: "How often the queue was full, so that the index is filled anew.",
		}),
	}
	// An alarm on a counter that rises needs it at zero before.
	for _, outcome := range []string{"written", "failed", "refused"} {
		m.documents.WithLabelValues(outcome)
	}
	for _, reason := range []string{"refused", "unreadable"} {
		m.parked.WithLabelValues(reason)
	}
	to.MustRegister(m.documents, m.parked, m.lag, m.waiting, m.whole, m.overflows)
	return m
}
