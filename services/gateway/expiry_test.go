// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/services/gateway"
)

// liveUntil opens a connection whose login session ends after a while.
func (r *rig) liveUntil(life time.Duration) *client {
	login := newLogin()
	login.Until = time.Now().Add(life).UnixMilli()
	return r.liveOn("pod-a", login)
}

// Nobody tells of a login session that was not used for too long, or is too old.
func TestF5_AConnectionEndsWithItsLoginSession(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.liveUntil(time.Hour)
		pass(59 * time.Minute)
		c.wantOpen()
		r.tokens.Withdraw(c.token)
		pass(2 * time.Minute)
		c.wantClose(gateway.CloseSessionExpired)
	})
}

func TestF5_ALoginSessionThatIsUsedGoesOn(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.liveUntil(time.Hour)
		c.login.Until = time.Now().Add(3 * time.Hour).UnixMilli()
		r.tokens.Issue(c.token, c.login)
		pass(2 * time.Hour)
		c.wantOpen()
		r.tokens.SetAway(true)
		pass(2 * time.Hour)
		c.wantOpen() // nobody can tell now
		r.tokens.SetAway(false)
		r.tokens.Withdraw(c.token)
		pass(time.Minute)
		c.wantClose(gateway.CloseSessionExpired)
	})
}

// A connection is a use of its login session: who stays connected is not signed out for want of calls.
func TestF5_AnOpenConnectionIsAUse(t *testing.T) {
	t.Parallel()
	inBubble(t, func(l *gateway.Limits) { l.VerifyEvery = time.Hour }, func(r *rig) {
		c := r.liveUntil(30 * time.Hour)
		r.tokens.Withdraw(c.token)
		pass(59 * time.Minute)
		c.wantOpen()
		pass(2 * time.Minute)
		c.wantClose(gateway.CloseSessionExpired)
	})
}
