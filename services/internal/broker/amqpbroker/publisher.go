// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"context"
	"errors"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
)

// Bounds of publishing.
const (
	// maxOutstanding messages wait for their confirm. A larger window only costs: a confirm of many walks
	// through all of it under a lock.
	maxOutstanding = 500
	// A broker that confirms nothing, or takes no bytes, for so long is left.
	confirmTicks = 10
	confirmTick  = time.Second
	writeTimeout = 10 * time.Second
)

var (
	errNack     = errors.New("the broker refused the message")
	errNoAnswer = errors.New("the broker confirms nothing")
	errChannel  = errors.New("channel closed")
	errConsumer = errors.New("the broker ended the consumer: the queue was deleted")
)

// publication is one message on its way.
type publication struct {
	ctx  context.Context //nolint:containedctx // of the caller, who may have gone
	m    broker.Message
	done chan error // takes one
}

func (p *publication) settle(err error) { p.done <- err }

// publisher owns the connection for publishing. One goroutine does everything on it.
type publisher struct {
	opts     Options
	monitor  *monitor
	requests chan *publication
	ended    chan struct{}  // closed when run has returned
	again    []*publication // were on a channel that closed; only for the goroutine of run
	nextID   uint64         // of the newest message; only for the goroutine of run
}

func newPublisher(o Options) *publisher {
	return &publisher{
		opts: o, monitor: newMonitor(o.Logger, "publishing"),
		requests: make(chan *publication), ended: make(chan struct{}),
	}
}

func (p *publisher) publish(caller context.Context, m broker.Message) error {
	ctx, cancel := context.WithTimeout(caller, broker.PublishTimeout)
	defer cancel()
	pub := &publication{ctx: ctx, m: m, done: make(chan error, 1)}
	select {
	case p.requests <- pub:
	case <-ctx.Done():
		return ended(caller)
	case <-p.ended:
		return fault.ErrUnavailable.Because(broker.ErrClosed)
	}
	select {
	case err := <-pub.done:
		return err
	case <-ctx.Done():
		return ended(caller)
	case <-p.ended:
		return fault.ErrUnavailable.Because(broker.ErrClosed)
	}
}

// ended tells the caller's own end from our deadline.
func ended(caller context.Context) error {
	if err := caller.Err(); err != nil {
		return err
	}
	return fault.ErrUnavailable.Because(errNoAnswer)
}

// run keeps a connection until ctx ends.
func (p *publisher) run(ctx context.Context) {
	defer close(p.ended)
	var pause broker.Backoff
	for ctx.Err() == nil {
		l, err := dial(ctx, p.opts, "publishing")
		if err == nil {
			err = p.serve(ctx, l, &pause)
			l.close()
		}
		p.monitor.failed(ctx, err)
		wait(ctx, pause.Next())
	}
}

// serve opens channels on a connection until it breaks.
func (p *publisher) serve(ctx context.Context, l *link, pause *broker.Backoff) error {
	blocked := l.conn.NotifyBlocked(make(chan amqp.Blocking, 16))
	for {
		s, err := p.open(l, blocked)
		if err != nil {
			return err
		}
		pause.Reset()
		p.monitor.connected(ctx)
		err = s.run(ctx)
		p.again = append(p.again, s.leave()...)
		if ctx.Err() != nil || l.conn.IsClosed() || errors.Is(err, errNoAnswer) {
			return err
		}
		p.monitor.failed(ctx, err) // an exchange was missing, perhaps: declare it on a new channel
		if !wait(ctx, pause.Next()) {
			return ctx.Err()
		}
	}
}

func (p *publisher) open(l *link, blocked chan amqp.Blocking) (*publishing, error) {
	var ch *amqp.Channel
	err := l.within(callTimeout, func() (err error) {
		if ch, err = l.conn.Channel(); err != nil {
			return err
		}
		return errors.Join(declareExchanges(ch), ch.Confirm(false))
	})
	if err != nil {
		return nil, err
	}
	return &publishing{
		p: p, l: l, ch: ch, blocked: blocked, unconfirmed: newWindow(),
		returns:  ch.NotifyReturn(make(chan amqp.Return, maxOutstanding)),
		confirms: ch.NotifyPublish(make(chan amqp.Confirmation, maxOutstanding)),
		closed:   ch.NotifyClose(make(chan *amqp.Error, 1)),
	}, nil
}

func (p *publisher) newID() string {
	p.nextID++
	return strconv.FormatUint(p.nextID, 10)
}
