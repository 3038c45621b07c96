// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/message"
)

// stretchesPerStatement keeps statements short for the parser of either database.
const stretchesPerStatement = 200

// Messages implements message.Reader. Stretches are ranges of the primary key: no row is read that is
// not returned.
func (s *Store) Messages(ctx context.Context, stretches []message.Stretch) ([]message.Message, error) {
	sorted := slices.Clone(stretches)
	slices.SortFunc(sorted, func(a, b message.Stretch) int {
		if order := a.Conversation.Compare(b.Conversation); order != 0 {
			return order
		}
		return int(min(max(a.From-b.From, -1), 1))
	})
	var found []message.Message
	for chunk := range slices.Chunk(sorted, stretchesPerStatement) {
		args := make([]any, 0, 3*len(chunk))
		for _, stretch := range chunk {
			args = append(args, stretch.Conversation, stretch.From, stretch.To)
		}
		const one = "(conversation_id = ? AND seq BETWEEN ? AND ?)"
		var rows []messageRow
		err := s.db.Select(ctx, &rows, "SELECT "+messageColumns+" FROM messages WHERE "+one+
			strings.Repeat(" OR "+one, len(chunk)-1)+" ORDER BY conversation_id, seq", args...)
		if err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		read, err := messages(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, read...)
	}
	return found, nil
}

// SeqByTime implements message.Reader.
func (s *Store) SeqByTime(ctx context.Context, q message.TimeQuery) (seq int64, ok bool, err error) {
	const from = "SELECT seq FROM messages WHERE conversation_id = ? AND sent_at "
	query := from + ">= ? AND seq BETWEEN ? AND ? ORDER BY sent_at, seq LIMIT 1"
	if q.Edge == message.LastUntil {
		query = from + "<= ? AND seq BETWEEN ? AND ? ORDER BY sent_at DESC, seq DESC LIMIT 1"
	}
	err = s.db.Get(ctx, &seq, query, q.Conversation, q.Time, q.From, q.To)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("find message by time: %w", err)
	}
	return seq, true, nil
}
