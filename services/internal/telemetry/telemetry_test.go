// SPDX-License-Identifier: Apache-2.0

package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

func get(t *testing.T, handler http.Handler, method, path string) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
	return recorder.Code, recorder.Body.String()
}

func TestALineNamesItsComponent(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := telemetry.NewLogger(&log, component.User, "warn")
	logger.Info("not shown")
	logger.Warn("shown", "user_id", "u1")
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%q is not one line of JSON: %v", log.String(), err)
	}
	delete(line, "time")
	want := map[string]any{"level": "WARN", "msg": "shown", "component": "user", "user_id": "u1"}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Fatal(diff)
	}
}

func TestParseLevel(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]slog.Level{
		"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		if got, err := telemetry.ParseLevel(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"INFO", "trace", "warning", " info"} {
		if _, err := telemetry.ParseLevel(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	var log bytes.Buffer
	telemetry.NewLogger(&log, component.User, "nonsense").Info("shown")
	if log.Len() == 0 {
		t.Error("an unknown level hides info")
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	ops := telemetry.NewOps(telemetry.NewRegistry())
	handler := ops.Handler()
	for _, row := range []struct {
		name, method, path string
		ready              bool
		status             int
		body               string
	}{
		{"a process that starts is alive", "GET", "/livez", false, 200, "alive\n"},
		{"and not ready", "GET", "/readyz", false, 503, "not ready\n"},
		{"then it is ready", "GET", "/readyz", true, 200, "ready\n"},
		{"a HEAD is a GET", "HEAD", "/readyz", true, 200, ""},
		{"a drain ends it", "GET", "/readyz", false, 503, "not ready\n"},
		{"another path", "GET", "/debug/vars", true, 404, ""},
		{"another method", "POST", "/livez", true, 405, ""},
		{"a TRACE", "TRACE", "/livez", true, 405, ""},
	} {
		ops.Ready(row.ready)
		status, body := get(t, handler, row.method, row.path)
		if status != row.status || (row.body != "" && body != row.body && row.method == "GET") {
			t.Errorf("%s: got %d %q", row.name, status, body)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := telemetry.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_test_calls_total"})
	registry.MustRegister(counter)
	counter.Inc()
	status, body := get(t, telemetry.NewOps(registry).Handler(), "GET", "/metrics")
	for _, want := range []string{"parley_test_calls_total 1", "go_goroutines", "process_open_fds"} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("%d: %q is missing", status, want)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	ops := telemetry.NewOps(telemetry.NewRegistry())
	ops.Ready(true)
	ops.Identify(component.Gateway, "1.2.3")
	ops.SetDependency(component.RabbitMQ, func() component.Class { return component.ClassUnreachable })
	ops.SetDependency(component.MySQL, func() component.Class { return "" })
	ops.SetGateway(func() *component.GatewayStatus { return &component.GatewayStatus{Seat: 1, Sessions: 3} })
	ops.SetReindex(func() component.ReindexStatus { return component.ReindexStatus{Done: 70, Total: 100} })
	_, body := get(t, ops.Handler(), "GET", "/statusz")
	var got component.Status
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := component.Status{
		Component: component.Gateway, Version: "1.2.3", Ready: true,
		Dependencies: map[component.Dependency]component.Class{component.RabbitMQ: component.ClassUnreachable},
		Gateway:      &component.GatewayStatus{Seat: 1, Sessions: 3},
		Reindex:      &component.ReindexStatus{Done: 70, Total: 100},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- telemetry.NewOps(telemetry.NewRegistry()).Serve(ctx, listener) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if string(body) != "alive\n" {
		t.Errorf("got %q", body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}

func TestServeTellsABrokenListener(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	if err := telemetry.NewOps(telemetry.NewRegistry()).Serve(t.Context(), listener); err == nil {
		t.Fatal("no error")
	}
}
