// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"sync"
	"time"
)

// engine is the state of a client. Only the goroutine of Run touches it; everybody else posts.
type engine struct {
	c   *Client
	cfg Config

	spawn  func(func(ctx context.Context)) // starts a goroutine that Run waits for
	frames chan inbound
	out    []delivery // events that wait for the Events function
	paused bool       // too many of them: sockets are not read
	state  State
	halted *StopError

	cur, next *session // next opens while cur is live and about to go
	failures  int      // since the last minute of LIVE
	retryAt   time.Time
	triedAt   time.Time
	lastEpoch int64
	userID    string
	lastID    int64 // of a frame
	hidden    bool

	cursor string // stands for everything that was told
	claim  *claim
	catch  *catchUp

	conversations map[string]*conversation
	due           map[string]*conversation // those with a pullAt
	queue         []*conversation          // those that wait for a pull
	pulls         int

	lines map[string][]*entry // unsent messages by conversation, in order
	order []string            // conversations with unsent messages

	refusals int       // sends in a row that were told to wait
	sendAt   time.Time // nothing is sent before

	acks     map[string]int64
	ackAt    time.Time
	ackCount int
	reads    map[string]*readMark
	watched  []string
}

// inbound is a frame of a session.
type inbound struct {
	s    *session
	data []byte
}

// delivery is an event, if any, and what follows once it was heard, if anything.
type delivery struct {
	event Event
	after func()
}

func newEngine(c *Client, snapshot Snapshot) *engine {
	e := &engine{
		c: c, cfg: c.cfg, frames: make(chan inbound), cursor: snapshot.Cursor,
		conversations: map[string]*conversation{}, due: map[string]*conversation{}, lines: map[string][]*entry{},
		acks: map[string]int64{}, reads: map[string]*readMark{},
	}
	for id, p := range snapshot.Positions {
		e.conversations[id] = newConversation(id, p)
	}
	for _, stored := range snapshot.Outbox {
		e.addEntry(&entry{Entry: stored})
	}
	return e
}

// run is Client.Run.
func (e *engine) run(ctx context.Context) error {
	var work sync.WaitGroup
	inner, cancel := context.WithCancel(ctx)
	e.spawn = func(f func(context.Context)) { work.Go(func() { f(inner) }) }
	heard := make(chan delivery)
	work.Go(func() { e.hear(heard) })
	e.begin()
	e.loop(ctx, heard)
	e.end()
	cancel()
	for _, d := range e.out {
		heard <- d
	}
	e.out = nil
	close(heard)
	work.Wait()
	for _, f := range e.c.mail.take() {
		f() // the last answers, and sockets that nobody waits for
	}
	e.dismiss()
	if e.halted != nil {
		if e.halted.Code == accountDeleted {
			e.wipe()
		}
		return e.halted
	}
	return nil
}

// hear calls Events, one after the other.
func (e *engine) hear(heard <-chan delivery) {
	for d := range heard {
		if d.event != nil {
			e.cfg.Events(d.event)
		}
		if d.after != nil {
			d.after()
		}
	}
}

// begin starts from a client that does not run.
func (e *engine) begin() {
	e.halted, e.failures, e.retryAt = nil, 0, e.cfg.Now()
	for _, c := range e.conversations {
		if c.behind() {
			e.pullAfter(c, 0)
		}
	}
	for _, line := range e.lines {
		line[0].retryAt, line[0].failures = time.Time{}, 0
	}
	if e.c.currentToken() == "" {
		e.halt(SignedOut, 0, "NO_TOKEN")
	}
}

// loop waits for what happens next until ctx ends or the engine has halted.
func (e *engine) loop(ctx context.Context, heard chan<- delivery) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		e.tick(e.cfg.Now())
		if e.halted != nil {
			return
		}
		if at := e.wakeAt(); !at.IsZero() {
			timer.Reset(at.Sub(e.cfg.Now()))
		}
		if !e.wait(ctx, timer, heard) {
			return
		}
	}
}

