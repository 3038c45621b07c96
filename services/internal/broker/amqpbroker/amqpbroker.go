// SPDX-License-Identifier: Apache-2.0

// Package amqpbroker is the broker on RabbitMQ.
//
// Publishing has a connection of its own and so has each subscription, because back-pressure stops a whole
// connection. Every connection comes back by itself, with all that must be declared and bound, also after
// the broker has lost its data. A queue that exists with other arguments is reported and never consumed.
package amqpbroker

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/secret"
)

// Options of a broker.
type Options struct {
	// URL is "amqp://user:password@host:port/vhost", or amqps.
	URL secret.String
	// Name of this process, shown in the broker's list of connections.
	Name string
	// Logger for connections that come and go; nil: none.
	Logger *slog.Logger

	tls *tls.Config // of the URL; nil: none, or the library's own
}

// Broker is safe for concurrent use.
type Broker struct {
	opts    Options
	ctx     context.Context //nolint:containedctx // the life of the broker, ended by Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	pub     *publisher

	mu   sync.Mutex // guards subs and closing
	subs map[*monitor]struct{}
	done bool
}

var _ broker.Broker = (*Broker)(nil)

// Open starts to connect and returns at once. It fails only for a URL that is none, or
// names files that are none.
func Open(o Options) (*Broker, error) {
	address, err := ParseAddress(o.URL)
	if err != nil {
		return nil, err
	}
	o.URL, o.tls = address.URL, address.TLS
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // ended by Close
	b := &Broker{opts: o, ctx: ctx, cancel: cancel, subs: map[*monitor]struct{}{}}
	b.pub = newPublisher(o)
	b.running.Go(func() { b.pub.run(ctx) })
	return b, nil
}

// Publish hands a message to the broker and waits for its confirm.
func (b *Broker) Publish(ctx context.Context, m broker.Message) error {
	if err := m.Validate(); err != nil {
		return err
	}
	return b.pub.publish(ctx, m)
}

// Close ends all connections and waits for them.
func (b *Broker) Close() error {
	b.mu.Lock()
	b.done = true
	b.mu.Unlock()
	b.cancel()
	b.running.Wait()
	return nil
}

// enter registers a subscription, false after Close.
func (b *Broker) enter(m *monitor) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return false
	}
	b.running.Add(1)
	b.subs[m] = struct{}{}
	return true
}

func (b *Broker) leave(m *monitor) {
	b.mu.Lock()
	delete(b.subs, m)
	b.mu.Unlock()
	b.running.Done()
}
