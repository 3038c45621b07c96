// SPDX-License-Identifier: Apache-2.0

package rpcserver_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// endless is a body that nobody sees the end of.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A proxy hands a body on in a goroutine that outlives the request if the answer comes early: its reads end then,
// and the process lives.
func TestABodyMayBeReadAfterItsRequest(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bodies, returned := make(chan io.Reader, 1), make(chan struct{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(returned)
				rpcserver.ServeByProgress(w, r, time.Now, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					bodies <- r.Body
					http.Error(w, "no", http.StatusConflict)
				}))
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			defer server.Close()
			ended := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, <-bodies)
				ended <- err
			}()
			answer, err := server.Client().Post(server.URL, "application/octet-stream", endless{})
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusConflict {
				t.Errorf("answer %s", answer.Status)
			}
			<-returned
			if err := <-ended; err == nil {
				t.Error("the whole body came after a refusal")
			}
		})
	}
}
