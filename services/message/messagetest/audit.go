// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"cmp"
	"context"
	"slices"

	"github.com/parley-chat/parley/services/internal/audit"
)

// Note implements message.AuditLog.
func (s *Store) Note(_ context.Context, e audit.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audit = append(s.audit, e)
	return nil
}

// Entries implements message.AuditLog.
func (s *Store) Entries(_ context.Context, q audit.Query) ([]audit.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := slices.DeleteFunc(slices.Clone(s.audit), func(e audit.Entry) bool {
		past := q.After != (audit.Place{}) && (e.At > q.After.At || e.At == q.After.At && e.ID.Compare(q.After.ID) >= 0)
		return past || !q.Actor.IsZero() && e.Actor != q.Actor || !q.Target.IsZero() && e.Target != q.Target ||
			q.Action != "" && e.Action != q.Action || e.At < q.From || q.Until > 0 && e.At >= q.Until
	})
	slices.SortFunc(found, func(a, b audit.Entry) int { return cmp.Or(cmp.Compare(b.At, a.At), b.ID.Compare(a.ID)) })
	return found[:min(len(found), q.Limit)], nil
}
