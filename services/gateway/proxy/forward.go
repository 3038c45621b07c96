// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// newForward makes the way to one component.
func (h *handler) newForward(address string) (http.Handler, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if target.Host == "" {
		return nil, errors.New("no host")
	}
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.URL.RawQuery = ""
		},
		Transport:      h.Transport,
		ModifyResponse: cleanAnswer,
		ErrorHandler:   h.forwardFailed,
		ErrorLog:       slog.NewLogLogger(h.Logger.Handler(), slog.LevelWarn),
	}, nil
}

// cleanAnswer takes out what the gateway says itself, so that nothing is said twice.
func cleanAnswer(answer *http.Response) error {
	for _, name := range ownHeaders() {
		answer.Header.Del(name)
	}
	for _, name := range []string{"Set-Cookie", "Server", identity.Header} {
		answer.Header.Del(name)
	}
	return nil
}

// forwardFailed answers for a component that does not.
func (h *handler) forwardFailed(w http.ResponseWriter, r *http.Request, err error) {
	h.forwardError(w, r, call{route: h.routes[r.URL.Path], requestID: identity.FromContext(r.Context()).RequestID}, err)
}

func (h *handler) forwardError(w http.ResponseWriter, r *http.Request, c call, err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		h.refuse(w, r, c, rpcserver.ErrTooLarge)
	case errors.Is(err, context.Canceled):
		// The client has gone; nobody reads an answer.
		h.metrics.call(c.route, "gone")
	default:
		h.refuse(w, r, c, unavailable(c.route.component).Because(err))
	}
}
