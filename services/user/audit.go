// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// AuditEntry is a fact that nobody can change any more.
type AuditEntry struct {
	ID     ids.AuditEntryID
	At     int64      // ms
	Actor  ids.UserID // zero: the platform, or nobody who is known
	Action string
	Target ids.UserID // zero: no account
	Reason string     // in the words of the actor; may be empty
	Detail string     // key=value pairs with spaces between them; never what a person wrote
	Origin
}

// Origin is where a call came from.
type Origin struct {
	Address   string // of the client; empty inside the cluster
	RequestID string
}

// Actions of the audit log.
const (
	ActionDeleteAccount = "account.deleted"
	ActionDenied        = "call.denied"
)

// Sizes of the audit log.
const (
	maxReason      = 300 // code points
	maxReasonBytes = 1024
	maxOrigin      = 64 // bytes; an address of IPv6 has 45
)

// AuditQuery chooses entries, newest first; zero fields choose all.
type AuditQuery struct {
	Actor, Target ids.UserID
	Action        string
	From, Until   int64 // ms; at or after, before
	After         AuditPlace
	Limit         int
}

// AuditPlace is where a page ends; zero: before the newest entry.
type AuditPlace struct {
	At int64
	ID ids.AuditEntryID
}

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
	e.ID = ids.NewAuditEntry()
	if e.At == 0 {
		e.At = s.millis()
	}
	if s.origin != nil {
		e.Origin = s.origin(ctx)
	}
	e.Address, e.RequestID = cutBytes(e.Address), cutBytes(e.RequestID)
	return e
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

func cutBytes(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxOrigin)], "") }

// CheckReason trims why somebody acts, and applies its rules.
func CheckReason(text Text, reason string) (string, error) {
	clean := strings.TrimSpace(text.Compose(reason))
	switch n := utf8.RuneCountInString(clean); {
	case n == 0:
		return "", fault.InvalidField("reason", "min_len")
	case n > maxReason, len(clean) > maxReasonBytes:
		return "", fault.InvalidField("reason", "max_len")
	case strings.ContainsFunc(clean, func(r rune) bool { return r != '\n' && isUnfit(r) }):
		return "", fault.InvalidField("reason", "characters")
	}
	return clean, nil
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
