// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"

	"github.com/parley-chat/parley/services/internal/audit/auditsql"
	"github.com/parley-chat/parley/services/user"
)

// Note is a transaction with one statement.
func (s *Store) Note(ctx context.Context, e user.AuditEntry) error {
	return wrap("write audit entry", auditsql.Note(ctx, s.db, e))
}

// Entries reads one of the indexes of the log from its end.
func (s *Store) Entries(ctx context.Context, q user.AuditQuery) ([]user.AuditEntry, error) {
	entries, err := auditsql.Entries(ctx, s.db, q)
	return entries, wrap("read audit log", err)
}
