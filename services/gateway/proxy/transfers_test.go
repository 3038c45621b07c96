// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/gateway/proxy"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// bytesOf is a file service: it takes what is sent to it, refuses what begins elsewhere before it came, and gives
// bytes out until the test says that there are no more.
func bytesOf(t *testing.T) (address string, no func()) {
	t.Helper()
	over, no := context.WithCancel(t.Context())
	t.Cleanup(no)
	take := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Upload-Offset") != "":
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, "elsewhere")
		case r.Method == http.MethodPut:
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				w.WriteHeader(http.StatusNoContent)
			}
		case r.Method == http.MethodGet:
			_, _ = io.WriteString(w, "a piece")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-over.Done():
			case <-r.Context().Done():
			}
		}
	})
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { rpcserver.ServeByProgress(w, r, time.Now, take) })), no
}

// startBytes starts the public port before bytesOf, with room for two uploads and three downloads of each user.
func startBytes(t *testing.T) (w *world, no func()) {
	t.Helper()
	address, no := bytesOf(t)
	return start(t, func(o *proxy.Options) {
		o.Upstreams[component.File] = address
		o.Limits = proxy.Limits{UserRate: 1000, UserBurst: 1000, Uploads: 2, Downloads: 3}
	}), no
}

// running is a transfer that stands still. stop ends it as a client does that goes away.
type running struct {
	answer chan *http.Response
	send   *io.PipeWriter // nil for a download
	stop   context.CancelFunc
}

// begin starts a transfer, and returns when the gateway has let it in.
func begin(t *testing.T, client *http.Client, w *world, method, token string) running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := running{answer: make(chan *http.Response, 1), stop: stop}
	var body io.Reader
	if method == http.MethodPut {
		body, r.send = io.Pipe()
	}
	request, err := http.NewRequestWithContext(ctx, method, w.server.URL+aFile, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	do := func() {
		if answer, err := client.Do(request); err == nil {
			t.Cleanup(func() { _ = answer.Body.Close() })
			r.answer <- answer
		}
	}
	if body == nil {
		do() // the first piece has come
		return r
	}
	go do()
	for range 3 { // more than the connection holds by itself: somebody reads
		if _, err := r.send.Write(make([]byte, 4<<20)); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// refusedNow tells which limit refuses a transfer that is asked for now.
func refusedNow(t *testing.T, w *world, method, token string) (limit string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, w.server.URL+aFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusTooManyRequests {
		return ""
	}
	text, err := io.ReadAll(answer.Body)
	if seconds, atoiErr := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || atoiErr != nil || seconds < 1 || !bytes.Contains(text, []byte("RATE_LIMITED")) {
		t.Errorf("refused with %s, %v, Retry-After %q", text, err, answer.Header.Get("Retry-After"))
	}
	for _, name := range []string{"uploads_of_user", "downloads_of_user"} {
		if bytes.Contains(text, []byte(name)) {
			limit = name
		}
	}
	return limit
}

// awaitPlace waits until a transfer is let in again: a client that went away is noticed a little later.
func awaitPlace(t *testing.T, w *world, method, token string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for refusedNow(t, w, method, token) != "" {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("its place was never given back")
		}
	}
}

func TestF44_NobodyHoldsAllTransfers(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]*http.Client{"HTTP/1.1": {Transport: &http.Transport{DisableCompression: true}}, "HTTP/2": plainHTTP2()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, no := startBytes(t)
			up := []running{begin(t, client, w, http.MethodPut, "good"), begin(t, client, w, http.MethodPut, "good")}
			var down []running
			for range 3 {
				down = append(down, begin(t, client, w, http.MethodGet, "good"))
			}
			for method, want := range map[string]string{http.MethodPut: "uploads_of_user", http.MethodGet: "downloads_of_user", http.MethodHead: ""} {
				if got := refusedNow(t, w, method, "good"); got != want {
					t.Errorf("one %s more is refused by %q, want %q", method, got, want)
				}
			}
			if got := refusedNow(t, w, http.MethodPut, "other"); got != "" {
				t.Errorf("another user is refused by %s", got)
			}
			up[0].stop() // the client goes away
			awaitPlace(t, w, http.MethodPut, "good")
			_ = up[1].send.Close() // all has come
			if answer := <-up[1].answer; answer.StatusCode != http.StatusNoContent {
				t.Errorf("the other upload: %s", answer.Status)
			}
			down[0].stop()
			awaitPlace(t, w, http.MethodGet, "good")
			no()
			for _, d := range down[1:] {
				if rest, err := io.ReadAll((<-d.answer).Body); err != nil || string(rest) != "a piece" {
					t.Errorf("a download: %q, %v", rest, err)
				}
			}
			// All is given back: both places are there at once.
			for range 2 {
				again := begin(t, client, w, http.MethodPut, "good")
				defer again.stop()
			}
			if got := refusedNow(t, w, http.MethodPut, "good"); got == "" {
				t.Error("a third upload is let in")
			}
		})
	}
}

