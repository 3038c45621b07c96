// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// state of a session.
type state int

const (
	stateNew     state = iota // waits for auth
	stateOpening              // auth has come
	stateLive                 // welcome was sent
	stateClosed
)

// Session is one WebSocket connection. Receive is called by one goroutine; all else is safe for
// concurrent use.
type Session struct {
	hub    *Hub
	socket Socket
	format Format
	ticket *Ticket
	id     ids.SessionID
	opened time.Duration // in Hub.since
	slot   int
	heard  atomic.Int64 // last life sign, ns in Hub.since

	mu       sync.Mutex // guards everything below
	state    state
	login    Login
	token    string        // that proved login
	proveAt  time.Duration // when it must prove it again, in Hub.since
	instance ids.InstanceID
	person   *person
	epoch    int64
	home     string    // pod where the session is registered
	until    time.Time // end of the lease: later nothing is delivered
	queue    queue
	flushing bool // a goroutine writes
	pingDue  bool
	last     *farewell
	frames   bucket
	inFlight int
	resumed  bool
	errands  []func(context.Context)
	working  bool // a goroutine runs errands
	typed    map[ids.ConversationID]*typed
	sync     syncState
	watching watching
	activeAt int64 // when a person used the client last, ms; 0 if unknown
	reported int64 // activeAt as the home pod knows it
}

// farewell is how a session ends.
type farewell struct {
	code   CloseCode
	reason string
}

// Alive notes a life sign that is no message, such as a pong control frame.
func (s *Session) Alive() { s.alive() }

func (s *Session) alive() { s.heard.Store(int64(s.hub.since())) }

// MaxFrameBytes is the largest message that the client may send now.
func (s *Session) MaxFrameBytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateLive {
		return s.hub.Limits.FrameBytes
	}
	return s.hub.Limits.AuthFrameBytes
}

// Gone tells that the connection has ended, with the code of the close frame that was seen or sent.
func (s *Session) Gone(code CloseCode) {
	if s.end(nil, func() { s.queue.drop(func(item) bool { return true }) }) {
		s.hub.stats.closed(code)
	}
}

// Reject ends the session because of what the connection carried.
func (s *Session) Reject(code CloseCode) { s.close(code, Pace{}, nil) }

// protect runs work of a session: what panics there ends the session, and nothing else.
func (s *Session) protect(do func()) {
	defer func() {
		if cause := recover(); cause != nil {
			s.hub.Logger.Error("session panicked", "cause", cause, "stack", string(debug.Stack()))
			s.close(CloseInternal, Pace{}, nil)
		}
	}()
	do()
}

// close ends the session: what waits is written, then a close frame. With a notice the client is told
// more before. Calls after the first do nothing.
func (s *Session) close(code CloseCode, p Pace, notice *encoded) {
	last := &farewell{code: code, reason: code.Reason(p)}
	ended := s.end(last, func() {
		if r := code.Rule(); r == RuleLogin || r == RuleStop {
			s.queue.drop(func(it item) bool { return it.class != ClassControl || it.resync })
		}
		if notice != nil {
			if data, err := notice.bytes(s.format); err == nil {
				s.queue.push(item{data: data})
			}
		}
	})
	if ended {
		s.hub.stats.closed(code)
	}
}

// end makes the session closed, once. With a farewell a flusher writes what waits, the farewell last.
func (s *Session) end(last *farewell, prepare func()) bool {
	s.mu.Lock()
	if s.state == stateClosed {
		s.mu.Unlock()
		return false
	}
	s.state, s.last = stateClosed, last
	prepare()
	s.errands = nil
	p, login := s.person, s.login
	bye := Registration{Action: ActionClose, User: login.User, Instance: s.instance, Session: s.id, Epoch: s.epoch}
	registered := s.home != ""
	if last != nil {
		s.hub.closes(s)
		s.startFlush()
	}
	s.mu.Unlock()
	s.hub.detach(s, p, login)
	s.hub.watches.drop(s)
	if registered {
		s.hub.goodbye(bye)
	}
	return true
}

