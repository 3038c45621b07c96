// SPDX-License-Identifier: Apache-2.0

package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/internal/telemetry"
)

func TestTheOpsPortOffersProfiles(t *testing.T) {
	t.Parallel()
	handler := telemetry.NewOps(telemetry.NewRegistry()).Handler()
	for path, want := range map[string]string{
		"/debug/pprof/":                  "goroutine",
		"/debug/pprof/goroutine?debug=1": "goroutine profile",
		"/debug/pprof/heap?gc=1&debug=1": "heap profile",
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%s: %d: %.100s", path, answer.Code, answer.Body)
		}
	}
}
