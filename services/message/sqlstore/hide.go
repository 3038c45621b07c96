// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
)

// Hide implements message.Hider.
func (s *Store) Hide(ctx context.Context, h message.Hiding) (message.Head, []message.Event, error) {
	var (
		head   message.Head
		events []message.Event
	)
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		c, err := lockConversation(ctx, tx, h.Conversation, h.User)
		if err != nil {
			return err
		}
		var n int64
		err = tx.Get(ctx, &n, "SELECT COUNT(*) FROM hidden WHERE conversation_id = ? AND user_id = ? AND seq = ?",
			h.Conversation, h.User, h.Seq)
		if err != nil {
			return fmt.Errorf("read hidden: %w", err)
		}
		var m message.Member
		if m, events, err = message.DecideHiding(c, n > 0, h); err != nil {
			return err
		}
		if err := writeHiding(ctx, tx, m, h, events); err != nil {
			return err
		}
		if m.Silent, m.Called, err = countFor(ctx, tx, c, m); err != nil {
			return err
		}
		head = message.HeadOf(c, m)
		return failpoint.Hit(failpoint.BeforeCommit)
	})
	if err != nil {
		return message.Head{}, nil, fmt.Errorf("hide message: %w", err)
	}
	if err := failpoint.Hit(failpoint.AfterCommit); err != nil {
		return message.Head{}, nil, fault.ErrUnavailable.Because(err)
	}
	return head, events, nil
}

// writeHiding writes nothing without an event. All intervals of the user carry the count, so that the
// newest one does.
func writeHiding(ctx context.Context, tx *sqldb.Tx, m message.Member, h message.Hiding, events []message.Event) error {
	if len(events) == 0 {
		return nil
	}
	err := execute(ctx, tx, "hide message", "INSERT INTO hidden (conversation_id, user_id, seq, rev) VALUES (?, ?, ?, ?)",
		h.Conversation, h.User, h.Seq, m.HiddenRev)
	if err != nil {
		return err
	}
	err = execute(ctx, tx, "count hidden", "UPDATE members SET hidden_rev = ?, changed_at = CASE WHEN changed_at < ? THEN ?"+
		" ELSE changed_at END WHERE conversation_id = ? AND user_id = ?", m.HiddenRev, h.At, h.At, h.Conversation, h.User)
	if err != nil {
		return err
	}
	return insertEvents(ctx, tx, events)
}

// Hidden implements message.Hider.
func (s *Store) Hidden(ctx context.Context, q message.HiddenQuery) ([]int64, error) {
	var seqs []int64
	err := s.db.Select(ctx, &seqs, "SELECT seq FROM hidden WHERE conversation_id = ? AND user_id = ? AND rev > ?"+
		" ORDER BY rev LIMIT ?", q.Conversation, q.User, q.After, q.Limit)
	if err != nil {
		return nil, fmt.Errorf("list hidden: %w", err)
	}
	return seqs, nil
}

// HiddenIn implements message.Hider.
func (s *Store) HiddenIn(ctx context.Context, user ids.UserID, stretches []message.Stretch) ([]int64, error) {
	var found []int64
	for chunk := range slices.Chunk(stretches, stretchesPerStatement) {
		const one = "(conversation_id = ? AND user_id = ? AND seq BETWEEN ? AND ?)"
		var (
			args []any
			seqs []int64
		)
		for _, stretch := range chunk {
			args = append(args, stretch.Conversation, user, stretch.From, stretch.To)
		}
		err := s.db.Select(ctx, &seqs, "SELECT seq FROM hidden WHERE "+one+strings.Repeat(" OR "+one, len(chunk)-1), args...)
		if err != nil {
			return nil, fmt.Errorf("read hidden: %w", err)
		}
		found = append(found, seqs...)
	}
	return found, nil
}

// lastShown reads backwards, past what is hidden at the end.
const lastShown = "SELECT %d AS item, COALESCE((SELECT m.seq FROM messages m WHERE m.conversation_id = ? AND m.seq BETWEEN ? AND ?" +
	" AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.conversation_id = m.conversation_id AND h.user_id = ? AND h.seq = m.seq)" +
	" ORDER BY m.seq DESC LIMIT 1), 0) AS seq"

// LastShown implements message.Hider.
func (s *Store) LastShown(ctx context.Context, user ids.UserID, stretches []message.Stretch) ([]int64, error) {
	last := make([]int64, 0, len(stretches))
	for chunk := range slices.Chunk(stretches, headsPerStatement) {
		var (
			selects = make([]string, len(chunk))
			args    []any
			rows    []struct {
				Item int   `db:"item"`
				Seq  int64 `db:"seq"`
			}
		)
		for i, stretch := range chunk {
			selects[i] = fmt.Sprintf(lastShown, i)
			args = append(args, stretch.Conversation, stretch.From, stretch.To, user)
		}
		if err := s.db.Select(ctx, &rows, strings.Join(selects, " UNION ALL "), args...); err != nil {
			return nil, fmt.Errorf("find last shown messages: %w", err)
		}
		found := make([]int64, len(chunk))
		for _, r := range rows {
			found[r.Item] = r.Seq
		}
		last = append(last, found...)
	}
	return last, nil
}
