// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// protocolVersion is the only one that is spoken here.
const protocolVersion = 1

// Receive handles one message of the client. It blocks while a session opens, so that what follows in
// the same breath finds it open; data is not kept. ctx ends with the connection.
func (s *Session) Receive(ctx context.Context, data []byte) {
	s.protect(func() { s.receive(ctx, data) })
}

func (s *Session) receive(ctx context.Context, data []byte) {
	s.alive()
	s.mu.Lock()
	st := s.state
	_, ok := s.frames.take(s.hub.Now(), s.hub.Limits.FramesPerSecond, s.hub.Limits.FramesBurst)
	s.mu.Unlock()
	switch {
	case st == stateClosed:
		return
	case len(data) > s.MaxFrameBytes():
		s.close(CloseFrameTooBig, Pace{}, nil)
		return
	case !ok:
		s.close(CloseRateLimited, slowDown, nil)
		return
	}
	f, err := s.hub.Codec.Decode(s.format, data)
	if errors.Is(err, ErrBadFrame) {
		s.close(CloseBadFrame, Pace{}, nil)
		return
	}
	if st == stateNew {
		s.first(ctx, f, err)
		return
	}
	if err != nil {
		s.refuse(f.ID, err)
		return
	}
	s.handle(ctx, f)
}

// first handles the first frame: only a proper auth opens a session.
func (s *Session) first(ctx context.Context, f ClientFrame, err error) {
	auth, ok := f.Kind.(Auth)
	switch {
	case err != nil:
		s.close(CloseBadFrame, Pace{}, s.notice(f.ID, err))
	case !ok:
		s.close(CloseProtocolOrder, Pace{}, nil)
	default:
		s.mu.Lock()
		if s.state == stateNew {
			s.state = stateOpening
		}
		s.mu.Unlock()
		s.aside(func() { s.open(ctx, f.ID, auth) })
	}
}

// handle handles any later frame.
func (s *Session) handle(ctx context.Context, f ClientFrame) {
	switch k := f.Kind.(type) {
	case Auth:
		s.aside(func() { s.swapToken(ctx, f.ID, k) })
	case Resume:
		s.resume(ctx, f.ID, k)
	case Outgoing:
		s.post(f.ID, k)
	case Ack:
		// Nothing keeps acks: ticks and push, which need them, do not exist yet.
	case Read:
		s.errandOr(ctx, f.ID, func(ctx context.Context) { s.markRead(ctx, f.ID, k) })
	case Typing:
		s.typing(ctx, f.ID, k)
	case Ping:
		s.pong(f.ID, k)
	case Watch:
		s.watch(ctx, k)
	default:
		s.send(f.ID, refusal(ErrFrameUnknown))
	}
}

// aside runs deep work on a goroutine of its own and waits for it: the stack of a reader that has grown
// would stay grown.
func (s *Session) aside(do func()) {
	done := make(chan struct{})
	s.hub.work.Go(func() {
		defer close(done)
		s.protect(do)
	})
	<-done
}

func (s *Session) errandOr(ctx context.Context, re int64, do func(context.Context)) {
	if !s.hub.Tokens.Fresh() {
		s.refuse(re, ErrNotReady)
		return
	}
	if !s.errand(ctx, do) {
		s.refuse(re, ErrOverloaded)
	}
}

func (s *Session) notice(re int64, err error) *encoded {
	return &encoded{codec: s.hub.Codec, re: re, body: refusal(err)}
}

// post hands a message to its lane.
func (s *Session) post(re int64, o Outgoing) {
	if err := s.mayPost(o.Conversation); err != nil {
		s.refuse(re, err)
		return
	}
	s.mu.Lock()
	o.Sender = s.login.User
	s.mu.Unlock()
	s.hub.Messages.Send(o, func(sent Sent, err error) {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
		switch {
		case err != nil:
			s.refuse(re, err)
		case re != 0:
			s.send(re, sent)
		}
	})
}

