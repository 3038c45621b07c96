// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// domain of the services' names inside the process; it resolves nowhere else.
const domain = ".parley"

// network connects services by name, without a socket. It is safe for concurrent use.
type network struct {
	mu        sync.Mutex // guards listeners
	listeners map[string]*memoryListener
}

func newNetwork() *network { return &network{listeners: map[string]*memoryListener{}} }

// listen gives a name to a listener; a name is given once.
func (n *network) listen(name string) net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	listener := &memoryListener{name: name, incoming: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[name+domain] = listener
	return listener
}

func urlFor(name string) string { return "http://" + name + domain }

// dial connects to a name; the port does not matter.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	listener, ok := n.listeners[host]
	n.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("no service is called %s", host)
	}
	return listener.connect(ctx)
}

const (
	// idleTimeout is below that of the servers (75 s).
	idleTimeout  = 60 * time.Second
	maxIdleConns = 64
	maxConns     = 256
)

// transport carries HTTP/1.1 over the network.
func (n *network) transport() *http.Transport {
	return &http.Transport{
		DialContext: n.dial, MaxIdleConns: 8 * maxIdleConns, MaxIdleConnsPerHost: maxIdleConns, MaxConnsPerHost: maxConns,
		IdleConnTimeout: idleTimeout, DisableCompression: true,
	}
}

// memoryListener accepts the far ends of pipes.
type memoryListener struct {
	name     string
	incoming chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

// Accept waits for a connection.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.incoming:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept; connections live on.
func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is the name of the service.
func (l *memoryListener) Addr() net.Addr { return memoryAddr(l.name) }

func (l *memoryListener) connect(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.incoming <- far:
		return near, nil
	case <-l.closed:
		return nil, fmt.Errorf("dial %s: %w", l.name, net.ErrClosed)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type memoryAddr string

// Network is "memory".
func (memoryAddr) Network() string { return "memory" }

// String is the name of the service.
func (a memoryAddr) String() string { return string(a) }
