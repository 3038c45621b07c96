// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// maxForwarded bounds the connections of one forwarder.
const maxForwarded = 1024

// forward copies between a local address and a Service until the context ends. kube-proxy with nftables
// serves no NodePort on 127.0.0.1, and the host reaches every Service through a node.
func (p plan) forward(ctx context.Context, local, target string, out io.Writer) error {
	namespace, rest, found := strings.Cut(target, "/")
	service, port, both := strings.Cut(rest, ":")
	if !found || !both {
		return errors.New("name the Service as NAMESPACE/SERVICE:PORT")
	}
	address, err := p.kubectl(ctx, "-n", namespace, "get", "service", service, "-o", "jsonpath={.spec.clusterIP}")
	if err != nil {
		return err
	}
	if net.ParseIP(address) == nil {
		return fmt.Errorf("the Service %s has no address of its own", target)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", local)
	if err != nil {
		return fmt.Errorf("%w: stop what listens there, or choose another address", err)
	}
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	fmt.Fprintf(out, "%s answers for %s\n", listener.Addr(), target)
	slots := make(chan struct{}, maxForwarded)
	var open sync.WaitGroup
	defer open.Wait()
	for {
		client, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return client.Close()
		}
		open.Go(func() {
			defer func() { <-slots }()
			join(ctx, client, net.JoinHostPort(address, port))
		})
	}
}

func join(ctx context.Context, client net.Conn, address string) {
	defer client.Close()
	dialer := net.Dialer{Timeout: 10 * time.Second}
	server, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { _ = client.Close(); _ = server.Close() })()
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // the end of either side is normal
			if half, ok := pair[0].(*net.TCPConn); ok {
				_ = half.CloseWrite()
			}
		})
	}
	both.Wait()
}
