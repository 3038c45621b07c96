// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
)

// StaffMember is somebody with a role.
type StaffMember struct {
	ID             ids.UserID
	Role           Role
	SuspendedUntil int64 // ms
}

// Act is what somebody does to an account for the platform.
type Act struct {
	Actor  Caller
	Target ids.UserID
	Link   *TokenHash // nil: no link is used
}

// Scene is what an act is decided on. Everything in it is locked until the act is written.
type Scene struct {
	ActorLive bool // the login session of the actor has not ended
	Staff     []StaffMember
	Target    Record
	Sessions  []LoginSession // of the target, that have not ended
	Link      *Link          // nil: there is none
}

// AccountState is an account as those see it who answer for the platform.
type AccountState struct {
	Account        Account
	Role           Role
	SuspendedUntil int64 // ms
	Sessions       int   // that have not ended
	LastUsedAt     int64 // ms; 0: no session
	HasPhone       bool
}

// Staff keeps roles, and acts on accounts. A store that does not answer is fault.ErrUnavailable.
type Staff interface {
	// Act locks the link, all roles, and the target, in this order, lets decide see them, and writes the result in
	// the same transaction, as Records.Rewrite does; a used link goes, and all others with it. ErrNotFound if the
	// target is unknown or deleted.
	Act(ctx context.Context, act Act, decide func(Scene) (*Rewriting, error)) error
	// States answers accounts that exist, in any order.
	States(ctx context.Context, users []ids.UserID) ([]AccountState, error)
	// RoleOf answers the role of a user; Member for one who is unknown.
	RoleOf(ctx context.Context, id ids.UserID) (Role, error)
	// HasOwner tells whether somebody is an owner.
	HasOwner(ctx context.Context) (bool, error)
	// KeepLink stores a link in place of all others, with an entry of the audit log.
	KeepLink(ctx context.Context, link Link, entry AuditEntry) error
}

// roleOf is the role of somebody in the scene.
func (sc Scene) roleOf(id ids.UserID) Role {
	i := slices.IndexFunc(sc.Staff, func(m StaffMember) bool { return m.ID == id })
	if i < 0 {
		return Member
	}
	return sc.Staff[i].Role
}

// hasOtherOwner tells whether an owner who can sign in remains without the target.
func (sc Scene) hasOtherOwner(now int64) bool {
	return slices.ContainsFunc(sc.Staff, func(m StaffMember) bool {
		return m.Role == Owner && m.ID != sc.Target.Account.ID && m.SuspendedUntil <= now
	})
}

// SuspendedAt tells whether nobody can sign in at a time, ms.
func (r Record) SuspendedAt(now int64) bool { return r.SuspendedUntil > now }

// act changes an account for the platform and tells what ended. The role of the actor is that at the commit.
func (s *Service) act(
	ctx context.Context, act Act, decide func(role Role, scene Scene, now int64) (*Rewriting, error),
) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	var written *Rewriting
	now := s.millis()
	err := s.Staff.Act(ctx, act, func(scene Scene) (*Rewriting, error) {
		written = nil // the transaction may run again
		if !scene.ActorLive {
			return nil, ended(WhyRevoked)
		}
		rewriting, err := decide(scene.roleOf(act.Actor.UserID), scene, now)
		if err == nil {
			written = rewriting
		}
		return rewriting, err
	})
	if err == nil {
		s.announce(act.Target, written)
	}
	return err
}

// state answers an account as those see it who answer for the platform.
func (s *Service) state(ctx context.Context, id ids.UserID) (AccountState, error) {
	found, err := s.Staff.States(ctx, []ids.UserID{id})
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return AccountState{}, err
	}
	return found[0], nil
}

// Suspension tells whether an account is suspended now, and when that ends by itself, ms; 0: never.
func (s *Service) Suspension(state AccountState) (suspended bool, until int64) {
	switch {
	case state.SuspendedUntil <= s.millis():
		return false, 0
	case state.SuspendedUntil == forever:
		return true, 0
	}
	return true, state.SuspendedUntil
}

// HasOwner tells whether somebody is an owner.
func (s *Service) HasOwner(ctx context.Context) (bool, error) { return s.Staff.HasOwner(ctx) }
