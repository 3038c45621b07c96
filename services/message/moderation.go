// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Actions of the audit log.
const (
	ActionRemoveMessage = "message.removed"
	ActionReadAudit     = "audit.read"
	ActionDenied        = "call.denied"
)

// Power is what somebody may do with messages for the platform. Accounts and their roles are kept by another
// service; the claim of a call carries what was read there for it.
type Power struct {
	Removes bool // messages of everybody
	Audits  bool // reads the audit log
}

// Officer is somebody who acts for the platform.
type Officer struct {
	ID    ids.UserID
	Power Power
	From  audit.Origin
}

// Removal asks to take a message away.
type Removal struct {
	Conversation ids.ConversationID
	Seq          int64
	Reason       string
}

// Remove takes a message away for everybody, at any time, and answers its tombstone. Again is no error.
func (s *Service) Remove(ctx context.Context, officer Officer, r Removal) (Message, error) {
	if !officer.Power.Removes {
		return Message{}, fault.ErrForbidden
	}
	reason, err := audit.CheckReason(r.Reason)
	if err != nil {
		return Message{}, err
	}
	entry := audit.New(audit.Entry{
		At: s.nowMillis(), Actor: officer.ID, Action: ActionRemoveMessage, Reason: reason,
		Detail: fmt.Sprintf("conversation=%s seq=%d", r.Conversation, r.Seq),
	}, officer.From)
	return s.change(ctx, Change{Conversation: r.Conversation, Seq: r.Seq, By: officer.ID, Kind: Removing, Audit: &entry})
}

// remove settles a removal. Whoever answers for the platform need not be a member, and no state of the
// conversation and no time keeps a message up.
func (ch Change) remove(c Conversation, m Message, ok bool) (ChangePlan, error) {
	switch {
	case !ok:
		return ChangePlan{}, ErrNotFound
	case m.Kind == RecalledBody:
		return ChangePlan{Message: m}, nil
	case m.Kind == SystemBody:
		return ChangePlan{}, ErrForbidden
	}
	plan := ch.plan(c, m, tombstone(m, Recall{At: ch.At, ByModeration: true}), MessageRecalled)
	if ch.Audit != nil {
		entry := *ch.Audit
		entry.Target = m.Sender
		plan.Audit = &entry
	}
	return plan, nil
}

// AuditPage is one page of the audit log.
type AuditPage struct {
	Entries []audit.Entry
	Next    string // empty on the last page
}

// ReadAudit reads the audit log, newest first. That somebody read it is an entry itself.
func (s *Service) ReadAudit(ctx context.Context, officer Officer, q audit.Query, token string) (AuditPage, error) {
	if !officer.Power.Audits {
		return AuditPage{}, fault.ErrForbidden
	}
	scope := "message.audit\x00" + officer.ID.String()
	if token == "" {
		if err := s.note(ctx, officer, ActionReadAudit, ""); err != nil {
			return AuditPage{}, err
		}
	} else if err := s.tokens.Decode(scope, token, &q.After); err != nil {
		return AuditPage{}, err
	}
	size := audit.PageSize(q.Limit)
	q.Limit = size + 1
	entries, err := s.store.Entries(ctx, q)
	if err != nil || len(entries) <= size {
		return AuditPage{Entries: entries}, err
	}
	last := entries[size-1]
	next, err := s.tokens.Encode(scope, audit.Place{At: last.At, ID: last.ID})
	return AuditPage{Entries: entries[:size], Next: next}, err
}

func (s *Service) note(ctx context.Context, officer Officer, action, detail string) error {
	return s.store.Note(ctx, audit.New(audit.Entry{
		At: s.nowMillis(), Actor: officer.ID, Action: action, Detail: detail,
	}, officer.From))
}

// What one account can put into the audit log in one hour by asking this process for what it may not, and how
// many accounts are counted; what is denied beyond is in the metric of calls only. Chosen; no evidence.
const (
	maxDenied   = 20
	deniedFor   = time.Hour
	maxDeniedBy = 10_000
)

// denials counts what was denied to whom since the start of the hour.
type denials struct {
	mu    sync.Mutex // guards what follows
	since int64      // ms
	count map[ids.UserID]int
}

// admit tells whether one more is noted.
func (d *denials) admit(actor ids.UserID, now int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count == nil || now-d.since >= deniedFor.Milliseconds() || len(d.count) >= maxDeniedBy {
		d.since, d.count = now, map[ids.UserID]int{}
	}
	d.count[actor]++
	return d.count[actor] <= maxDenied
}

// NoteDenied writes that a call for administrators was refused.
func (s *Service) NoteDenied(ctx context.Context, officer Officer, procedure string) error {
	if !s.denied.admit(officer.ID, s.nowMillis()) {
		return nil
	}
	return s.note(context.WithoutCancel(ctx), officer, ActionDenied, "call="+procedure)
}
