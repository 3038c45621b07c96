// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// FilesPath is where the bytes of files go and come from; the id of a file follows.
const FilesPath = "/v1/files/"

// filesRoute stands for all requests of bytes, in metrics.
func filesRoute() route { return route{path: FilesPath, component: component.File, user: true} }

func isFile(path string) bool {
	return strings.HasPrefix(path, FilesPath) && len(path) > len(FilesPath)
}

// onFilesHost tells requests for the separate origin of files, where nothing else is: what somebody uploaded
// never shares an origin with the web client.
func (h *handler) onFilesHost(r *http.Request) bool {
	return h.filesHost != "" && strings.EqualFold(r.Host, h.filesHost)
}

// hostOfOrigin is empty for none.
func hostOfOrigin(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Host
}

// serveFile hands bytes on, in either direction, piece by piece. A request may take any time as long as bytes move.
func (h *handler) serveFile(w http.ResponseWriter, r *http.Request, c call) {
	if h.filesCrossOrigin(w, r) {
		return
	}
	rpcserver.ServeByProgress(w, r, h.Now, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.transfer(w, r, c) }))
}

func (h *handler) transfer(w http.ResponseWriter, r *http.Request, c call) {
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPut}, r.Method) {
		w.Header().Set("Allow", "GET, HEAD, PUT")
		http.Error(w, "files are read by GET and HEAD and written by PUT", http.StatusMethodNotAllowed)
		return
	}
	caller, err := h.identify(r, c)
	end := func() {}
	if err == nil {
		end, err = h.transfers.begin(caller.UserID, r.Method)
	}
	if err != nil {
		h.refuse(w, r, c, err)
		return
	}
	defer end()
	if err := h.sign(r, c, caller); err != nil {
		h.refuse(w, r, c, err)
		return
	}
	h.metrics.call(c.route, "passed")
	h.files.ServeHTTP(replacing{w}, r.WithContext(identity.NewContext(r.Context(), caller)))
}

// replacing lets an answer replace headers that are set already, where httputil.ReverseProxy would add to them.
type replacing struct{ http.ResponseWriter }

// WriteHeader keeps the last value of what files say themselves.
func (w replacing) WriteHeader(status int) {
	for _, name := range saidByFiles() {
		if values := w.Header().Values(name); len(values) > 1 {
			w.Header().Set(name, values[len(values)-1])
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w replacing) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// identify checks token and rate.
func (h *handler) identify(r *http.Request, c call) (identity.Caller, error) {
	caller := identity.Caller{Issuer: h.Keys.Self(), RequestID: c.requestID, ClientAddress: c.client}
	token, given := bearer(r.Header)
	r.Header.Del("Authorization")
	if !given {
		return caller, fault.ErrUnauthenticated
	}
	login, err := h.verify(r.Context(), c.client, token)
	if err != nil {
		return caller, err
	}
	caller.UserID, caller.LoginSessionID, caller.DeviceID = login.User, login.Session, login.Device
	return caller, h.rates.user(login.User)
}

// newFiles makes the way of bytes to the file service.
func (h *handler) newFiles(address string) (http.Handler, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Header.Del("Expect") // this server asks for the bytes itself, as soon as they are read
		},
		Transport:      h.Transport,
		ModifyResponse: takeFileHeaders,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			c := call{route: filesRoute(), requestID: identity.FromContext(r.Context()).RequestID}
			h.forwardError(w, r, c, err)
		},
		ErrorLog: slog.NewLogLogger(h.Logger.Handler(), slog.LevelWarn),
	}, nil
}

// takeFileHeaders lets the file service say how its bytes may be shown and kept: these headers replace those of the
// gateway. The rest goes as in every answer.
func takeFileHeaders(answer *http.Response) error {
	said := map[string]string{}
	for _, name := range saidByFiles() {
		said[name] = answer.Header.Get(name)
	}
	if err := cleanAnswer(answer); err != nil {
		return err
	}
	for name, value := range said {
		if value != "" && answer.StatusCode < http.StatusBadRequest {
			answer.Header.Set(name, value)
		}
	}
	return nil
}

func saidByFiles() []string { return []string{"Content-Security-Policy", "Cache-Control"} }

// filesCrossOrigin is crossOrigin for bytes, from the pages of the chat too if files have an origin of their own.
func (h *handler) filesCrossOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	origin := r.Header.Get("Origin")
	allowed := slices.Contains(h.Origins, origin) || h.filesHost != "" && slices.Contains(h.PageOrigins, origin)
	if origin == "" || !allowed {
		return false
	}
	out := w.Header()
	out.Set("Access-Control-Allow-Origin", origin)
	out.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, Upload-Offset, Upload-Length, Etag, Accept-Ranges, "+
		"Content-Range, Content-Length, Content-Disposition")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	out.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT")
	out.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Upload-Offset, Range, If-Range, If-None-Match")
	out.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return true
}
