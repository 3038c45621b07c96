// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/identity"
)

// DocsPath is where the description of the API lies.
const DocsPath = "/docs"

// SocketPath is where the WebSocket opens; the seat may follow after a slash.
const SocketPath = "/v1/ws"

// Roles tells what the user of a token may do for the platform. It asks each time, so that a role counts, or
// does not, from its commit on.
type Roles interface {
	// Role is of the fault.Unauthenticated kind if the token proves nothing (any more), fault.Unavailable kind if
	// nobody can tell now.
	Role(ctx context.Context, token string) (accessv1.Role, error)
}

// Options of New. Fields that may be empty say so.
type Options struct {
	// Upstreams are the base addresses of the components, for example "http://user:8081". Those that not every
	// chat has may be missing: their methods are unavailable then.
	Upstreams map[component.Name]string
	// Transport carries calls to them.
	Transport http.RoundTripper
	// Keys sign the identity of each call.
	Keys identity.Keys
	// Tokens tells what tokens prove.
	Tokens gateway.Tokens
	// Roles tells what their users may do for the platform.
	Roles Roles
	// Session answers the methods of the gateway itself, at the paths of its generated handler. A request
	// carries the identity header for the audience "gateway", and the caller in its context.
	Session http.Handler
	// Socket answers SocketPath and what lies under it; nil: nothing is there.
	Socket http.Handler
	// Web is the built web client with index.html at its top; nil or without that file: a page says how
	// to build it.
	Web fs.FS
	// Docs describe the API: openapi.yaml, and index.html with its style; nil: nothing is there.
	Docs fs.FS
	// Policy is the Content-Security-Policy of every answer; "connect-src 'self'" in it gets the address
	// of the WebSocket too. Empty: a policy that allows nothing.
	Policy string
	// Origins may call from other sites, exact with scheme and port; may be empty.
	Origins []string
	// FilesOrigin is the separate origin of files, for example https://files.example.com: on its host nothing else is
	// served. Empty: files have no origin of their own.
	FilesOrigin string
	// PageOrigins are those of the web client's pages; they may fetch files from FilesOrigin, as Origins may.
	PageOrigins []string
	// TrustedProxies are whose X-Forwarded-For counts; may be empty.
	TrustedProxies []netip.Prefix
	// Limits of rates; zero fields take the defaults.
	Limits Limits

	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// handler is the public port.
type handler struct {
	Options

	routes  map[string]route
	forward map[component.Name]http.Handler
	site    http.Handler
	files   http.Handler // bytes to and from the file service
	// filesHost is the host of FilesOrigin.
	filesHost string
	errors    *connect.ErrorWriter
	rates     *rates
	transfers *transfers
	metrics   metrics
}

// New makes the handler. It fails if a component that has routes has no address.
func New(o Options) (http.Handler, error) {
	routes, err := makeRoutes()
	if err != nil {
		return nil, err
	}
	rates, err := newRates(o.Limits, o.Now)
	if err != nil {
		return nil, err
	}
	h := &handler{
		Options: o, routes: routes, site: newSite(o.Web), errors: connect.NewErrorWriter(), rates: rates,
		transfers: newTransfers(o.Limits), metrics: newMetrics(o.Registerer), filesHost: hostOfOrigin(o.FilesOrigin), forward: map[component.Name]http.Handler{component.Gateway: o.Session},
	}
	for _, r := range routes {
		if h.forward[r.component] != nil {
			continue
		}
		if r.component == component.Speech && o.Upstreams[r.component] == "" {
			h.forward[r.component] = h.nobody(unavailable(r.component))
			continue
		}
		if h.forward[r.component], err = h.newForward(o.Upstreams[r.component]); err != nil {
			return nil, fmt.Errorf("address of %s: %w", r.component, err)
		}
	}
	if h.files, err = h.newFiles(o.Upstreams[component.File]); err != nil {
		return nil, fmt.Errorf("address of %s: %w", component.File, err)
	}
	return h, nil
}

// ServeHTTP sorts requests; what it refuses looks the same for every path that is none.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := newRequestID()
	h.setHeaders(w.Header(), r, requestID)
	client := h.clientAddress(r)
	strip(r.Header)
	route, known := h.routes[r.URL.Path]
	switch {
	case isFile(r.URL.Path):
		h.serveFile(w, r, call{route: filesRoute(), requestID: requestID, client: client})
	case h.onFilesHost(r):
		http.NotFound(w, r)
	case known:
		if h.crossOrigin(w, r) {
			return
		}
		h.serveCall(w, r, call{route: route, requestID: requestID, client: client})
	case isSocket(r.URL.Path) && h.Socket != nil:
		h.Socket.ServeHTTP(w, r.WithContext(identity.NewContext(r.Context(), identity.Caller{
			RequestID: requestID, ClientAddress: client,
		})))
	case isAPI(r.URL.Path):
		http.NotFound(w, r)
	case isDocs(r.URL.Path):
		staticDocs{staticSite{h.Docs}}.ServeHTTP(w, r)
	default:
		h.site.ServeHTTP(w, r)
	}
}
