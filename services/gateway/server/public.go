// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/parley-chat/parley/services/gateway/web"
	"github.com/parley-chat/parley/services/internal/lifecycle"
)

// servePublic serves clients until ctx ends and lets running calls end. Sessions are not its business:
// their connections were taken over.
func servePublic(ctx context.Context, server *http.Server, parts Parts) error {
	silent := &silentConns{open: map[net.Conn]bool{}}
	server.ConnState = silent.note
	server.RegisterOnShutdown(silent.end)
	return lifecycle.ServeHTTP(ctx, server, parts.Public, stopMargin/3)
}

// silentConns are connections on which nothing was asked yet. Browsers open them ahead of need, and a stop
// would wait for each until it is five seconds old.
type silentConns struct {
	mu   sync.Mutex // guards open
	open map[net.Conn]bool
}

func (s *silentConns) note(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateNew {
		s.open[conn] = true
	} else {
		delete(s.open, conn)
	}
}

// end is called once the listener is closed.
func (s *silentConns) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		_ = conn.Close() // nobody has asked anything on it
	}
}

// policyOf is the policy of the web client, which may fetch from the separate origin of files and from the object store
// too.
func policyOf(cfg Config) string {
	sources := []string{"connect-src 'self'"}
	for _, origin := range []string{cfg.FilesOrigin, cfg.ObjectStoreOrigin} {
		if origin != "" {
			sources = append(sources, origin)
		}
	}
	return strings.Replace(web.ContentSecurityPolicy, sources[0], strings.Join(sources, " "), 1)
}
