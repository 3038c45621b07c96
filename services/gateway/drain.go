// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// drainStep is how often a drain looks around; chosen, far below everything that it waits for.
	drainStep = 100 * time.Millisecond
	// successorWait is how long a pod waits for a successor of its seat at most.
	successorWait = 30 * time.Second
	// aloneFor is how long no other ready gateway must be seen until nobody is left to take sessions. A ring
	// that changes shows a new pod and the end of the old one at different times.
	aloneFor = 5 * time.Second
	// linger is how long a pod stays after its homes have moved: others may learn that a little later.
	linger = 2 * time.Second
)

// awayPace is for clients of a cluster without a ready gateway: one needs some seconds to come up.
var awayPace = Pace{After: 5 * time.Second, Jitter: 30 * time.Second} //nolint:gochecknoglobals // a constant

// DrainPlan says how sessions move away when a pod ends.
type DrainPlan struct {
	Timeout      time.Duration // afterwards nothing is left
	InitialDelay time.Duration // how long connections are accepted as before
	Rate         float64       // sessions per second that all pods together may move
	Jitter       time.Duration // random part of a client's start
	Deadline     time.Duration // how long a session that was asked to move is served
	// Fixed is true where the ring does not tell that a pod ends. Then there is nothing to wait for.
	Fixed bool
	// Leave makes the pod fail its readiness probe, so that its seat leaves the ring everywhere; may be nil.
	Leave func()
}

// bounded fits the parts of a plan into its timeout; the numbers are chosen.
func (p DrainPlan) bounded() DrainPlan {
	p.InitialDelay = min(p.InitialDelay, p.Timeout/4)
	p.Deadline = min(p.Deadline, p.Timeout*3/4)
	p.Jitter = min(p.Jitter, p.Deadline/2)
	if p.Leave == nil {
		p.Leave = func() {}
	}
	return p
}

// Progress of a drain.
type Progress struct {
	Start, Deadline time.Time
	Remaining       int  // live sessions
	Overdue         bool // the share of the budget was too small, once
}

// drainage is one drain under way. Only overdue is read by others.
type drainage struct {
	hub        *Hub
	plan       DrainPlan
	start, end time.Time
	overdue    atomic.Bool
	company    time.Time              // when another ready gateway was seen last
	stay       time.Time              // not to end before
	asked      map[*Session]time.Time // who was asked to move, with the deadline
	queue      []*Session             // who was not, fewest unsent bytes first
	sorted     time.Time              // when the queue was made
	paced      time.Time              // when credit was given last
	credit     float64                // sessions that may be asked now
}

// Drain moves the sessions away: it goes on as before for the initial delay, takes no new sessions, hands
// the homes of the seat over, and asks the sessions to reconnect, at this pod's share of the rate. Each is
// served until it goes, and closed as moved at its deadline. Where no other gateway is ready all are sent
// away with a time to come back. It returns when no session is left, at the latest after the timeout.
func (h *Hub) Drain(ctx context.Context, plan DrainPlan) {
	now := h.Now()
	plan = plan.bounded()
	d := &drainage{
		hub: h, plan: plan, start: now, end: now.Add(plan.Timeout), company: now, paced: now, credit: 1, asked: map[*Session]time.Time{},
	}
	h.drain.Store(d)
	h.Logger.InfoContext(ctx, "drain starts", "sessions", h.liveSessions())
	ctx, cancel := context.WithTimeout(ctx, plan.Timeout)
	defer cancel()
	for _, step := range []func(context.Context) bool{d.delay, d.handOver, d.move} {
		if !step(ctx) {
			d.closeAll(CloseMaintenance, awayPace, MoveSentAway)
			break
		}
	}
	h.admission.drain()
	d.closeAll(CloseDrainForced, Pace{}, MoveCut)
	h.Logger.InfoContext(ctx, "drain ends", "took", h.Now().Sub(d.start), "overdue", d.overdue.Load())
}

// Progress of the drain; false before it begins.
func (h *Hub) Progress() (Progress, bool) {
	d := h.drain.Load()
	if d == nil {
		return Progress{}, false
	}
	return Progress{Start: d.start, Deadline: d.end, Remaining: h.liveSessions(), Overdue: d.overdue.Load()}, true
}

// verdict is why waiting has ended.
type verdict int

const (
	waitDone  verdict = iota // what was waited for is there
	waitLate                 // the time is over
	waitAlone                // no other gateway is ready
)

// wait looks in every step whether something is done.
func (d *drainage) wait(ctx context.Context, limit time.Duration, done func() bool) verdict {
	until := d.hub.Now().Add(limit)
	look := time.NewTicker(drainStep)
	defer look.Stop()
	for {
		now := d.hub.Now()
		switch {
		case d.alone(now):
			return waitAlone
		case done():
			return waitDone
		case !now.Before(until):
			return waitLate
		}
		select {
		case <-ctx.Done():
			return waitLate
		case <-look.C:
		}
	}
}

// alone tells that there is nobody to take the sessions.
func (d *drainage) alone(now time.Time) bool {
	if d.othersReady() {
		d.company = now
		return false
	}
	return d.plan.Fixed || now.Sub(d.company) >= aloneFor
}

func (d *drainage) othersReady() bool {
	for _, m := range d.hub.Ring.View().Members() {
		if m.Ready && m.Pod != d.hub.Pod {
			return true
		}
	}
	return false
}

// delay accepts connections as before: whoever routes them learns of the end a little later. Like all
// steps it is false if nobody is left to take the sessions.
func (d *drainage) delay(ctx context.Context) bool {
	got := d.wait(ctx, d.plan.InitialDelay, func() bool { return false })
	d.hub.admission.drain()
	return got != waitAlone
}

// handOver waits until the users of this pod are at home elsewhere, and its sessions registered there. A
// ready successor of the seat takes them; without one the seat leaves the ring. After twice the time
// sessions move all the same: where they land they find a home.
func (d *drainage) handOver(ctx context.Context) bool {
	if d.plan.Fixed {
		return true
	}
	patience := min(successorWait, d.plan.Timeout/4)
	got := waitLate
	if d.hub.liveSessions() > 0 {
		got = d.wait(ctx, patience, d.handedOver)
	}
	if got == waitLate && !d.handedOver() {
		d.plan.Leave()
		got = d.wait(ctx, patience, d.handedOver)
	}
	if got == waitLate && !d.handedOver() {
		d.hub.Logger.WarnContext(ctx, "sessions move before their homes")
	}
	d.stay = d.hub.Now().Add(linger)
	return got != waitAlone
}

// handedOver tells that no user is at home here, and that every session is registered at its home.
func (d *drainage) handedOver() bool {
	view, now := d.hub.Ring.View(), d.hub.Now()
	if view.IsHome(d.hub.Pod) {
		return false
	}
	for _, s := range d.hub.all() {
		item, live := s.renewal()
		if !live {
			continue
		}
		if home, ok := view.Home(item.User); !ok || !s.registeredAt(home.Pod, now) {
			return false
		}
	}
	return true
}

// closeAll closes every session.
func (d *drainage) closeAll(code CloseCode, pace Pace, outcome MoveOutcome) {
	for _, s := range d.hub.all() {
		if s.isLive() {
			d.hub.stats.moved(outcome)
		}
		s.close(code, pace, nil)
	}
}

func (h *Hub) liveSessions() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.live
}
