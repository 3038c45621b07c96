// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Times of a connection.
const (
	dialTimeout  = 5 * time.Second // TCP, TLS and AMQP handshake together
	callTimeout  = 5 * time.Second // one round of declaring; a node that comes back may never answer it
	closeTimeout = 2 * time.Second
	heartbeat    = 3 * time.Second // the library gives up after three: a dead way shows within ten seconds
)

// link is a connection to the broker that can also be cut.
type link struct {
	conn    *amqp.Connection
	blocked bool // by an alarm of the broker; for the goroutine that publishes

	mu  sync.Mutex // guards raw
	raw net.Conn
}

// dial connects; purpose is the second half of the connection's name.
func dial(ctx context.Context, o Options, purpose string) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	l := &link{}
	stop := context.AfterFunc(ctx, l.cut) // the library's handshake knows no context
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(o.Name + " " + purpose)
	conn, err := amqp.DialConfig(o.URL.Reveal(), amqp.Config{
		Heartbeat: heartbeat, Properties: properties, TLSClientConfig: o.tls.Clone(),
		Dial: func(network, address string) (net.Conn, error) { return l.open(ctx, network, address) },
	})
	if err != nil {
		stop()
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	l.conn = conn
	if !stop() {
		l.close()
		return nil, fmt.Errorf("connect to the broker: %w", ctx.Err())
	}
	return l, nil
}

func (l *link) open(ctx context.Context, network, address string) (net.Conn, error) {
	raw, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.raw = raw
	l.mu.Unlock()
	return raw, nil
}

// cut ends the connection without a word; the library notices.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.raw != nil {
		_ = l.raw.Close()
	}
}

// within bounds calls that wait for an answer of the broker, by cutting the connection: the library knows
// no other way, and a broker may send heartbeats while a channel hangs.
func (l *link) within(d time.Duration, calls func() error) error {
	timer := time.AfterFunc(d, l.cut)
	defer timer.Stop()
	return calls()
}

// close says goodbye, and cuts if nobody answers.
func (l *link) close() {
	_ = l.within(closeTimeout, l.conn.Close) // it may be gone, which is as good
	l.cut()
}

// wait is false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
