// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// defaultStop is how long all parts together may take to stop; chosen, below the grace period of a
// pod (30 s).
const defaultStop = 10 * time.Second

// Group holds the parts of a process. Register first, then Run once; it is not for concurrent use.
type Group struct {
	logger *slog.Logger
	within time.Duration
	parts  []*part
}

type part struct {
	name string
	run  func(context.Context) error
	stop func(context.Context) error

	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned
	err    error         // what run returned; read after done
}

// New makes an empty group.
func New(logger *slog.Logger) *Group { return &Group{logger: logger, within: defaultStop} }

// StopWithin sets how long all parts together may take to stop; 10 s without it. A gateway that drains
// needs more.
func (g *Group) StopWithin(d time.Duration) { g.within = d }

// Go registers a part that runs until its context ends. An error ends the whole group; nil means that
// its work is done, and the others go on. The error of a context that ended is no error.
func (g *Group) Go(name string, run func(ctx context.Context) error) {
	g.parts = append(g.parts, &part{name: name, run: run})
}

// OnStop registers what to do when everything registered later has stopped, for example closing a
// pool. The context ends when the time to stop is over.
func (g *Group) OnStop(name string, stop func(ctx context.Context) error) {
	g.parts = append(g.parts, &part{name: name, stop: stop})
}

// Run starts all parts, waits until ctx ends or a part fails, then stops all in reverse order. It
// answers the first failure joined with what went wrong while stopping; nil if ctx ended and all
// stopped well.
func (g *Group) Run(ctx context.Context) error {
	failed := make(chan *part, len(g.parts))
	for _, p := range g.parts {
		p.start(ctx, failed)
	}
	var first error
	select {
	case <-ctx.Done():
	case p := <-failed:
		first = fmt.Errorf("%s: %w", p.name, p.err)
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.within)
	defer cancel()
	return errors.Join(first, g.stop(stopCtx, first))
}

// start runs a part on a context that only its own turn to stop ends: the end of the group's context
// must not stop a database before the listener that uses it.
func (p *part) start(ctx context.Context, failed chan<- *part) {
	if p.run == nil {
		return
	}
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		if err := p.run(ctx); err != nil && ctx.Err() == nil {
			p.err = err
			failed <- p
		} else if err != nil && !errors.Is(err, ctx.Err()) {
			p.err = err
		}
	}()
}

func (g *Group) stop(ctx context.Context, first error) error {
	var all []error
	for _, p := range slices.Backward(g.parts) {
		if err := p.end(ctx); err != nil && (first == nil || !errors.Is(first, err)) {
			g.logger.Warn("part did not stop well", "part", p.name, "error", err)
			all = append(all, fmt.Errorf("stop %s: %w", p.name, err))
		}
	}
	return errors.Join(all...)
}

func (p *part) end(ctx context.Context) error {
	if p.stop != nil {
		return p.stop(ctx)
	}
	p.cancel()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return errSlow
	}
}

var errSlow = errors.New("did not stop in time")
