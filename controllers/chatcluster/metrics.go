// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// stepExpand is the step of migrations that there is.
const stepExpand = "expand"

// metrics of the operator; no label holds a name.
type metrics struct {
	passes     *prometheus.CounterVec
	seconds    prometheus.Histogram
	steps      *prometheus.HistogramVec
	writes     *prometheus.CounterVec
	clusters   *prometheus.GaugeVec
	upgrades   *prometheus.CounterVec
	waves      *prometheus.HistogramVec
	migrations *prometheus.CounterVec
	rebuilds   *prometheus.CounterVec
	drains     *prometheus.CounterVec
	sessions   *prometheus.GaugeVec
	bindings   *prometheus.CounterVec
	asked      *prometheus.CounterVec
}

func newMetrics() *metrics {
	passes := prometheus.ExponentialBuckets(0.005, 4, 7)
	return &metrics{
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operator_reconcile_total", Help: "Passes by outcome: done, waiting, stalled or failed.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_operator_reconcile_seconds", Help: "Duration of a pass.", Buckets: passes,
		}),
		steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_operator_step_seconds", Help: "Duration of a step of a pass by outcome: done, waiting, stalled or failed.", Buckets: passes,
		}, []string{"step", "outcome"}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operator_writes_total", Help: "Writes of children by kind and outcome.",
		}, []string{"kind", "outcome"}),
		clusters: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "parley_operator_chatclusters", Help: "ChatClusters by state: ready, reconciling, stalled or unready.",
		}, []string{"state"}),
		upgrades: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operator_upgrades_total", Help: "Changes of version that ended, by outcome: done or failed.",
		}, []string{"outcome"}),
		waves: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_operator_wave_seconds", Help: "Duration of a wave of a change of version that one operator saw from start to end.",
			Buckets: prometheus.ExponentialBuckets(5, 3, 7),
		}, []string{"wave"}),
		migrations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operator_migrations_total", Help: "Changes of schemas that ended, by step and outcome: done or failed.",
		}, []string{"step", "outcome"}),
		rebuilds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operator_rebuilds_total", Help: "Rebuilds of a search index that ended, by outcome: done, failed or stopped.",
		}, []string{"outcome"}),
		drains: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operator_drains_total", Help: "Times that all gateway pods of a ChatCluster had stopped draining, by outcome: done or overdue.",
		}, []string{"outcome"}),
		sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "parley_operator_drain_sessions", Help: "Sessions on gateway pods that drain, by state: remaining.",
		}, []string{"state"}),
		bindings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operator_binding_changes_total", Help: "Changes of what readers of a store read, by kind of store.",
		}, []string{"kind"}),
		asked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_operator_statusz_total", Help: "Questions to pods for their status by outcome: done or failed.",
		}, []string{"outcome"}),
	}
}

func (m *metrics) register(registry prometheus.Registerer) error {
	var failed error
	for _, collector := range []prometheus.Collector{
		m.passes, m.seconds, m.steps, m.writes, m.clusters, m.upgrades, m.waves, m.migrations, m.rebuilds, m.drains, m.sessions, m.bindings, m.asked,
	} {
		failed = errors.Join(failed, registry.Register(collector))
	}
	return failed
}

func (m *metrics) wrote(kind, outcome string) { m.writes.WithLabelValues(kind, outcome).Inc() }

func (m *metrics) passed(failed, outcome error, took time.Duration) {
	result := outcomeOf(outcome)
	if failed != nil {
		result = "failed"
	}
	m.passes.WithLabelValues(result).Inc()
	m.seconds.Observe(took.Seconds())
}

func (m *metrics) stepped(name string, outcome error, took time.Duration) {
	m.steps.WithLabelValues(name, outcomeOf(outcome)).Observe(took.Seconds())
}

// show sets the gauges to what all records hold together.
func (m *metrics) show(states map[string]int, remaining int) {
	for _, state := range []string{"ready", "reconciling", "stalled", "unready"} {
		m.clusters.WithLabelValues(state).Set(float64(states[state]))
	}
	m.sessions.WithLabelValues("remaining").Set(float64(remaining))
}

func outcomeOf(err error) string {
	_, isStalled := errors.AsType[*stalledError](err)
	_, isWaiting := errors.AsType[*waitingError](err)
	switch {
	case err == nil:
		return "done"
	case isStalled:
		return "stalled"
	case isWaiting:
		return "waiting"
	default:
		return "failed"
	}
}
