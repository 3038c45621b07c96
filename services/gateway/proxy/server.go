// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"log/slog"
	"net/http"
	"time"
)

// Limits of the public listener.
const (
	// MaxHeaderBytes bounds the header of a request.
	MaxHeaderBytes = 16 << 10
	headerTimeout  = 5 * time.Second
	bodyTimeout    = 15 * time.Second // header and body together
	answerTimeout  = 45 * time.Second // from the end of the header; above the deadline of a call
	idleTimeout    = 75 * time.Second
	maxStreams     = 100
)

// NewServer makes the server of the public port: HTTP/1.1, and HTTP/2 without TLS, which ends before
// it. A handler that takes the connection over is free of these timeouts.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           h,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		MaxHeaderBytes:    MaxHeaderBytes,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}
