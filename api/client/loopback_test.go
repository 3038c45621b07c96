// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/api/client"
)

// TestOverLoopback runs with real sockets and real time, plain and with TLS.
func TestOverLoopback(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for name, secured := range map[string]bool{"plain": false, "with TLS": true} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.say("k", 3)
			server := httptest.NewUnstartedServer(f.handler())
			if secured {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			received := make(chan int64, 100)
			c, err := client.New(client.Config{
				BaseURLs: []string{server.URL}, Token: "token", Device: uuid.NewString(),
				TLS: server.Client().Transport.(*http.Transport).TLSClientConfig,
				Events: func(e client.Event) {
					if m, ok := e.(client.MessagesReceived); ok {
						for _, item := range m.Items {
							received <- item.GetSeq()
						}
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			ended := make(chan error, 1)
			go func() { ended <- c.Run(ctx) }()
			sent, err := c.Send(ctx, "k", "hi")
			if err != nil || sent.GetSeq() != 4 {
				t.Fatalf("send: %v, %v", sent, err)
			}
			for want := int64(1); want <= 4; want++ {
				if got := <-received; got != want {
					t.Fatalf("position %d, want %d", got, want)
				}
			}
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
			for _, p := range f.peers {
				<-p.closed
			}
		})
	}
}
