// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/good":
		case "/later":
			if asked.Add(1) == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		case "/moved":
			http.Redirect(w, r, "/good", http.StatusFound)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	for _, row := range []struct {
		name, args, want string
	}{
		{"a 200", server.URL + "/good", ""},
		{"a 200 after a while", "--wait 1m " + server.URL + "/later", ""},
		{"a 503", server.URL + "/bad", "it answers 503"},
		{"a redirect", server.URL + "/moved", "it answers 302"},
		{"nobody there", "http://user:hunter2@127.0.0.1:1/", "check that it runs"},
		{"no address", "nonsense", "cannot be read: write http://"},
		{"another scheme", "file:///etc/passwd", "cannot be read"},
		{"no argument", "", "accepts 1 arg"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			out, err := parley(t, nil, append([]string{"probe"}, strings.Fields(row.args)...)...)
			switch {
			case row.want == "" && (err != nil || !strings.HasSuffix(out, " answers 200\n")):
				t.Errorf("got %q, %v", out, err)
			case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "hunter2")):
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}
