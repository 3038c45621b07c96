// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"bytes"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

const (
	indexFile = "index.html"
	// assets holds files with a hash in their name.
	assets = "assets/"
)

// notBuilt is shown where the web client was not built. It needs no style and no script.
const notBuilt = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Parley</title></head>
<body><h1>Parley</h1><p>The web client is not built into this program. Run <code>make web</code> and build again.
The API works as it is.</p></body></html>
`

// staticSite serves the web client.
type staticSite struct {
	files fs.FS // nil: not built
}

func newSite(files fs.FS) http.Handler {
	if files != nil {
		if _, err := fs.Stat(files, indexFile); err != nil {
			files = nil
		}
	}
	return staticSite{files}
}

// ServeHTTP answers a file, or index.html for a path that may be one of the client's own.
func (s staticSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refuseWrite(w, r) {
		return
	}
	clean := path.Clean("/" + r.URL.Path)
	name := strings.TrimPrefix(clean, "/")
	if s.files != nil && s.serveFile(w, r, name) {
		return
	}
	if strings.Contains(path.Base(clean), ".") {
		http.NotFound(w, r)
		return
	}
	if s.files == nil {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(notBuilt))
		return
	}
	s.serveFile(w, r, indexFile)
}

// serveFile tells false if there is no such file.
func (s staticSite) serveFile(w http.ResponseWriter, r *http.Request, name string) bool {
	if !fs.ValidPath(name) || strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	info, err := fs.Stat(s.files, name)
	if err != nil || info.IsDir() {
		return false
	}
	body, err := fs.ReadFile(s.files, name)
	if err != nil {
		return false
	}
	switch {
	case path.Ext(name) == ".yaml":
		w.Header().Set("Content-Type", "application/yaml") // the standard library knows no type for it
		w.Header().Set("Cache-Control", "no-cache")
	case strings.HasPrefix(name, assets):
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	case name != indexFile:
		w.Header().Set("Cache-Control", "no-cache")
	}
	http.ServeContent(w, r, path.Base(name), time.Time{}, bytes.NewReader(body))
	return true
}

// refuseWrite answers what is no question for a file, and tells whether it did.
func refuseWrite(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "nothing takes this here", http.StatusMethodNotAllowed)
	return true
}

// staticDocs serves the description of the API.
type staticDocs struct {
	site staticSite // without files: nothing is there
}

// ServeHTTP answers the page at DocsPath, and files below it.
func (d staticDocs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refuseWrite(w, r) {
		return
	}
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, DocsPath), "/")
	if name == "" {
		name = indexFile
	}
	if d.site.files == nil || !d.site.serveFile(w, r, name) {
		http.NotFound(w, r)
	}
}
