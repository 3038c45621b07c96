// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

// Act changes an account on a scene.
func (s *Store) Act(_ context.Context, act user.Act, decide func(user.Scene) (*user.Rewriting, error)) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	a, ok := s.accounts[act.Target]
	if !ok || a.Account.Deleted {
		return user.ErrNotFound
	}
	scene := user.Scene{Target: a.Record, Sessions: s.live(act.Target)}
	actor, ok := s.sessions[act.Actor.SessionID]
	scene.ActorLive = ok && actor.UserID == act.Actor.UserID && actor.EndedAt == 0
	for id, other := range s.accounts {
		if other.Role != user.Member {
			scene.Staff = append(scene.Staff, user.StaffMember{ID: id, Role: other.Role, SuspendedUntil: other.SuspendedUntil})
		}
	}
	if act.Link != nil && s.link != nil && s.link.Hash == *act.Link {
		link := *s.link
		scene.Link = &link
	}
	r, err := decide(scene)
	if err != nil || r == nil {
		return err
	}
	if act.Link != nil {
		s.link = nil
	}
	if r.Record.Account.Username != a.Account.Username && r.Retired != nil {
		s.retired[r.Retired.Username] = retired{owner: act.Target, until: r.Retired.BlockedUntil}
	}
	s.write(act.Target, a, r)
	return nil
}

// States answers what staff sees.
func (s *Store) States(_ context.Context, users []ids.UserID) ([]user.AccountState, error) {
	err := s.enter()
	defer s.mu.Unlock()
	var states []user.AccountState
	for _, id := range users {
		a, ok := s.accounts[id]
		if err != nil || !ok {
			continue
		}
		state := user.AccountState{
			Account: a.Account, Role: a.Role, SuspendedUntil: a.SuspendedUntil, HasPhone: !a.Phone.IsZero(),
		}
		for _, l := range s.live(id) {
			state.Sessions++
			state.LastUsedAt = max(state.LastUsedAt, l.LastUsedAt)
		}
		states = append(states, state)
	}
	return states, err
}

// RoleOf answers a role.
func (s *Store) RoleOf(_ context.Context, id ids.UserID) (user.Role, error) {
	err := s.enter()
	defer s.mu.Unlock()
	return s.accounts[id].Role, err
}

// HasOwner looks at all accounts.
func (s *Store) HasOwner(context.Context) (bool, error) {
	err := s.enter()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if err == nil && a.Role == user.Owner {
			return true, nil
		}
	}
	return false, err
}

// KeepLink keeps one link.
func (s *Store) KeepLink(_ context.Context, link user.Link, entry user.AuditEntry) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err == nil {
		s.link = &link
		s.audit = append(s.audit, entry)
	}
	return err
}

// Promote gives somebody a role, whatever it may.
func (s *Store) Promote(id ids.UserID, role user.Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[id]
	a.Role = role
	s.accounts[id] = a
}
