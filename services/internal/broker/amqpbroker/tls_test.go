// SPDX-License-Identifier: Apache-2.0

package amqpbroker_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/certificate/certificatetest"
)

// terminate puts TLS in front of a server and answers its address.
func terminate(t *testing.T, config *tls.Config, server string) string {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); running.Wait() })
	running.Go(func() {
		for {
			front, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer front.Close()
				back, err := net.Dial("tcp", server)
				if err != nil {
					return
				}
				running.Go(func() {
					_, _ = io.Copy(back, front)
					_ = back.Close()
				})
				_, _ = io.Copy(front, back)
			})
		}
	})
	return listener.Addr().String()
}

func TestBrokerWithTLS(t *testing.T) {
	t.Parallel()
	plain, err := url.Parse(serverURL(t))
	if err != nil {
		t.Fatal(err)
	}
	ours, others := certificatetest.New(t), certificatetest.New(t)
	chain, key := ours.Issue("client")
	address := terminate(t, ours.Server("127.0.0.1", true), plain.Host)
	for _, row := range []struct {
		name  string
		files certificate.Files
		want  component.Class
	}{
		{"a client that fits", certificate.Files{Mode: certificate.VerifyFull, CA: ours.File, Chain: chain, Key: key}, component.ClassReachable},
		{"another authority", certificate.Files{Mode: certificate.VerifyCA, CA: others.File, Chain: chain, Key: key}, component.ClassTLSFailed},
		{"a client without certificate", certificate.Files{Mode: certificate.VerifyFull, CA: ours.File}, component.ClassTLSFailed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			secured := *plain
			secured.Scheme, secured.Host = "amqps", address
			options := secured.Query()
			row.files.AddTo(options)
			secured.RawQuery = options.Encode()
			b := open(t, secured.String())
			defer b.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			look := time.NewTicker(10 * time.Millisecond)
			defer look.Stop()
			for b.Class() != row.want {
				select {
				case <-ctx.Done():
					t.Fatalf("class %q, want %s: %+v", b.Class(), row.want, b.Status())
				case <-look.C:
				}
			}
		})
	}
}
