// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/transmit"
)

// errStopped settles deliveries that were not sent before the end.
var errStopped = fault.ErrUnavailable.Because(errors.New("the courier has stopped"))

// Options of New; all fields are required.
type Options struct {
	Publisher  broker.Publisher
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Publisher is a transmit.Courier. It is safe for concurrent use; deliveries for one pod keep the order
// of the calls only within one goroutine.
type Publisher struct {
	broker  broker.Publisher
	logger  *slog.Logger
	metrics metrics
	opened  chan *lane
	stopped chan struct{} // closed when Run ends

	mu    sync.Mutex // guards lanes and the users count of each
	lanes map[string]*lane
}

// New makes a publisher; nothing leaves before Run is running.
func New(o Options) *Publisher {
	return &Publisher{
		broker: o.Publisher, logger: o.Logger, metrics: newMetrics(o.Registerer),
		opened: make(chan *lane), stopped: make(chan struct{}), lanes: map[string]*lane{},
	}
}

// Run owns the lanes. It blocks until ctx ends; deliveries that were not sent then settle with an
// error. It must be called once.
func (p *Publisher) Run(ctx context.Context) error {
	var lanes sync.WaitGroup
	defer func() {
		close(p.stopped)
		lanes.Wait()
	}()
	for {
		select {
		case l := <-p.opened:
			lanes.Go(func() { l.run(ctx) })
		case <-ctx.Done():
			return nil
		}
	}
}

// Deliver queues one delivery for a pod, as transmit.Courier says. It blocks while the lane is full.
func (p *Publisher) Deliver(ctx context.Context, pod string, d transmit.Delivery, settled func(error)) {
	l, fresh := p.hold(pod)
	defer p.release(l)
	if fresh {
		select {
		case p.opened <- l:
		case <-p.stopped:
			settled(errStopped)
			return
		}
	}
	select {
	case l.queue <- item{delivery: d, settled: settled}:
	case <-ctx.Done():
		settled(fault.ErrUnavailable.Because(ctx.Err()))
	case <-p.stopped:
		settled(errStopped)
	}
}

// hold finds or makes the lane of a pod and keeps it from ending.
func (p *Publisher) hold(pod string) (l *lane, fresh bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l = p.lanes[pod]
	if l == nil {
		l, fresh = newLane(p, pod), true
		p.lanes[pod] = l
		p.metrics.lanes.Inc()
	}
	l.users++
	return l, fresh
}

func (p *Publisher) release(l *lane) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.users--
}

// retire takes a lane out, unless somebody is about to use it.
func (p *Publisher) retire(l *lane) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.users > 0 || len(l.queue) > 0 {
		return false
	}
	delete(p.lanes, l.pod)
	p.metrics.lanes.Dec()
	return true
}
