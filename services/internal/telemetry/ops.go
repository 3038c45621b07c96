// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/parley-chat/parley/api/component"
)

// Limits of the ops port; chosen for probes and scrapers, which send no body.
const (
	readTimeout    = 5 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 75 * time.Second
	maxHeaderBytes = 16 << 10
	shutdownWait   = 2 * time.Second
)

// Ops answers probes, metrics and /statusz. It is safe for concurrent use.
type Ops struct {
	registry *prometheus.Registry
	ready    atomic.Bool

	mu           sync.Mutex // guards what follows
	component    component.Name
	version      string
	dependencies map[component.Dependency]func() component.Class
	gateway      func() *component.GatewayStatus
	reindex      func() component.ReindexStatus
	index        func() *component.IndexStatus
}

// NewOps makes the handlers for a registry. The process is alive at once and ready when Ready says so.
func NewOps(registry *prometheus.Registry) *Ops {
	return &Ops{registry: registry, dependencies: map[component.Dependency]func() component.Class{}}
}

// Ready sets what /readyz answers. It depends on the process itself, never on a store that all pods
// share: else one hiccup of that store takes every pod out of every Service.
func (o *Ops) Ready(ready bool) { o.ready.Store(ready) }

// Handler serves the four paths of the ops port to GET and HEAD.
func (o *Ops) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+component.LivePath, func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusOK, "alive\n")
	})
	mux.HandleFunc("GET "+component.ReadyPath, func(w http.ResponseWriter, _ *http.Request) {
		if !o.ready.Load() {
			writeText(w, http.StatusServiceUnavailable, "not ready\n")
			return
		}
		writeText(w, http.StatusOK, "ready\n")
	})
	mux.HandleFunc("GET "+component.StatusPath, o.writeStatus)
	mux.Handle("GET "+component.MetricsPath, promhttp.HandlerFor(o.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4,
		Timeout:             writeTimeout / 2,
	}))
	addProfiles(mux)
	return mux
}

// addProfiles offers what `go tool pprof` asks for: the ops port is in no public Service. A CPU profile
// must end within writeTimeout.
func addProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the prober has gone; nobody to tell
}

// Serve answers on a listener, which it closes, until ctx ends.
func (o *Ops) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           o.Handler(),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWait)
	defer cancel()
	err := server.Shutdown(stop)
	if err != nil {
		err = server.Close()
	}
	<-served //nolint:errcheck // always http.ErrServerClosed here
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
