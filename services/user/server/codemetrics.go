// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/user"
)

// countCodes registers the counter of codes. All outcomes are there from the start, so that a rate can be
// taken of the first one.
func countCodes(registry prometheus.Registerer) func(user.CodeOutcome) {
	codes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "parley_user_codes_total", Help: "Codes by SMS and wishes for them, by outcome.",
	}, []string{"outcome"})
	for _, outcome := range user.CodeOutcomes() {
		codes.WithLabelValues(string(outcome))
	}
	registry.MustRegister(codes)
	return func(outcome user.CodeOutcome) { codes.WithLabelValues(string(outcome)).Inc() }
}
