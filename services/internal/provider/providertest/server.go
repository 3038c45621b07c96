// SPDX-License-Identifier: Apache-2.0

// Package providertest has servers on which everything goes wrong, and what whoever calls them has to do.
package providertest

import (
	"net"
	"net/http"

	"github.com/parley-chat/parley/services/internal/provider"
)

// Client follows no redirect.
func Client() *http.Client { return provider.NewClient(nil, provider.Limits{}) }

// Write answers a status and a body.
func Write(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

// Redirect sends callers elsewhere.
func Redirect(query string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere?"+query, http.StatusTemporaryRedirect)
	}
}

// Silent never answers.
func Silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Endless answers a status, and then bytes without an end.
func Endless(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}
}

// Raw answers bytes, HTTP or not, and ends the connection.
func Raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = connection.Write([]byte(text))
		if tcp, ok := connection.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
		_ = connection.Close()
	}
}
