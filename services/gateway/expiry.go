// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
)

// proved notes what the token of a session proves, and when it has to be looked at again: when the login
// session would end by itself, of which nobody tells, and now and then before, because a connection is a use
// of it. The caller holds the lock.
func (s *Session) proved(login Login, token string) {
	s.login, s.token = login, token
	s.proveAt = s.hub.since() + s.hub.Limits.VerifyEvery
	if login.Until > 0 {
		s.proveAt = min(s.proveAt, time.UnixMilli(login.Until).Sub(s.hub.start))
	}
}

// proveAgain looks at the token of a session once more, and closes the session if its login session has
// ended. What cannot be told now is asked again with the next ping.
func (s *Session) proveAgain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.hub.Limits.VerifyWait)
	defer cancel()
	s.mu.Lock()
	token := s.token
	s.mu.Unlock()
	login, err := s.hub.Tokens.Verify(ctx, token)
	s.mu.Lock()
	same := s.token == token // it was not swapped meanwhile
	if same && err == nil {
		s.proved(login, token)
	}
	s.mu.Unlock()
	if same && err != nil && fault.KindOf(err) == fault.Unauthenticated {
		s.close(EndExpired.code(), Pace{}, nil)
	}
}
