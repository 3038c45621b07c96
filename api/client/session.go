// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
)

// phase of a session.
type phase int

const (
	phaseDialing phase = iota
	phaseAuthenticating
	phaseResuming
	phaseLive
)

// socketPath is where a WebSocket opens without Resolve.
const socketPath = "/v1/ws"

// maxEarlyFrame bounds a frame before welcome.
const maxEarlyFrame = 4 << 10

// session is one connection, or the try to have one.
type session struct {
	phase  phase
	socket *socket       // nil while dialing
	gone   chan struct{} // closed when the engine has forgotten the session

	by          time.Time // end of the step that waits for an answer; zero: no step
	authID      int64
	resumeID    int64
	early       bool // resume left together with auth
	pingEvery   time.Duration
	pingAt      time.Time
	pongBy      time.Time // zero: no ping is unanswered
	pinged      string    // the newest cursor at the last ping
	moveAt      time.Time // when to open the next session; zero: this one stays
	moves       int       // failed tries to do so
	liveSince   time.Time
	maxInFlight int
	maxFrame    int              // bytes
	notice      pace             // from an error frame just before a close
	sends       map[int64]*entry // unanswered, by frame id
}

// tickConnect opens a session where one is due.
func (e *engine) tickConnect(now time.Time) {
	switch {
	case e.cur == nil && !now.Before(e.retryAt):
		e.cur = e.connect(now)
	case e.live() && e.next == nil && !e.cur.moveAt.IsZero() && !now.Before(e.cur.moveAt):
		e.cur.moveAt = time.Time{}
		e.next = e.connect(now)
	}
}

// connect starts a session.
func (e *engine) connect(now time.Time) *session {
	e.triedAt = now
	s := &session{
		gone: make(chan struct{}), pingEvery: defaultPing, maxInFlight: defaultInFlight, maxFrame: maxFrame,
		sends: map[int64]*entry{},
	}
	e.spawn(func(ctx context.Context) {
		socket, err := e.dial(ctx)
		e.c.mail.post(func() { e.dialed(s, socket, err) })
	})
	return s
}

// dial opens a socket; it runs on a goroutine of its own.
func (e *engine) dial(ctx context.Context) (*socket, error) {
	base := e.c.gates.current()
	path := socketPath
	if e.cfg.Resolve {
		call, cancel := context.WithTimeout(ctx, noProgress)
		defer cancel()
		answer, err := e.c.rpc.sessions.Resolve(call, &gatewayv1.ResolveRequest{})
		if err != nil {
			return nil, fmt.Errorf("resolve: %w", err)
		}
		base, path = e.c.gates.current(), answer.GetPath()
		if err := rest(ctx, time.Duration(answer.GetAfterMs())*time.Millisecond); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, noProgress)
	defer cancel()
	s, err := dialer{e.cfg.Dial, e.cfg.TLS, e.cfg.Format}.open(ctx, base+path)
	if err != nil {
		e.c.gates.failed(base)
	}
	return s, err
}

