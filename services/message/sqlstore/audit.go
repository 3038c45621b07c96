// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/audit/auditsql"
)

// Note implements message.AuditLog.
func (s *Store) Note(ctx context.Context, e audit.Entry) error {
	if err := auditsql.Note(ctx, s.db, e); err != nil {
		return fmt.Errorf("write audit entry: %w", err)
	}
	return nil
}

// Entries implements message.AuditLog.
func (s *Store) Entries(ctx context.Context, q audit.Query) ([]audit.Entry, error) {
	entries, err := auditsql.Entries(ctx, s.db, q)
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	return entries, nil
}
