// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/transmit"
)

// metrics of the courier.
type metrics struct {
	envelopes  *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	lanes      prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		envelopes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_transmit_envelopes_total",
			Help: "Envelopes published, without repeats of the last number, by outcome.",
		}, []string{"outcome"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_transmit_deliveries_total",
			Help: "Deliveries in published envelopes, by outcome.",
		}, []string{"outcome"}),
		lanes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_transmit_lanes",
			Help: "Gateway pods that get envelopes from here.",
		}),
	}
	r.MustRegister(m.envelopes, m.deliveries, m.lanes)
	return m
}

// observe counts one envelope.
func (m metrics) observe(batch []item, err error) {
	outcome := "confirmed"
	switch {
	case errors.Is(err, transmit.ErrPodGone):
		outcome = "pod_gone"
	case err != nil:
		outcome = "unknown"
	}
	m.envelopes.WithLabelValues(outcome).Inc()
	m.deliveries.WithLabelValues(outcome).Add(float64(len(batch)))
}