// rest waits, for as long as ctx does not end.
func rest(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dialed goes on with a socket, or without one.
func (e *engine) dialed(s *session, socket *socket, err error) {
	known := s == e.cur || s == e.next
	switch {
	case err != nil && known:
		e.dialFailed(s, err)
	case err == nil && known:
		s.socket = socket
		e.read(s)
		e.authenticate(s)
	case err == nil:
		socket.abort()
	}
}

func (e *engine) dialFailed(s *session, err error) {
	e.cfg.Logger.Debug("no connection", "error", err)
	if connect.CodeOf(err) == connect.CodeUnauthenticated {
		e.forget(s)
		e.halt(SignedOut, 0, "UNAUTHENTICATED")
		return
	}
	if refused, ok := errors.AsType[*dialError](err); ok {
		s.notice = refused.pace
	}
	e.closed(s, 1006, "")
}

// read brings the frames of a session to the engine.
func (e *engine) read(s *session) {
	e.spawn(func(context.Context) {
		s.socket.run(func(data []byte) {
			select {
			case e.frames <- inbound{s, data}:
			case <-s.gone:
			}
		}, func(code int, reason string) {
			e.c.mail.post(func() { e.closed(s, code, reason) })
		})
	})
}

// authenticate sends auth, and resume with it if both are small enough for a stranger.
func (e *engine) authenticate(s *session) {
	s.phase, s.by = phaseAuthenticating, e.cfg.Now().Add(noProgress)
	s.authID, s.resumeID = e.newID(), e.newID()
	auth := e.cfg.auth(e.c.currentToken(), e.lastEpoch)
	size := e.send(s, &gatewayv1.ClientFrame{Id: s.authID, Kind: &gatewayv1.ClientFrame_Auth{Auth: auth}})
	if size+len(e.cursor)+64 <= maxEarlyFrame {
		s.early = true
		e.resume(s)
	}
}

func (e *engine) resume(s *session) {
	e.send(s, &gatewayv1.ClientFrame{Id: s.resumeID, Kind: &gatewayv1.ClientFrame_Resume{
		Resume: &gatewayv1.Resume{Cursor: e.cursor},
	}})
}

// swapToken proves the login session anew on the open connection.
func (e *engine) swapToken(token string) {
	if e.cur != nil && e.cur.phase >= phaseResuming && token != "" {
		e.send(e.cur, &gatewayv1.ClientFrame{Id: e.newID(), Kind: &gatewayv1.ClientFrame_Auth{
			Auth: e.cfg.auth(token, e.lastEpoch),
		}})
	}
}

func (e *engine) newID() int64 {
	e.lastID++
	return e.lastID
}

// send encodes and queues a frame and answers its size.
func (e *engine) send(s *session, frame *gatewayv1.ClientFrame) int {
	data, err := e.cfg.Format.encode(frame)
	if err != nil {
		e.cfg.Logger.Error("frame not encoded", "error", err)
		return 0
	}
	s.socket.send(data)
	return len(data)
}

// tickSession ends a session that makes no progress and keeps a live one alive.
func (e *engine) tickSession(s *session, now time.Time) {
	if s == nil {
		return
	}
	stuck := !s.by.IsZero() && !now.Before(s.by)
	silent := !s.pongBy.IsZero() && !now.Before(s.pongBy)
	if stuck || silent {
		s.socket.abort()
		e.closed(s, 1006, "")
		return
	}
	if s.phase == phaseLive && !now.Before(s.pingAt) {
		e.ping(s, now)
	}
}

// ping is a life sign, and asks which heads have moved.
func (e *engine) ping(s *session, now time.Time) {
	every := s.pingEvery
	if e.hidden {
		every = max(every, hiddenPing)
	}
	s.pingAt = now.Add(every)
	if s.pongBy.IsZero() {
		s.pongBy = now.Add(pongWait)
	}
	s.pinged = e.newest()
	e.send(s, &gatewayv1.ClientFrame{Id: e.newID(), Kind: &gatewayv1.ClientFrame_Ping{
		Ping: &gatewayv1.Ping{Cursor: e.cursor, Active: !e.hidden},
	}})
}

// goodbye closes a session by own wish.
func (s *session) goodbye() {
	if s.socket != nil {
		s.socket.close()
	}
}

// forget lets a session go and takes back what was sent on it; its frames are not read any more.
func (e *engine) forget(s *session) {
	if s == e.cur {
		e.cur = nil
	}
	if s == e.next {
		e.next = nil
	}
	close(s.gone)
	for _, en := range s.sends {
		e.takeBack(en, e.cfg.Now())
	}
}

// wakeUp is Client.Wake.
func (e *engine) wakeUp() {
	now := e.cfg.Now()
	switch {
	case e.cur == nil:
		if at := e.triedAt.Add(time.Second); at.Before(e.retryAt) {
			e.retryAt = at
		}
	case e.live():
		e.cur.pingAt = now
	}
}

// setVisible is Client.SetVisible.
func (e *engine) setVisible(visible bool) {
	e.hidden = !visible
	if visible {
		e.wakeUp()
	}
}