// send queues an answer or a notice of this session.
func (s *Session) send(re int64, body any) {
	data, err := s.hub.Codec.Encode(s.format, re, body)
	if err != nil {
		s.hub.Logger.Error("frame cannot be encoded", "error", err)
		s.close(CloseInternal, Pace{}, nil)
		return
	}
	s.mu.Lock()
	ok := true
	if s.state != stateClosed {
		ok = s.queue.push(item{data: data})
		s.startFlush()
	}
	s.mu.Unlock()
	if !ok {
		s.close(CloseSlow, Pace{}, nil)
	}
}

// refuse answers a frame that wants an answer with an error.
func (s *Session) refuse(re int64, err error) {
	if re != 0 {
		s.send(re, refusal(err))
	}
}

// deliver queues a delivery, if the session is live and registered; it tells whether that is so.
func (s *Session) deliver(d *Delivery, e *encoded, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	presence := !d.Presence.User.IsZero()
	if s.state != stateLive || s.until.Before(now) {
		s.queue.presenceLost = s.queue.presenceLost || presence
		return false
	}
	if !d.Except.IsZero() && d.Except == s.id {
		return true
	}
	data, err := e.bytes(s.format)
	if err != nil {
		// One bad frame must not stop the others; the client finds the hole by its seq.
		s.hub.Logger.Error("delivery cannot be encoded", "error", err)
		return true
	}
	s.queue.push(item{
		data: data, class: d.Class, conversation: d.Conversation, reader: d.Reader, marked: d.Marked, seq: d.Seq,
		presence: presence,
	})
	s.startFlush()
	return true
}

// startFlush starts the goroutine that writes, unless one is at it. The caller holds the lock.
func (s *Session) startFlush() {
	if !s.flushing {
		s.flushing = true
		s.hub.work.Go(s.flush)
	}
}

// flush writes until nothing waits. It is the only writer of the socket while flushing is set.
func (s *Session) flush() {
	for {
		s.mu.Lock()
		batch, ping := s.queue.take(s.hub.Limits.FlushBytes), s.pingDue
		s.pingDue = false
		if len(batch) == 0 && !ping {
			s.flushing = false
			last := s.last
			s.mu.Unlock()
			if last != nil {
				s.socket.Close(last.code, last.reason)
				s.hub.hasClosed(s)
			}
			return
		}
		s.mu.Unlock()
		if ping {
			s.socket.Ping()
		}
		var err error
		if len(batch) > 0 {
			err = s.socket.Write(batch)
		}
		s.mu.Lock()
		s.queue.written()
		s.mu.Unlock()
		if err != nil {
			s.broken(err)
		}
	}
}

// broken ends a session whose socket takes nothing any more.
func (s *Session) broken(err error) {
	code := CloseCode(1006)
	if errors.Is(err, ErrSlow) {
		code = CloseSlow
	}
	s.Gone(code)
	s.mu.Lock()
	s.queue.drop(func(item) bool { return true })
	if s.last == nil {
		s.last = &farewell{code: code, reason: code.Name()}
	}
	s.mu.Unlock()
}

// encodeOverflow writes the frame that stands for dropped ones.
func (s *Session) encodeOverflow(conversation ids.ConversationID, from int64) []byte {
	s.hub.stats.resynced(ResyncOverflow)
	data, err := s.hub.Codec.Encode(s.format, 0, Resync{Conversation: conversation, FromSeq: from, Reason: ResyncOverflow})
	if err != nil {
		s.hub.Logger.Error("frame cannot be encoded", "error", err)
	}
	return data
}

// ping asks the client for a life sign.
func (s *Session) ping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != stateClosed {
		s.pingDue = true
		s.startFlush()
	}
}

// errand runs deep work outside the reader, one after another. It is false if too much waits.
func (s *Session) errand(ctx context.Context, do func(context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != stateLive {
		return true
	}
	if len(s.errands) >= s.hub.Limits.ErrandsWaiting {
		return false
	}
	s.errands = append(s.errands, do)
	if !s.working {
		s.working = true
		s.hub.work.Go(func() { s.runErrands(ctx) })
	}
	return true
}

func (s *Session) runErrands(ctx context.Context) {
	for {
		s.mu.Lock()
		if len(s.errands) == 0 {
			s.working = false
			s.mu.Unlock()
			return
		}
		do := s.errands[0]
		s.errands = s.errands[1:]
		s.mu.Unlock()
		s.protect(func() { do(ctx) })
	}
}
