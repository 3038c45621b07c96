// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

func TestAPodServesOnForAWhileWhenItMustStop(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		namespace string
		linger    time.Duration
	}{
		"in Kubernetes": {"chat", 5 * time.Second},
		"elsewhere":     {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { stopsAfter(t, row.namespace, row.linger) })
		})
	}
}

// stopsAfter runs a service that also takes 8 s to finish its calls.
func stopsAfter(t *testing.T, namespace string, linger time.Duration) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	given := process.Parts{Keys: identity.GenerateKeys(component.User)[component.User], Logger: logger}
	parts, err := given.Load(process.Settings{Component: component.User, Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	ops := telemetry.NewOps(telemetry.NewRegistry())
	group := lifecycle.New(logger)
	told := make(chan time.Time, 1)
	group.Go("calls", func(ctx context.Context) error {
		<-ctx.Done()
		told <- time.Now()
		<-time.After(8 * time.Second)
		return nil
	})
	parts.Announce(group, ops, nil)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- group.Run(ctx) }()
	synctest.Wait()
	if got := readiness(ops); got != http.StatusOK {
		t.Errorf("readiness %d while it runs", got)
	}
	began := time.Now()
	stop()
	synctest.Wait()
	if got := readiness(ops); got != http.StatusServiceUnavailable {
		t.Errorf("readiness %d at once after the stop", got)
	}
	if got := (<-told).Sub(began); got != linger {
		t.Errorf("it served %s more, want %s", got, linger)
	}
	if err := <-ended; err != nil {
		t.Errorf("the stop: %v", err)
	}
}

func readiness(ops *telemetry.Ops) int {
	answer := httptest.NewRecorder()
	ops.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, component.ReadyPath, http.NoBody))
	return answer.Code
}
