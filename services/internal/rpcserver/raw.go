// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"net/http"
	"strings"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
)

// MountBytes adds a handler for requests that are no calls but carry bytes, below a path that ends in a slash. Only the
// gateway may send them, for a user; the handler reads the caller with identity.FromContext. They may
// take any time as long as bytes move, and have no size of their own.
func (s *Server) MountBytes(path string, handler http.Handler) {
	s.services[path] = handler
	s.bytes = append(s.bytes, path)
}

// findBytes is the handler of a request that carries bytes, nil for all others.
func (s *Server) findBytes(r *http.Request) http.Handler {
	for _, path := range s.bytes {
		if strings.HasPrefix(r.URL.Path, path) {
			return s.services[path]
		}
	}
	return nil
}

// serveBytes checks who calls and frees the request from deadlines.
func (s *Server) serveBytes(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	ServeByProgress(w, r, s.now, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := s.authenticate(r.Header)
		switch {
		case err != nil:
		case caller.Issuer != component.Gateway:
			err = fault.ErrForbidden
		case caller.UserID.IsZero():
			err = fault.ErrUnauthenticated
		}
		if err != nil {
			s.WriteError(w, r, err)
			return
		}
		handler.ServeHTTP(w, r.WithContext(identity.NewContext(r.Context(), caller)))
	}))
}
