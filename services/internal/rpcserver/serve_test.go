// SPDX-License-Identifier: Apache-2.0

package rpcserver_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// serve starts Serve on a free port; stop ends it and waits.
func serve(t *testing.T, server *rpcserver.Server) (address string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	return listener.Addr().String(), func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestAStopLetsCallsEnd(t *testing.T) {
	t.Parallel()
	inside, finish := make(chan struct{}), make(chan struct{})
	r := start(t, func(ctx context.Context) (*userv1.GetMeResponse, error) {
		close(inside)
		<-finish
		return &userv1.GetMeResponse{}, ctx.Err()
	})
	address, stop := serve(t, r.server)
	answered := make(chan int, 1)
	request, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+address+getMe, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(identity.Header, r.header("gateway", true))
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			answered <- 0
			return
		}
		_ = response.Body.Close()
		answered <- response.StatusCode
	}()
	<-inside
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	// The listener closes first, so a refused connection shows that the stop has begun.
	for {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = connection.Close()
	}
	close(finish)
	if got := <-answered; got != http.StatusOK {
		t.Errorf("the call that was running got %d", got)
	}
	<-stopped
}

func TestServeTellsABrokenListener(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	if err := start(t, nil).server.Serve(t.Context(), listener); err == nil {
		t.Fatal("no error")
	}
}

func TestHeadersHaveALimit(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	address, stop := serve(t, r.server)
	defer stop()
	for name, header := range map[string]http.Header{
		"one of 1 MB":          {"X-Large": {strings.Repeat("x", 1<<20)}},
		"ten thousand of them": {"X-Many": strings.Split(strings.Repeat("x,", 10_000), ",")},
	} {
		request, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+address+getMe, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = header
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			continue // the server may cut the connection while the header is still being written
		}
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %s", name, response.Status)
		}
		_ = response.Body.Close()
	}
}

func TestTwoLengthsAreRefused(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	address, stop := serve(t, r.server)
	defer stop()
	for name, head := range map[string]string{
		"two lengths":              "Content-Length: 2\r\nContent-Length: 3\r\n",
		"a length that is none":    "Content-Length: x\r\n",
		"a blank before the colon": "Content-Length : 2\r\n",
		"an encoding of the body":  "Transfer-Encoding: gzip\r\n",
		"a folded header":          "X-Folded: a\r\n\x00b\r\n",
	} {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = connection.Write([]byte("POST " + getMe + " HTTP/1.1\r\nHost: x\r\n" + head + "\r\n{}"))
		buffer := make([]byte, 64)
		n, _ := connection.Read(buffer)
		if got := string(buffer[:n]); !strings.HasPrefix(got, "HTTP/1.1 4") && !strings.HasPrefix(got, "HTTP/1.1 501") {
			t.Errorf("%s: got %q", name, got)
		}
		_ = connection.Close()
	}
}
