// SPDX-License-Identifier: Apache-2.0

package proxy

import "github.com/prometheus/client_golang/prometheus"

// metrics of the public port.
type metrics struct {
	calls *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{calls: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_gateway_calls_total",
		Help: "Calls of clients, by method and by what the gateway did with them.",
	}, []string{"method", "outcome"})}
	r.MustRegister(m.calls)
	return m
}

// call counts; a call that passed and then failed on the way counts under both.
func (m metrics) call(r route, outcome string) { m.calls.WithLabelValues(r.path, outcome).Inc() }
