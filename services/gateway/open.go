// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
)

// slowDown is the pace for clients that are sent away for a while; chosen: a few seconds are no loss,
// and the random part spreads a crowd.
var slowDown = Pace{After: time.Second, Jitter: 5 * time.Second} //nolint:gochecknoglobals // a constant

// open handles the first auth: token, place, registration at the home pod, welcome.
func (s *Session) open(ctx context.Context, re int64, a Auth) {
	if a.Protocol != protocolVersion {
		s.close(CloseClientTooOld, Pace{}, nil)
		return
	}
	login, ok := s.verify(ctx, re, a)
	if !ok {
		return
	}
	p, code := s.hub.attach(s, login)
	if code != 0 {
		s.close(code, Pace{}, nil)
		return
	}
	s.mu.Lock()
	s.proved(login, a.Token)
	s.instance, s.person = a.Instance, p
	gone := s.state == stateClosed
	s.mu.Unlock()
	if gone {
		s.hub.detach(s, p, login)
		return
	}
	place, err := s.hub.enroll(ctx, s, a.LastEpoch)
	if err != nil {
		s.close(CloseOverloaded, slowDown, s.notice(re, err))
		// The home pod may have heard all the same, and would send an older session of the instance away.
		s.hub.goodbye(Registration{Action: ActionClose, User: login.User, Instance: a.Instance, Session: s.id})
		s.hub.registerSoon()
		return
	}
	s.welcome(re, place)
}

// verify asks what the token proves; if that is not enough, the session is closed.
func (s *Session) verify(ctx context.Context, re int64, a Auth) (Login, bool) {
	ctx, cancel := context.WithTimeout(ctx, s.hub.Limits.VerifyWait)
	defer cancel()
	login, err := s.hub.Tokens.Verify(ctx, a.Token)
	switch kind := fault.KindOf(err); {
	case err == nil && !s.hub.Tokens.Fresh():
		s.close(CloseOverloaded, slowDown, s.notice(re, ErrNotReady))
	case err == nil && login.Device != a.Device:
		s.close(CloseAuthFailed, Pace{}, s.notice(re, ErrSessionEnded))
	case err == nil:
		return login, true
	case kind == fault.Unauthenticated || kind == fault.Denied || kind == fault.NotFound || kind == fault.Invalid:
		s.close(CloseAuthFailed, Pace{}, s.notice(re, ErrSessionEnded))
	default:
		s.close(CloseOverloaded, slowDown, s.notice(re, ErrNotReady))
	}
	return Login{}, false
}

// welcome makes the session live. Frames that the home pod forwarded before are not missed: heads are
// read only after this.
func (s *Session) welcome(re int64, at place) {
	l := s.hub.Limits
	data, err := s.hub.Codec.Encode(s.format, re, s.welcomeBody(at.epoch))
	if err != nil {
		s.hub.Logger.Error("frame cannot be encoded", "error", err)
		s.close(CloseInternal, Pace{}, nil)
		return
	}
	s.mu.Lock()
	s.epoch, s.home, s.until = at.epoch, at.home, at.until
	live := s.state == stateOpening
	if live {
		s.state = stateLive
		s.queue.push(item{data: data})
		s.startFlush()
		s.sync.next = s.hub.since() + l.CheckEvery
	}
	bye := Registration{Action: ActionClose, User: s.login.User, Instance: s.instance, Session: s.id, Epoch: s.epoch}
	s.mu.Unlock()
	if !live {
		s.hub.goodbye(bye)
		return
	}
	if home, ok := s.hub.Ring.View().Home(bye.User); ok && home.Pod != at.home {
		s.hub.registerSoon() // the ring changed while the session opened
	}
	s.ticket.authenticated()
	s.hub.supersede(bye.User, bye.Instance, bye.Session, at.epoch)
}

func (s *Session) welcomeBody(epoch int64) Welcome {
	l := s.hub.Limits
	s.mu.Lock()
	defer s.mu.Unlock()
	return Welcome{
		Session: s.id, User: s.login.User, Epoch: epoch, ServerTime: s.hub.Now().UnixMilli(),
		PingMS: l.PingEvery.Milliseconds(), FrameBytes: l.FrameBytes, SendsInFlight: l.SendsInFlight,
	}
}

// swapToken handles auth on a live connection: another token of the same user and device.
func (s *Session) swapToken(ctx context.Context, re int64, a Auth) {
	login, ok := s.verify(ctx, re, a)
	if !ok {
		return
	}
	s.mu.Lock()
	old, instance, epoch := s.login, s.instance, s.epoch
	s.mu.Unlock()
	if login.User != old.User || login.Device != old.Device || a.Instance != instance {
		s.close(CloseAuthFailed, Pace{}, s.notice(re, ErrSessionEnded))
		return
	}
	if code := s.hub.swap(s, old, login); code != 0 {
		s.close(code, Pace{}, nil)
		return
	}
	s.mu.Lock()
	s.proved(login, a.Token)
	gone := s.state == stateClosed
	s.mu.Unlock()
	if gone {
		s.hub.detach(s, s.person, login)
		return
	}
	s.send(re, s.welcomeBody(epoch))
}
