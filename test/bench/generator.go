// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// connectAtOnce bounds the handshakes that are open at the same time.
const connectAtOnce = 8

// generator is the load process: it does what the commands say, one after the other.
type generator struct {
	wire     *wire
	gateways []string
	pairs    []pair
	idle     []*session
	window   *window
}

// generate runs until the input ends or says quit.
func generate(ctx context.Context, in io.Reader, out io.Writer) error {
	g := &generator{wire: newWire(in, out)}
	for {
		var c command
		if err := g.wire.receive(&c); err != nil {
			return err
		}
		if c.Do == "quit" {
			return nil
		}
		if err := g.do(ctx, c); err != nil {
			return g.wire.send(report{Error: err.Error()})
		}
	}
}

func (g *generator) do(ctx context.Context, c command) error {
	switch c.Do {
	case "prepare":
		var err error
		if g.pairs, err = register(ctx, c); err != nil {
			return err
		}
		g.gateways = c.Gateways
		return g.wire.send(report{Event: "prepared"})
	case "idle":
		if err := g.hold(ctx, c.Sessions); err != nil {
			return err
		}
		return g.wire.send(report{Event: "idle"})
	case "open":
		return g.open(ctx, c)
	case "load":
		return g.load(ctx, c)
	default:
		return fmt.Errorf("unknown command %q", c.Do)
	}
}

// deaf takes no notice; idle sessions get nothing.
type deaf struct{}

func (deaf) sent(int64)                 {}
func (deaf) refused(int64, string)      {}
func (deaf) arrived(*messagev1.Message) {}
func (deaf) resync()                    {}

// hold opens idle sessions, spread over people and gateways, or closes all of them for 0.
func (g *generator) hold(ctx context.Context, n int) error {
	if n == 0 {
		for _, s := range g.idle {
			s.close()
		}
		g.idle = nil
		return nil
	}
	g.idle = make([]*session, n)
	return g.openAll(ctx, n, func(ctx context.Context, i int) error {
		p := g.pairs[i/2%len(g.pairs)].people[i%2]
		s, err := openSession(ctx, g.gateways[p.gateway], p, deaf{})
		g.idle[i] = s
		return err
	})
}

// openAll runs open for 0 … n-1, a few at once.
func (g *generator) openAll(ctx context.Context, n int, open func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connectAtOnce)
	for i := range n {
		group.Go(func() error { return open(ctx, i) })
	}
	return group.Wait()
}

// open connects everybody for one window.
func (g *generator) open(ctx context.Context, c command) error {
	g.window = newWindow(c, g.pairs)
	err := g.openAll(ctx, 2*len(g.pairs), func(ctx context.Context, i int) error {
		p := g.pairs[i/2].people[i%2]
		s, err := openSession(ctx, g.gateways[p.gateway], p, g.window.endpoint(i))
		g.window.endpoints[i].session = s
		return err
	})
	if err != nil {
		return err
	}
	return g.wire.send(report{Event: "opened"})
}

// load runs the window that was opened: warm up, measure, drain, close.
func (g *generator) load(ctx context.Context, c command) error {
	w := g.window
	defer w.close()
	warmup, measured := time.Duration(c.WarmupMS)*time.Millisecond, time.Duration(c.MeasureMS)*time.Millisecond
	w.begin(warmup)
	if err := w.run(ctx, warmup); err != nil {
		return err
	}
	if err := g.edge("begin", w); err != nil {
		return err
	}
	if err := w.run(ctx, warmup+measured); err != nil {
		return err
	}
	if err := g.edge("end", w); err != nil {
		return err
	}
	w.drain(ctx)
	outcome := w.outcome()
	return g.wire.send(report{Event: "done", Outcome: &outcome, Acked: w.acked.Load(), Delivered: w.delivered.Load()})
}

func (g *generator) edge(event string, w *window) error {
	return g.wire.send(report{Event: event, Delivered: w.delivered.Load(), Acked: w.acked.Load()})
}
