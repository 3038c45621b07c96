// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"cmp"
	"context"
	"slices"

	"github.com/parley-chat/parley/services/user"
)

// Audited is the audit log, oldest first.
func (s *Store) Audited() []user.AuditEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.audit)
}

// Note appends.
func (s *Store) Note(_ context.Context, e user.AuditEntry) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err == nil {
		s.audit = append(s.audit, e)
	}
	return err
}

// Entries chooses from the log.
func (s *Store) Entries(_ context.Context, q user.AuditQuery) ([]user.AuditEntry, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var found []user.AuditEntry
	for _, e := range s.audit {
		if chosen(q, e) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b user.AuditEntry) int { return cmp.Or(cmp.Compare(b.At, a.At), b.ID.Compare(a.ID)) })
	return found[:min(len(found), q.Limit)], nil
}

func chosen(q user.AuditQuery, e user.AuditEntry) bool {
	switch {
	case !q.Actor.IsZero() && e.Actor != q.Actor, !q.Target.IsZero() && e.Target != q.Target:
		return false
	case q.Action != "" && e.Action != q.Action, e.At < q.From, q.Until > 0 && e.At >= q.Until:
		return false
	case q.After == user.AuditPlace{}:
		return true
	default:
		return e.At < q.After.At || e.At == q.After.At && e.ID.Compare(q.After.ID) < 0
	}
}
