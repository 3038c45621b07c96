// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/gateway/proxy"
)

const (
	filesOrigin = "https://files.example.com"
	pageOrigin  = "https://chat.example.com"
	aFile       = proxy.FilesPath + "0190b6d0-0000-7000-8000-000000000000"
)

// fetch asks for a path at a host from a page.
func fetch(t *testing.T, w *world, method, path, host, origin string, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	if origin != "" {
		request.Header.Set("Origin", origin)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response
}

func withFilesOrigin(o *proxy.Options) { o.FilesOrigin, o.Origins = filesOrigin, []string{pageOrigin} }

func TestTheOriginOfFilesHasNothingElse(t *testing.T) {
	t.Parallel()
	w := start(t, withFilesOrigin)
	host := strings.TrimPrefix(filesOrigin, "https://")
	for _, path := range []string{"/", "/index.html", "/assets/app-1a2b.js", "/docs", "/parley.user.v1.UserService/GetMe", "/v1/ws", "/v1/files/"} {
		if got := fetch(t, w, http.MethodGet, path, host, ""); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.StatusCode)
		}
	}
	if got := fetch(t, w, http.MethodGet, aFile, host, "", "Authorization", "Bearer good"); got.StatusCode != http.StatusOK {
		t.Errorf("a file: %d", got.StatusCode)
	}
	if got := fetch(t, w, http.MethodGet, aFile, host, ""); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a file without a token: %d", got.StatusCode)
	}
}

func TestPagesOfTheChatFetchFiles(t *testing.T) {
	t.Parallel()
	w := start(t, withFilesOrigin)
	host := strings.TrimPrefix(filesOrigin, "https://")
	for origin, want := range map[string]string{pageOrigin: pageOrigin, "https://evil.example": "", "null": "", "https://chat.example.com.evil.example": ""} {
		asked := fetch(t, w, http.MethodOptions, aFile, host, origin, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
		if got := asked.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s asks and is answered %q", origin, got)
		}
		if allowed := asked.Header.Get("Access-Control-Allow-Headers"); want != "" && (asked.StatusCode != http.StatusNoContent || !strings.Contains(allowed, "Authorization") || !strings.Contains(allowed, "Range")) {
			t.Errorf("%s is answered %d, %s", origin, asked.StatusCode, allowed)
		}
		got := fetch(t, w, http.MethodGet, aFile, host, origin, "Authorization", "Bearer good")
		if allowed := got.Header.Get("Access-Control-Allow-Origin"); allowed != want {
			t.Errorf("%s fetches and is answered %q", origin, allowed)
		}
		if got.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: the answer varies by %q", origin, got.Header.Get("Vary"))
		}
	}
	if got := fetch(t, w, http.MethodDelete, aFile, host, "", "Authorization", "Bearer good"); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", got.StatusCode)
	}
}
