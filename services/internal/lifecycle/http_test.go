// SPDX-License-Identifier: Apache-2.0

package lifecycle_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/lifecycle"
)

// TestAServerLetsCallsEnd for as long as it may wait; who lasts longer is cut.
func TestAServerLetsCallsEnd(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		wait time.Duration
		cut  bool
	}{
		"a call ends in time":    {time.Minute, false},
		"a call that would stay": {time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			came, leave, served := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(came)
				select {
				case <-leave:
					_, _ = w.Write([]byte("bye"))
				case <-r.Context().Done():
				}
			})}
			go func() { served <- lifecycle.ServeHTTP(ctx, server, listener, row.wait) }()
			got := make(chan string, 1)
			go func() { got <- get(t.Context(), "http://"+listener.Addr().String()) }()
			<-came
			stop()
			if row.cut {
				if err := <-served; !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the server ended with %v", err)
				}
				if text := <-got; text == "bye" {
					t.Error("the call was answered")
				}
				return
			}
			close(leave)
			if text := <-got; text != "bye" {
				t.Errorf("the call got %q", text)
			}
			if err := <-served; err != nil {
				t.Errorf("the server ended with %v", err)
			}
		})
	}
}

// get answers a body, or what went wrong.
func get(ctx context.Context, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error()
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