// wait handles one thing; false when ctx has ended.
func (e *engine) wait(ctx context.Context, timer *time.Timer, heard chan<- delivery) bool {
	var first delivery
	if len(e.out) == 0 {
		heard = nil
	} else {
		first = e.out[0]
	}
	frames := e.frames
	if e.paused {
		frames = nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-e.c.mail.bell:
		for _, f := range e.c.mail.take() {
			f()
		}
	case in := <-frames:
		e.receive(in)
	case heard <- first:
		if e.out = e.out[1:]; len(e.out) == 0 {
			e.out = nil
		}
	}
	return true
}

// tick does what is due.
func (e *engine) tick(now time.Time) {
	e.watchPressure(now)
	e.tickSession(e.cur, now)
	e.tickSession(e.next, now)
	if e.halted != nil {
		e.setState(e.halted.State)
		return
	}
	e.tickConnect(now)
	e.tickPulls(now)
	e.tickCatchUp(now)
	e.tickClaim()
	if e.live() {
		e.tickOutbox(now)
		e.tickAcks(now)
		e.tickReads(now)
	}
	e.setState(e.compute())
}

// watchPressure stops reading while too many events wait, and forgives a pong that was not read.
func (e *engine) watchPressure(now time.Time) {
	paused := len(e.out) > maxUndelivered
	for _, s := range []*session{e.cur, e.next} {
		if s != nil && !s.pongBy.IsZero() && (paused || e.paused) {
			s.pongBy = now.Add(pongWait)
		}
	}
	e.paused = paused
}

// end closes what is open; unanswered sends stay in the outbox, and their callers hear of it.
func (e *engine) end() {
	now := e.cfg.Now()
	if e.live() {
		e.ackAt = now
		e.tickAcks(now)
	}
	for _, s := range []*session{e.cur, e.next} {
		if s != nil {
			e.forget(s)
			s.goodbye()
		}
	}
	for _, c := range e.conversations {
		c.pulling = false
	}
	e.queue, e.pulls, e.catch = nil, 0, nil
	if e.halted == nil {
		e.setState(Waiting)
	}
}

// dismiss tells those who wait for an answer that there will be none.
func (e *engine) dismiss() {
	for _, line := range e.lines {
		for _, en := range line {
			en.tell(outcome{err: ErrEnded})
		}
	}
}

// halt makes run return.
func (e *engine) halt(state State, code int, reason string) {
	e.halted = &StopError{State: state, Code: code, Reason: reason}
}

// emit queues an event.
func (e *engine) emit(events ...Event) {
	for _, event := range events {
		e.out = append(e.out, delivery{event: event})
	}
}

// live tells whether sends may leave.
func (e *engine) live() bool { return e.cur != nil && e.cur.phase == phaseLive }

// compute is the state that follows from what there is.
func (e *engine) compute() State {
	switch {
	case e.cur == nil:
		return Waiting
	case e.cur.phase == phaseDialing:
		return Connecting
	case e.cur.phase == phaseAuthenticating:
		return Authenticating
	case e.cur.phase == phaseResuming:
		return Resuming
	case e.next != nil:
		return Moving
	case e.claim != nil || e.catch != nil:
		return Syncing
	default:
		return Live
	}
}

func (e *engine) setState(s State) {
	if e.state == s {
		return
	}
	e.state = s
	e.c.state.Store(int64(s))
	e.emit(StateChanged{s})
}

// wakeAt is when the next thing is due; zero if nothing is.
func (e *engine) wakeAt() time.Time {
	var at earliest
	for _, s := range []*session{e.cur, e.next} {
		if s != nil {
			at.add(s.by, s.pingAt, s.pongBy)
		}
	}
	if e.cur == nil {
		at.add(e.retryAt)
	}
	if e.live() {
		if e.next == nil {
			at.add(e.cur.moveAt)
		}
		at.add(e.ackAt)
		e.addOutboxTimes(&at)
		for _, r := range e.reads {
			if r.want > r.sent {
				at.add(r.at)
			}
		}
		if e.catch != nil && !e.catch.running {
			at.add(e.catch.at)
		}
		for _, c := range e.due {
			at.add(c.pullAt)
		}
	}
	return at.at
}

// earliest of several times; zero ones do not count.
type earliest struct{ at time.Time }

func (m *earliest) add(times ...time.Time) {
	for _, t := range times {
		if !t.IsZero() && (m.at.IsZero() || t.Before(m.at)) {
			m.at = t
		}
	}
}
