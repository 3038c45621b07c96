// SPDX-License-Identifier: Apache-2.0

package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// observe counts recordings and how long they are; the latter is what providers charge for.
func observe(registry prometheus.Registerer) func(kind, outcome string, length time.Duration) {
	recordings := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_speech_recordings_total",
		Help: "Recordings by kind (dictation, voice) and outcome (done, unfit, quota, gone, later, failed).",
	}, []string{"kind", "outcome"})
	seconds := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_speech_seconds_total",
		Help: "Seconds of speech in these recordings.",
	}, []string{"kind", "outcome"})
	registry.MustRegister(recordings, seconds)
	return func(kind, outcome string, length time.Duration) {
		recordings.WithLabelValues(kind, outcome).Inc()
		seconds.WithLabelValues(kind, outcome).Add(length.Seconds())
	}
}
