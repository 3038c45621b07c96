// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"errors"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics of all calls. The label method comes from the descriptors, so its values are a closed set.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_rpc_requests_total",
			Help: "Calls answered, by method and Connect code.",
		}, []string{"method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "parley_rpc_duration_seconds",
			Help:    "Time from the decoded request to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"method"}),
	}
	if registerer != nil {
		m.requests = register(registerer, m.requests)
		m.duration = register(registerer, m.duration)
	}
	return m
}

// register answers the collector that an earlier server has registered, if there is one.
func register[C prometheus.Collector](registerer prometheus.Registerer, collector C) C {
	err := registerer.Register(collector)
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if earlier, ok := already.ExistingCollector.(C); ok {
			return earlier
		}
	}
	if err != nil {
		panic(err)
	}
	return collector
}

func (m *metrics) observe(procedure string, answer *connect.Error, took time.Duration) {
	code := "ok"
	if answer != nil {
		code = answer.Code().String()
	}
	method := strings.TrimPrefix(procedure, "/")
	m.requests.WithLabelValues(method, code).Inc()
	m.duration.WithLabelValues(method).Observe(took.Seconds())
}