// A refusal, and a file service that is away, give the place back too.
func TestPlacesAreGivenBackWhateverHappens(t *testing.T) {
	t.Parallel()
	w, _ := startBytes(t)
	for i := range 20 {
		got := w.do(t, http.MethodPut, aFile, strings.Repeat("x", 1+i*50_000), "Authorization", good, "Upload-Offset", "7")
		if got.StatusCode != http.StatusConflict || got.body != "elsewhere" {
			t.Fatalf("refusal %d: %d %s", i, got.StatusCode, got.body)
		}
	}
	away := start(t, func(o *proxy.Options) {
		o.Upstreams[component.File] = "http://" + closedAddress(t)
		o.Limits = proxy.Limits{UserRate: 1000, UserBurst: 1000, Uploads: 2, Downloads: 3}
	})
	for i := range 20 {
		method := []string{http.MethodPut, http.MethodGet}[i%2]
		if got := away.do(t, method, aFile, "x", "Authorization", good); got.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%s without a file service: %d %s", method, got.StatusCode, got.body)
		}
	}
}

// A refusal reaches who is still sending, over HTTP/2 without the end of the connection.
func TestARefusalOvertakesTheBytes(t *testing.T) {
	t.Parallel()
	w, _ := startBytes(t)
	for name, client := range map[string]*http.Client{"HTTP/1.1": w.server.Client(), "HTTP/2": plainHTTP2()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range 30 {
				body, send := io.Pipe()
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, w.server.URL+aFile, body)
				if err != nil {
					t.Fatal(err)
				}
				request.ContentLength = 10 << 20
				request.Header.Set("Authorization", good)
				request.Header.Set("Upload-Offset", "7")
				go func() { _, _ = send.Write(make([]byte, (i+1)*100_000)) }()
				answer, err := client.Do(request)
				if err != nil {
					t.Fatal(fmt.Errorf("round %d: %w", i, err))
				}
				text, err := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				_ = send.Close()
				if answer.StatusCode != http.StatusConflict || string(text) != "elsewhere" || err != nil {
					t.Fatalf("round %d: %s %q %v", i, answer.Status, text, err)
				}
			}
		})
	}
}

// Many clients look for an answer only when all is sent; the connection must not break before.
func TestWhoSendsAllFirstHearsTheRefusal(t *testing.T) {
	t.Parallel()
	w, _ := startBytes(t)
	for i := range 20 {
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		const size = 3 << 20
		head := fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: chat\r\nAuthorization: %s\r\nUpload-Offset: 7\r\nContent-Length: %d\r\n\r\n", aFile, good, size)
		if _, err := connection.Write(append([]byte(head), make([]byte, size)...)); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		text, err := io.ReadAll(answer.Body)
		if _ = answer.Body.Close(); answer.StatusCode != http.StatusConflict || string(text) != "elsewhere" || err != nil {
			t.Fatalf("round %d: %s %q %v", i, answer.Status, text, err)
		}
		_ = connection.Close()
	}
}
