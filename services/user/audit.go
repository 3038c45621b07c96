// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"time"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/ids"
)

// AuditEntry is a fact that nobody can change any more.
type AuditEntry = audit.Entry

// Origin is where a call came from.
type Origin = audit.Origin

// AuditQuery chooses entries, newest first; zero fields choose all.
type AuditQuery = audit.Query

// AuditPlace is where a page ends; zero: before the newest entry.
type AuditPlace = audit.Place

// Actions of the audit log.
const (
	ActionLogin         = "login.succeeded"
	ActionLoginFailed   = "login.failed"
	ActionCodeSent      = "code.sent"
	ActionCodeFailed    = "code.failed"
	ActionDeleteAccount = "account.deleted"
	ActionBan           = "account.suspended"
	ActionUnban         = "account.restored"
	ActionEndSessions   = "sessions.ended"
	ActionSetRole       = "role.set"
	ActionCreateLink    = "administrator_link.created"
	ActionClaimLink     = "administrator_link.used"
	ActionFind          = "accounts.read"
	ActionReadAudit     = "audit.read"
	ActionDenied        = "call.denied"
)

// Audit keeps the audit log apart from changes, which write their entries themselves. A store that does not
// answer is fault.ErrUnavailable.
type Audit interface {
	// Note writes an entry of something that changes no account.
	Note(ctx context.Context, entry AuditEntry) error
	// Entries reads up to Limit entries, newest first.
	Entries(ctx context.Context, query AuditQuery) ([]AuditEntry, error)
}

// entry completes an entry with id, time and origin.
func (s *Service) entry(ctx context.Context, e AuditEntry) AuditEntry {
	if e.At == 0 {
		e.At = s.millis()
	}
	var from Origin
	if s.origin != nil {
		from = s.origin(ctx)
	}
	return audit.New(e, from)
}

// note writes an entry of something that changes no account: a login that failed, a call that was denied.
func (s *Service) note(ctx context.Context, e AuditEntry) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return s.Audit.Note(ctx, s.entry(ctx, e))
}

// noteLate is note where the answer does not depend on it: a failure is logged.
func (s *Service) noteLate(ctx context.Context, e AuditEntry) {
	if err := s.note(context.WithoutCancel(ctx), e); err != nil {
		s.logger.ErrorContext(ctx, "an audit entry was not written", "action", e.Action, "error", err)
	}
}

// maxDenied bounds the entries in one hour that one account can cause by asking for what it may not; what is
// denied beyond is counted in the metric of calls only.
const maxDenied = 20

// NoteDenied writes that a call for administrators was refused.
func (s *Service) NoteDenied(ctx context.Context, actor ids.UserID, procedure string) {
	quota := Quota{scopeOf("denied calls", actor.String()), time.Hour, maxDenied}
	err := s.use(ctx, []Quota{quota}, func(int, time.Duration) error { return ErrRateLimited })
	if err == nil {
		s.noteLate(ctx, AuditEntry{Actor: actor, Action: ActionDenied, Detail: "call=" + procedure})
	}
}
