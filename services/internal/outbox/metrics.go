// SPDX-License-Identifier: Apache-2.0

package outbox

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	published, messages, failures, overflow prometheus.Counter
	pending                                 prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		published: counter("parley_outbox_published_total", "Events confirmed by the broker, repeats included."),
		messages:  counter("parley_outbox_messages_total", "AMQP messages that carried events to the broker."),
		failures:  counter("parley_outbox_failures_total", "Batches that were not confirmed or not deleted; the sweep repeats them."),
		overflow:  counter("parley_outbox_overflow_total", "Events left to the sweep because too many were waiting."),
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_outbox_pending", Help: "Rows in the outbox at the last sweep of this process, counted to 10000.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.published, m.messages, m.failures, m.overflow, m.pending)
	}
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}
