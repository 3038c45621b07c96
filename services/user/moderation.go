// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"fmt"
	"strconv"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Ban is a suspension that somebody wants.
type Ban struct {
	Target ids.UserID
	Reason string
	Until  int64 // ms; 0: for ever
}

// suspended tells the owner of an account until when.
func suspended(until int64) error {
	if until == forever {
		return ErrSuspended
	}
	return ErrSuspended.With("until", strconv.FormatInt(until, 10))
}

// Ban suspends an account: with the commit all its login sessions end, and none begins. Again replaces the end.
func (s *Service) Ban(ctx context.Context, caller Caller, b Ban) (state AccountState, count int, err error) {
	reason, err := audit.CheckReason(b.Reason)
	if err != nil {
		return AccountState{}, 0, err
	}
	if b.Until == 0 {
		b.Until = forever
	}
	err = s.act(ctx, Act{Actor: caller, Target: b.Target}, func(role Role, scene Scene, now int64) (*Rewriting, error) {
		count = 0
		record := scene.Target
		if err := mayBan(role, caller.UserID, scene, b.Until, now); err != nil {
			return nil, err
		}
		if record.SuspendedUntil == b.Until && len(scene.Sessions) == 0 {
			return nil, nil
		}
		record.SuspendedUntil = b.Until
		endings := endAll(scene.Sessions, ids.LoginSessionID{}, Suspended)
		count = len(endings)
		return &Rewriting{
			Record: record, At: now, Endings: endings,
			Audit: s.audited(ctx, caller, b.Target, AuditEntry{At: now, Action: ActionBan, Reason: reason, Detail: untilDetail(b.Until)}),
		}, nil
	})
	if err != nil {
		return AccountState{}, 0, err
	}
	state, err = s.state(ctx, b.Target)
	return state, count, err
}

func untilDetail(until int64) string {
	if until == forever {
		return "until=forever"
	}
	return "until=" + strconv.FormatInt(until, 10)
}

func mayBan(role Role, actor ids.UserID, scene Scene, until, now int64) error {
	target := scene.Target
	switch {
	case role < Moderator, !role.mayTouch(target.Role):
		return fault.ErrForbidden
	case target.Account.ID == actor:
		return fault.InvalidField("user_id", "self")
	case until <= now:
		return fault.InvalidField("until", "future")
	case !role.mayDecideUntil(until, now), target.SuspendedAt(now) && !role.mayDecideUntil(target.SuspendedUntil, now):
		return fault.ErrForbidden
	case target.Role == Owner && !scene.hasOtherOwner(now):
		return ErrLastOwner
	}
	return nil
}

// Unban ends a suspension. What the account had is still there.
func (s *Service) Unban(ctx context.Context, caller Caller, target ids.UserID, reason string) (AccountState, error) {
	reason, err := audit.CheckReason(reason)
	if err != nil {
		return AccountState{}, err
	}
	err = s.act(ctx, Act{Actor: caller, Target: target}, func(role Role, scene Scene, now int64) (*Rewriting, error) {
		record := scene.Target
		switch {
		case role < Moderator, !role.mayTouch(record.Role):
			return nil, fault.ErrForbidden
		case !record.SuspendedAt(now):
			return nil, nil
		case !role.mayDecideUntil(record.SuspendedUntil, now):
			return nil, fault.ErrForbidden
		}
		record.SuspendedUntil = 0
		return &Rewriting{
			Record: record, At: now,
			Audit: s.audited(ctx, caller, target, AuditEntry{At: now, Action: ActionUnban, Reason: reason}),
		}, nil
	})
	if err != nil {
		return AccountState{}, err
	}
	return s.state(ctx, target)
}

// EndSessions ends all login sessions of an account, and answers how many.
func (s *Service) EndSessions(ctx context.Context, caller Caller, target ids.UserID, reason string) (count int, err error) {
	reason, err = audit.CheckReason(reason)
	if err != nil {
		return 0, err
	}
	err = s.act(ctx, Act{Actor: caller, Target: target}, func(role Role, scene Scene, now int64) (*Rewriting, error) {
		if role < Admin || !role.mayTouch(scene.Target.Role) {
			return nil, fault.ErrForbidden
		}
		endings := endAll(scene.Sessions, ids.LoginSessionID{}, Revoked)
		count = len(endings)
		return &Rewriting{
			Record: scene.Target, At: now, Endings: endings,
			Audit: s.audited(ctx, caller, target, AuditEntry{
				At: now, Action: ActionEndSessions, Reason: reason, Detail: "count=" + strconv.Itoa(count),
			}),
		}, nil
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}

// SetRole gives an account a role; Member takes it away.
func (s *Service) SetRole(ctx context.Context, caller Caller, target ids.UserID, role Role, reason string) (AccountState, error) {
	reason, err := audit.CheckReason(reason)
	if err != nil {
		return AccountState{}, err
	}
	if !role.known() {
		return AccountState{}, fault.InvalidField("role", "enum")
	}
	err = s.act(ctx, Act{Actor: caller, Target: target}, func(own Role, scene Scene, now int64) (*Rewriting, error) {
		record := scene.Target
		before := record.Role
		switch {
		case own < Admin, !own.mayTouch(before), !own.mayTouch(role), target == caller.UserID && role > own:
			return nil, fault.ErrForbidden
		case before == role:
			return nil, nil
		case before == Owner && !scene.hasOtherOwner(now):
			return nil, ErrLastOwner
		}
		record.Role = role
		detail := fmt.Sprintf("from=%s to=%s", before, role)
		return &Rewriting{
			Record: record, At: now,
			Audit: s.audited(ctx, caller, target, AuditEntry{At: now, Action: ActionSetRole, Reason: reason, Detail: detail}),
		}, nil
	})
	if err != nil {
		return AccountState{}, err
	}
	return s.state(ctx, target)
}

// audited completes the entry of an act.
func (s *Service) audited(ctx context.Context, caller Caller, target ids.UserID, e AuditEntry) *AuditEntry {
	e.Actor, e.Target = caller.UserID, target
	e = s.entry(ctx, e)
	return &e
}
