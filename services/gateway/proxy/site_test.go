// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/parley-chat/parley/services/gateway/proxy"
)

// serve starts a server for HTTP/1.1 and HTTP/2 without TLS.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.Config.Protocols = protocols
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

func TestSite(t *testing.T) {
	t.Parallel()
	w := start(t)
	const immutable = "public, max-age=31536000, immutable"
	rows := map[string]struct {
		method, path string
		status       int
		body, cache  string
	}{
		"the top shows the client":                {http.MethodGet, "/", 200, "<title>app</title>", "no-store"},
		"a path of the client shows it too":       {http.MethodGet, "/c/0199", 200, "<title>app</title>", "no-store"},
		"a file with a hash is kept for ever":     {http.MethodGet, "/assets/app-1a2b.js", 200, "app()", immutable},
		"another file is asked for again":         {http.MethodGet, "/manifest.webmanifest", 200, "{}", "no-cache"},
		"a missing file is missing":               {http.MethodGet, "/assets/old.js", 404, "", "no-store"},
		"a hidden file is missing":                {http.MethodGet, "/.keep", 404, "", "no-store"},
		"a way out of the folder is none":         {http.MethodGet, "/../../etc/passwd.txt", 404, "", "no-store"},
		"a head answers without a body":           {http.MethodHead, "/", 200, "", "no-store"},
		"a path of the API is not the client's":   {http.MethodGet, "/v1/unknown", 404, "", "no-store"},
		"a missing method is not the client's":    {http.MethodGet, "/parley.user.v1.AuthService/X", 404, "", "no-store"},
		"the description of the API is a page":    {http.MethodGet, "/docs", 200, "<title>api</title>", "no-store"},
		"the page has another address":            {http.MethodGet, "/docs/", 200, "<title>api</title>", "no-store"},
		"the description is a document":           {http.MethodGet, "/docs/openapi.yaml", 200, "openapi: 3.1.0", "no-cache"},
		"nothing else is described":               {http.MethodGet, "/docs/other", 404, "", "no-store"},
		"a description takes nothing":             {http.MethodPost, "/docs", 405, "", "no-store"},
		"a path that only begins like it":         {http.MethodGet, "/docsx", 200, "<title>app</title>", "no-store"},
		"a folder shows the client, not its list": {http.MethodGet, "/assets/", 200, "<title>app</title>", "no-store"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.do(t, row.method, row.path, "")
			if got.StatusCode != row.status || !strings.Contains(got.body, row.body) {
				t.Errorf("answer %d %s, want %d %s", got.StatusCode, got.body, row.status, row.body)
			}
			if cache := got.Header.Get("Cache-Control"); cache != row.cache {
				t.Errorf("cache %q, want %q", cache, row.cache)
			}
		})
	}
}

func TestTheDocumentHasItsType(t *testing.T) {
	t.Parallel()
	w := start(t)
	if got := w.do(t, http.MethodGet, "/docs/openapi.yaml", "").Header.Get("Content-Type"); got != "application/yaml" {
		t.Errorf("type %s", got)
	}
	w = start(t, func(o *proxy.Options) { o.Docs = nil })
	if got := w.do(t, http.MethodGet, "/docs", ""); got.StatusCode != http.StatusNotFound {
		t.Errorf("without a description the answer is %d", got.StatusCode)
	}
}

func TestSiteThatWasNotBuilt(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fstest.MapFS{"empty": {".keep": {}}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, func(o *proxy.Options) {
				o.Web = nil
				if files != nil {
					o.Web = files
				}
			})
			got := w.do(t, http.MethodGet, "/c/1", "")
			if !strings.Contains(got.body, "make web") || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
				t.Errorf("answer %s %s", got.Header.Get("Content-Type"), got.body)
			}
		})
	}
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	t.Parallel()
	w := start(t)
	host := strings.TrimPrefix(w.server.URL, "http://")
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; connect-src 'self' ws://" + host + " wss://" + host +
			"; base-uri 'none'",
		"Strict-Transport-Security":  "max-age=31536000; includeSubDomains",
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin",
		"Permissions-Policy":         "microphone=(self)",
		"Vary":                       "Origin",
	}
	for name, got := range map[string]answer{
		"a call":              w.do(t, http.MethodPost, register, "{}"),
		"a refusal":           w.do(t, http.MethodPost, friends, "{}"),
		"a file":              w.do(t, http.MethodGet, "/assets/app-1a2b.js", ""),
		"the client":          w.do(t, http.MethodGet, "/", ""),
		"nothing":             w.do(t, http.MethodGet, "/v1/nothing", ""),
		"a method that is no": w.do(t, http.MethodTrace, "/", ""),
	} {
		for header, value := range want {
			if all := got.Header.Values(header); len(all) != 1 || all[0] != value {
				t.Errorf("%s: %s is %q, want %q", name, header, all, value)
			}
		}
		if got.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s has no request id", name)
		}
		if name != "a file" && got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached: %s", name, got.Header.Get("Cache-Control"))
		}
		for _, header := range []string{"Set-Cookie", "Server"} {
			if v := got.Header.Get(header); v != "" {
				t.Errorf("%s: %s is %s", name, header, v)
			}
		}
	}
}

func TestPolicyWithAForgedHost(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/", nil)
	r.Host = "x; script-src *"
	r.RequestURI = ""
	got, err := w.server.Client().Do(r)
	if err == nil {
		_ = got.Body.Close()
		if strings.Contains(got.Header.Get("Content-Security-Policy"), "script-src *") {
			t.Error("the host stands in the policy")
		}
	}
}

func TestOtherSites(t *testing.T) {
	t.Parallel()
	w := start(t, func(o *proxy.Options) { o.Origins = []string{"https://chat.example"} })
	ask := func(origin string) answer {
		return w.do(t, http.MethodOptions, register, "", "Origin", origin, "Access-Control-Request-Method", "POST")
	}
	if got := ask("https://chat.example"); got.StatusCode != http.StatusNoContent ||
		got.Header.Get("Access-Control-Allow-Origin") != "https://chat.example" {
		t.Errorf("a listed site is answered %d %v", got.StatusCode, got.Header)
	}
	for _, origin := range []string{"https://evil.example", "http://chat.example", "https://chat.example:8443", "null"} {
		if got := ask(origin); got.StatusCode != http.StatusMethodNotAllowed ||
			got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is answered %d %v", origin, got.StatusCode, got.Header)
		}
	}
	got := w.do(t, http.MethodPost, register, "{}", "Origin", "https://chat.example")
	if got.StatusCode != http.StatusOK || got.Header.Get("Access-Control-Allow-Origin") != "https://chat.example" {
		t.Errorf("a call from a listed site is answered %d %v", got.StatusCode, got.Header)
	}
	if got.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("credentials are allowed")
	}
}
