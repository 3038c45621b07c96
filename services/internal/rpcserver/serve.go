// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"github.com/parley-chat/parley/services/internal/lifecycle"
)

// Limits of the listener.
const (
	headerTimeout = 5 * time.Second
	// readTimeout covers header and body (5 s and 15 s).
	readTimeout = 20 * time.Second
	// writeTimeout counts from the header: the longest call, and time to write its answer.
	writeTimeout   = maxDeadline + 5*time.Second
	idleTimeout    = 75 * time.Second
	maxHeaderBytes = 16 << 10
	maxStreams     = 100
	// maxConnections of a listener; chosen: callers are pods, and each keeps a few connections.
	maxConnections = 4096
	// shutdownWait lets running calls end before their connections are cut.
	shutdownWait = 8 * time.Second
)

// Serve answers calls on a listener, which it closes, until ctx ends; then it lets running calls end,
// within 8 s. It speaks HTTP/1.1 and HTTP/2 without TLS.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	return lifecycle.ServeHTTP(ctx, s.httpServer(ctx), netutil.LimitListener(listener, maxConnections), shutdownWait)
}

func (s *Server) httpServer(ctx context.Context) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           s.Handler(),
		Protocols:         &protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
		// The end of ctx starts the shutdown; it must not cut the calls that the shutdown waits for.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
}