// mayPost takes a place for a send, or says why there is none.
func (s *Session) mayPost(conversation ids.ConversationID) error {
	if !s.hub.Tokens.Fresh() {
		return ErrNotReady
	}
	now, l := s.hub.Now(), s.hub.Limits
	s.mu.Lock()
	p, full := s.person, s.inFlight >= l.SendsInFlight
	s.mu.Unlock()
	if full {
		return ErrTooManyInFlight.With("limit", "sends_in_flight").After(defaultRetry)
	}
	p.mu.Lock()
	wait, ok := p.sends.take(now, l.SendsPerSecond, l.SendsBurst)
	p.mu.Unlock()
	if !ok {
		return ErrRateLimited.With("limit", "sends_of_user").After(wait)
	}
	if wait, ok := s.hub.takeConversation(conversation, now); !ok {
		return ErrRateLimited.With("limit", "sends_of_conversation").After(wait)
	}
	s.mu.Lock()
	s.inFlight++
	s.mu.Unlock()
	return nil
}

func (s *Session) markRead(ctx context.Context, re int64, k Read) {
	ctx, cancel := context.WithTimeout(ctx, s.hub.Limits.CallWait)
	defer cancel()
	s.mu.Lock()
	r, token := Reading{Login: s.login, Conversation: k.Conversation, Seq: k.Seq}, s.token
	s.mu.Unlock()
	r.Hidden = s.hub.Tokens.ReceiptsHidden(ctx, token)
	if err := s.hub.Messages.MarkRead(ctx, r); err != nil {
		s.refuse(re, err)
	}
}

// resume asks what moved since the client's cursor, once.
func (s *Session) resume(ctx context.Context, re int64, k Resume) {
	s.mu.Lock()
	again := s.resumed
	s.resumed = true
	user := s.login.User
	s.mu.Unlock()
	if again {
		s.close(CloseProtocolOrder, Pace{}, nil)
		return
	}
	if !s.hub.Tokens.Fresh() {
		s.cannotResume(re, ErrNotReady)
		return
	}
	taken := s.errand(ctx, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, s.hub.Limits.CallWait)
		defer cancel()
		told, asked := s.hub.instant(), s.hub.instant()
		heads, err := s.hub.Messages.Sync(ctx, Question{User: user, Cursor: k.Cursor})
		if err != nil {
			s.cannotResume(re, err)
			return
		}
		s.mu.Lock()
		s.sync.answered(heads, told, asked, s.hub.Limits.HeadsKept)
		s.sync.client, s.sync.clientAt = heads.Cursor, asked
		s.sync.next = asked + s.hub.Limits.CheckEvery
		doubt := s.sync.doubt
		s.sync.doubt = nil
		s.mu.Unlock()
		s.send(re, heads)
		if doubt != nil {
			s.hub.checks.add([]*Session{s}, *doubt)
		}
	})
	if !taken {
		s.cannotResume(re, ErrOverloaded)
	}
}

// cannotResume closes the session: a client resumes once, so an answer to try again would lead nowhere.
func (s *Session) cannotResume(re int64, err error) {
	code := CloseOverloaded
	switch fault.KindOf(err) {
	case fault.Exhausted:
		code = CloseResumeLimit
	case fault.Invalid:
		code = CloseCursorInvalid
	default:
	}
	if code.Rule() == RuleWait {
		s.close(code, slowDown, s.notice(re, err))
		return
	}
	s.close(code, Pace{}, s.notice(re, err))
}

// pong answers from memory, and without a database query.
func (s *Session) pong(re int64, k Ping) {
	now, fresh := s.hub.since(), s.hub.Tokens.Fresh()
	if k.Active {
		s.used()
	}
	s.mu.Lock()
	p := s.person
	s.mu.Unlock()
	heads := map[ids.ConversationID]Head{}
	answer := Pong{ServerTime: s.hub.Now().UnixMilli(), Complete: true, Cursor: k.Cursor}
	if k.Cursor != "" && fresh {
		p.mu.Lock()
		s.mu.Lock()
		s.sync.shown(k.Cursor, now, s.hub.Limits.HeadsFor)
		cursor, since := s.sync.offer()
		known := p.moved.since(since, heads)
		told := s.sync.told.since(since, heads)
		answer.Complete = known && told && !s.sync.behind && now-since <= s.hub.Limits.HeadsFor
		answer.Cursor = cursor
		s.mu.Unlock()
		p.mu.Unlock()
	}
	for _, head := range heads {
		answer.Heads = append(answer.Heads, head)
	}
	s.send(re, answer)
}
