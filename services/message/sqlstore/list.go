// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// headsPerStatement bounds how many users one statement asks for; SQLite joins at most 500 selects.
const headsPerStatement = 100

// Conversation implements message.Reader.
func (s *Store) Conversation(ctx context.Context, id ids.ConversationID) (message.Conversation, error) {
	found, err := s.conversations(ctx, []ids.ConversationID{id})
	if err != nil {
		return message.Conversation{}, err
	}
	if len(found) == 0 {
		return message.Conversation{}, message.ErrNotFound
	}
	return found[0], nil
}

func (s *Store) conversations(ctx context.Context, list []ids.ConversationID) ([]message.Conversation, error) {
	var rows []conversationRow
	query, args := inIDs(withMembers+" WHERE c.id IN (?)"+byConversation, list)
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read conversations: %w", err)
	}
	return conversations(rows), nil
}

// Conversations implements message.Reader. The page is cut on the index of the user's rows and read in
// the same statement, so that no conversation moves between the two.
func (s *Store) Conversations(ctx context.Context, q message.PageQuery) ([]message.Conversation, error) {
	below, args := before(q.Before)
	args = append(append([]any{q.User}, args...), q.Limit)
	var rows []conversationRow
	err := s.db.Select(ctx, &rows, "SELECT "+conversationColumns+
		" FROM (SELECT o.conversation_id FROM members o WHERE o.user_id = ? AND o.left_seq IS NULL"+below+
		" ORDER BY o.active_at DESC, o.conversation_id DESC LIMIT ?) AS p"+
		" JOIN conversations c ON c.id = p.conversation_id"+memberRows+byConversation, args...)
	if err != nil {
		return nil, fmt.Errorf("read page of conversations: %w", err)
	}
	found := conversations(rows)
	slices.SortFunc(found, func(a, b message.Conversation) int {
		return cmp.Or(cmp.Compare(b.ActiveAt, a.ActiveAt), b.ID.Compare(a.ID))
	})
	return found, nil
}

// before is the condition for rows after a position. Its first half lets both databases seek.
func before(p *message.Position) (string, []any) {
	if p == nil {
		return "", nil
	}
	return " AND o.active_at <= ? AND (o.active_at < ? OR o.conversation_id < ?)", []any{p.ActiveAt, p.ActiveAt, p.ID}
}

type headRow struct {
	Item       int                `db:"item"`
	ID         ids.ConversationID `db:"id"`
	Seq        int64              `db:"seq"`
	Rev        int64              `db:"rev"`
	MembersRev int64              `db:"members_rev"`
	JoinedSeq  int64              `db:"joined_seq"`
	ReadSeq    int64              `db:"read_seq"`
	ActiveAt   int64              `db:"active_at"`
	Silent     int64              `db:"silent"`
}

// Heads implements message.Reader: one statement for a hundred users.
func (s *Store) Heads(ctx context.Context, queries []message.HeadsQuery) ([][]message.MovedHead, error) {
	lists := make([][]message.MovedHead, 0, len(queries))
	for chunk := range slices.Chunk(queries, headsPerStatement) {
		found, err := s.heads(ctx, chunk)
		if err != nil {
			return nil, err
		}
		lists = append(lists, found...)
	}
	return lists, nil
}

func (s *Store) heads(ctx context.Context, queries []message.HeadsQuery) ([][]message.MovedHead, error) {
	var (
		selects = make([]string, len(queries))
		args    []any
		rows    []headRow
	)
	for i, q := range queries {
		below, position := before(q.Before)
		selects[i] = fmt.Sprintf("SELECT * FROM (SELECT %d AS item, c.id, c.seq, c.rev, c.members_rev, o.joined_seq,"+
			" o.read_seq, o.active_at, "+silentAbove+" AS silent FROM members o JOIN conversations c ON c.id = o.conversation_id"+
			" WHERE o.user_id = ? AND o.changed_at >= ? AND o.left_seq IS NULL%s"+
			" ORDER BY o.active_at DESC, o.conversation_id DESC LIMIT ?) AS q%d", i, below, i)
		args = append(append(append(args, q.User, q.Since), position...), q.Limit)
	}
	if err := s.db.Select(ctx, &rows, strings.Join(selects, " UNION ALL "), args...); err != nil {
		return nil, fmt.Errorf("read heads: %w", err)
	}
	lists := make([][]message.MovedHead, len(queries))
	for _, r := range rows {
		c := message.Conversation{ID: r.ID, Seq: r.Seq, Rev: r.Rev, MembersRev: r.MembersRev}
		m := message.Member{JoinedSeq: r.JoinedSeq, ReadSeq: r.ReadSeq, Silent: r.Silent}
		lists[r.Item] = append(lists[r.Item], message.MovedHead{Head: message.HeadOf(c, m), ActiveAt: r.ActiveAt})
	}
	for _, list := range lists { // a union promises no order
		slices.SortFunc(list, func(a, b message.MovedHead) int {
			return cmp.Or(cmp.Compare(b.ActiveAt, a.ActiveAt), b.Conversation.Compare(a.Conversation))
		})
	}
	return lists, nil
}
