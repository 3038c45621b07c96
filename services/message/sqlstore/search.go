// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// Readable implements message.Searches. It reads rows of members alone; what was never opened is offered by
// no index.
func (s *Store) Readable(ctx context.Context, user ids.UserID, limit int) ([]ids.ConversationID, error) {
	var list []ids.ConversationID
	err := s.db.Select(ctx, &list, "SELECT conversation_id FROM members WHERE user_id = ?"+
		" GROUP BY conversation_id ORDER BY MAX(changed_at) DESC LIMIT ?", user, limit)
	if err != nil {
		return nil, fmt.Errorf("list readable conversations: %w", err)
	}
	return list, nil
}

// Scan implements message.Searches, along the primary key.
func (s *Store) Scan(ctx context.Context, after message.Place, limit int) ([]message.Message, error) {
	var rows []messageRow
	first := after.Conversation[:] // all zero before the first
	err := s.db.Select(ctx, &rows, "SELECT "+messageColumns+" FROM messages WHERE conversation_id >= ?"+
		" AND (conversation_id > ? OR seq > ?) ORDER BY conversation_id, seq LIMIT ?",
		first, first, after.Seq, limit)
	if err != nil {
		return nil, fmt.Errorf("scan messages: %w", err)
	}
	return messages(rows)
}

// CountAfter counts the messages after a place; it reads the whole primary key from there on.
func (s *Store) CountAfter(ctx context.Context, after message.Place) (n int64, err error) {
	first := after.Conversation[:]
	err = s.db.Get(ctx, &n, "SELECT COUNT(*) FROM messages WHERE conversation_id >= ? AND (conversation_id > ? OR seq > ?)",
		first, first, after.Seq)
	if err != nil {
		return 0, fmt.Errorf("count messages: %w", err)
	}
	return n, nil
}
