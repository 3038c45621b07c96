// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
)

// readReacted tells whether a user has given a reaction already, for a change that is one.
func readReacted(ctx context.Context, tx *sqldb.Tx, ch *message.Change) error {
	if ch.Kind != message.Reacting {
		return nil
	}
	var n int64
	err := tx.Get(ctx, &n, "SELECT COUNT(*) FROM reactions WHERE conversation_id = ? AND seq = ? AND emoji = ? AND user_id = ?",
		ch.Conversation, ch.Seq, []byte(ch.Emoji), ch.By)
	if err != nil {
		return fmt.Errorf("read reaction: %w", err)
	}
	ch.Reacted = n > 0
	return nil
}

// writeReaction keeps who gave which reaction: one of each emoji and person.
func writeReaction(ctx context.Context, tx *sqldb.Tx, before message.Message, ch message.Change) error {
	key := []any{ch.Conversation, ch.Seq, []byte(ch.Emoji), ch.By}
	switch {
	case (ch.Kind == message.Recalling || ch.Kind == message.Removing) && before.Reactions != "":
		return execute(ctx, tx, "drop reactions", "DELETE FROM reactions WHERE conversation_id = ? AND seq = ?", ch.Conversation, ch.Seq)
	case ch.Kind != message.Reacting:
		return nil
	case ch.Remove:
		return execute(ctx, tx, "drop reaction", "DELETE FROM reactions WHERE conversation_id = ? AND seq = ? AND emoji = ? AND user_id = ?", key...)
	}
	return execute(ctx, tx, "keep reaction", "INSERT INTO reactions (conversation_id, seq, emoji, user_id) VALUES (?, ?, ?, ?)", key...)
}
