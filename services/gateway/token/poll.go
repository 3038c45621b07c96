// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"time"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// maxRechecks bounds the tokens that are verified again in one round after a reset: 200 a second is
// little for the user service, and a pod of 10,000 sessions is through within a minute.
const maxRechecks = 200

// firstPollEvery is the pace until the user service has answered once: nobody can sign in before.
const firstPollEvery = 50 * time.Millisecond

// Run asks for ended login sessions every second. It blocks until ctx ends.
func (v *Verifier) Run(ctx context.Context) error {
	ticker := time.NewTicker(firstPollEvery)
	defer ticker.Stop()
	silent, first := false, true
	for {
		err := v.poll(ctx)
		if err != nil && ctx.Err() == nil && !silent {
			v.logger.WarnContext(ctx, "ended login sessions are not known", "error", err)
		}
		silent = err != nil
		if first && err == nil {
			first = false
			ticker.Reset(pollEvery)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// poll makes one round.
func (v *Verifier) poll(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	asked := v.now()
	answer, err := v.auth.ListRevocations(call, &userv1.ListRevocationsRequest{Position: v.position})
	if err != nil {
		return err
	}
	for _, r := range answer.GetRevocations() {
		if err := v.revoke(r); err != nil {
			return err
		}
	}
	if answer.GetReset_() {
		v.doubtful = append(v.doubtful, v.forgetAll()...)
	}
	v.position = answer.GetPosition()
	v.mu.Lock()
	v.answeredAt = asked
	v.mu.Unlock()
	v.recheck(ctx)
	return nil
}

// revoke forgets one ended login session and reports it.
func (v *Verifier) revoke(r *userv1.Revocation) error {
	session, err := ids.ParseLoginSession("login_session_id", r.GetLoginSessionId())
	if err != nil {
		return err
	}
	v.end(session)
	v.tell(session, reason(r.GetReason()))
	return nil
}

// recheck verifies again what a reset made doubtful, so that the sessions of ended logins close. What
// cannot be told now waits for the next round.
func (v *Verifier) recheck(ctx context.Context) {
	for range min(maxRechecks, len(v.doubtful)) {
		p := v.doubtful[0]
		_, err := v.Verify(ctx, p.token)
		switch {
		case fault.KindOf(err) == fault.Unauthenticated:
			v.end(p.login.Session)
			v.tell(p.login.Session, why(err))
		case err != nil:
			return
		}
		v.doubtful = v.doubtful[1:]
	}
	if len(v.doubtful) == 0 {
		v.doubtful = nil
	}
}

func reason(r userv1.EndReason) gateway.EndReason {
	switch r {
	case userv1.EndReason_END_REASON_REPLACED:
		return gateway.EndReplaced
	case userv1.EndReason_END_REASON_EXPIRED:
		return gateway.EndExpired
	case userv1.EndReason_END_REASON_SUSPENDED:
		return gateway.EndSuspended
	case userv1.EndReason_END_REASON_DELETED:
		return gateway.EndDeleted
	case userv1.EndReason_END_REASON_REVOKED, userv1.EndReason_END_REASON_UNSPECIFIED:
	}
	return gateway.EndRevoked
}

// why reads the reason from the refusal of a token.
func why(err error) gateway.EndReason {
	f, ok := fault.Of(err)
	if !ok {
		return gateway.EndRevoked
	}
	switch f.Metadata()["why"] {
	case "replaced":
		return gateway.EndReplaced
	case "expired":
		return gateway.EndExpired
	case "banned":
		return gateway.EndSuspended
	case "deleted":
		return gateway.EndDeleted
	default:
		return gateway.EndRevoked
	}
}
