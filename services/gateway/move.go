// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"time"
)

const (
	// drainPart of the rate is for pods that end; the rest is for guests that are invited home.
	drainPart = 0.75
	// sortEvery is how often sessions are put into the order of their unsent bytes.
	sortEvery = time.Second
)

// move asks the sessions to reconnect elsewhere until none is left or the time is over.
func (d *drainage) move(ctx context.Context) bool {
	for _, s := range d.hub.all() {
		if !s.isLive() {
			s.close(CloseMaintenance, slowDown, nil) // its client has nothing to lose
		}
	}
	step := time.NewTicker(drainStep)
	defer step.Stop()
	for {
		now := d.hub.Now()
		d.settle(now)
		switch {
		case d.hub.liveSessions() == 0 && !now.Before(d.stay):
			return true
		case d.alone(now):
			return false
		case d.company.Equal(now): // else nobody could take them
			d.ask(now)
		}
		select {
		case <-ctx.Done():
			return true
		case <-d.hub.drained:
		case <-step.C:
		}
	}
}

// settle counts who has gone, and closes who is still there at the deadline: its client has a second
// connection by then.
func (d *drainage) settle(now time.Time) {
	for s, deadline := range d.asked {
		switch {
		case !s.isLive():
			d.hub.stats.moved(MoveDone)
		case !now.Before(deadline):
			d.hub.stats.moved(MoveLate)
			s.close(CloseMoved, Pace{}, nil)
		default:
			continue
		}
		delete(d.asked, s)
	}
}

// ask asks as many sessions as the rate allows now.
func (d *drainage) ask(now time.Time) {
	if d.sorted.IsZero() || now.Sub(d.sorted) >= sortEvery {
		d.sorted, d.queue = now, d.unasked()
	}
	rate := d.rate(now, len(d.queue))
	d.credit = min(d.credit+rate*now.Sub(d.paced).Seconds(), max(rate*sortEvery.Seconds(), 1))
	d.paced = now
	if !now.Before(d.lastAsk()) {
		d.credit = float64(len(d.queue))
	}
	for len(d.queue) > 0 && d.credit >= 1 {
		s := d.queue[0]
		d.queue = d.queue[1:]
		if s.isLive() {
			d.invite(s, now)
			d.credit--
		}
	}
}

func (d *drainage) invite(s *Session, now time.Time) {
	served := max(0, min(d.plan.Deadline, d.lastEnd().Sub(now)))
	d.asked[s] = now.Add(served)
	s.send(0, Reconnect{
		JitterMS: min(d.plan.Jitter, served/2).Milliseconds(), DeadlineMS: served.Milliseconds(), Reason: "ROLLOUT",
	})
}

// lastAsk is when the last session must be asked to have its whole time.
func (d *drainage) lastAsk() time.Time { return d.lastEnd().Add(-d.plan.Deadline) }

// lastEnd is when the last session is closed as moved: a little before the end, where it would be cut.
func (d *drainage) lastEnd() time.Time { return d.end.Add(-min(time.Second, d.plan.Timeout/20)) }

// rate is this pod's share of the budget, without anybody to ask: what is for pods that end, among those
// that are seen to end. If that does not suffice it is what is needed.
func (d *drainage) rate(now time.Time, remaining int) float64 {
	ending := 1
	for _, pod := range d.hub.Ring.View().Ending() {
		if pod != d.hub.Pod {
			ending++
		}
	}
	share := drainPart * d.plan.Rate / float64(ending)
	need := float64(remaining) / max(d.lastAsk().Sub(now).Seconds(), drainStep.Seconds())
	if need <= share {
		return share
	}
	d.overdue.Store(true)
	return need
}

// unasked are the live sessions that were not asked to move, fewest unsent bytes first.
func (d *drainage) unasked() []*Session {
	type load struct {
		session *Session
		bytes   int
	}
	var loads []load
	for _, s := range d.hub.all() {
		if _, asked := d.asked[s]; asked {
			continue
		}
		s.mu.Lock()
		live, bytes := s.state == stateLive, s.queue.bytes
		s.mu.Unlock()
		if live {
			loads = append(loads, load{s, bytes})
		}
	}
	slices.SortFunc(loads, func(a, b load) int { return a.bytes - b.bytes })
	sessions := make([]*Session, len(loads))
	for i, l := range loads {
		sessions[i] = l.session
	}
	return sessions
}

func (s *Session) isLive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == stateLive
}
