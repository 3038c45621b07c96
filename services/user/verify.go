// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
)

// VerifyToken tells what a token proves, or ErrSessionEnded with why it proves nothing.
func (s *Service) VerifyToken(ctx context.Context, token string) (LoginSession, error) {
	hash, ok := hashToken(token)
	if !ok {
		return LoginSession{}, ended(WhyUnknown)
	}
	session, err := s.Sessions.ByToken(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return LoginSession{}, ended(WhyUnknown)
	}
	if err != nil {
		return LoginSession{}, err
	}
	if subtle.ConstantTimeCompare(session.TokenHash[:], hash[:]) != 1 {
		return LoginSession{}, ended(WhyUnknown)
	}
	now := s.millis()
	if reason := session.endedBy(now); reason != NotEnded {
		return LoginSession{}, ended(reason.why())
	}
	return s.touch(ctx, session, now), nil
}

// touch moves the last use on when it is five minutes old. A failure costs accuracy only: the token
// still proves what it proves.
func (s *Service) touch(ctx context.Context, session LoginSession, now int64) LoginSession {
	if now-session.LastUsedAt < touchAfter.Milliseconds() {
		return session
	}
	if err := s.Sessions.Touch(ctx, session.ID, now); err != nil {
		s.logger.WarnContext(ctx, "last use was not stored", "login_session_id", session.ID.String(), "error", err)
		return session
	}
	session.LastUsedAt = now
	return session
}

// Logout ends a login session of its owner. Repeating it is harmless.
func (s *Service) Logout(ctx context.Context, owner ids.UserID, id ids.LoginSessionID) error {
	if err := s.RevokeSession(ctx, owner, id); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// RevokeSession ends a login session of its owner; ErrNotFound if it is unknown, ended or of somebody
// else. When it returns nil, this process lists the revocation.
func (s *Service) RevokeSession(ctx context.Context, owner ids.UserID, id ids.LoginSessionID) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	now := s.millis()
	if err := s.Sessions.End(ctx, owner, id, Revoked, now); err != nil {
		return err
	}
	s.tell(owner, []Ending{{id, Revoked}}, now)
	return nil
}

// RevokeOtherSessions ends all login sessions of the caller but that which asks, and answers how many.
func (s *Service) RevokeOtherSessions(ctx context.Context, caller Caller) (int, error) {
	ended := 0
	err := s.rewrite(ctx, caller, func(record Record, sessions []LoginSession, now int64) (*Rewriting, error) {
		endings := endAll(sessions, caller.SessionID, Revoked)
		ended = len(endings)
		if ended == 0 {
			return nil, nil
		}
		return &Rewriting{Record: record, Endings: endings, At: now}, nil
	})
	return ended, err
}

// tell enters endings that are committed into the list of this process, and into that of gateways.
func (s *Service) tell(owner ids.UserID, endings []Ending, at int64) {
	if len(endings) == 0 {
		return
	}
	revocations := make([]Revocation, len(endings))
	for i, e := range endings {
		revocations[i] = Revocation{SessionID: e.ID, UserID: owner, Reason: e.Reason, At: at}
		s.revocations.add(revocations[i])
	}
	s.Publisher.OfferEnded(revocations)
}

// ListSessions answers the live login sessions of a user, last used first.
func (s *Service) ListSessions(ctx context.Context, owner ids.UserID) ([]LoginSession, error) {
	sessions, err := s.Sessions.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	now := s.millis()
	sessions = slices.DeleteFunc(sessions, func(l LoginSession) bool { return l.endedBy(now) != NotEnded })
	sortByUse(sessions)
	return sessions, nil
}

func ended(why string) error { return ErrSessionEnded.With("why", why) }
