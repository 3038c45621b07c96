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

// headsPerStatement bounds how many users one statement asks for, each by two selects; SQLite joins at
// most 500.
const headsPerStatement = 100

// Conversation implements message.Reader.
func (s *Store) Conversation(ctx context.Context, id ids.ConversationID, viewer ids.UserID) (message.Conversation, error) {
	found, err := s.conversations(ctx, []ids.ConversationID{id})
	if err != nil {
		return message.Conversation{}, err
	}
	if len(found) == 0 {
		return message.Conversation{}, message.ErrNotFound
	}
	if found[0].Kind == message.Group {
		err = readMembers(ctx, s.db, found, []place{{id, viewer}})
	}
	return found[0], err
}

func (s *Store) conversations(ctx context.Context, list []ids.ConversationID) ([]message.Conversation, error) {
	var rows []conversationRow
	query, args := inIDs(withMembers+" WHERE c.id IN (?)"+byConversation, list)
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read conversations: %w", err)
	}
	return conversations(rows), nil
}

// Rows of a user. Those of direct conversations repeat when the conversation was active, and an index has
// them in that order. Those of groups have 0 there while the user is a member, so that nothing is written
// for ten thousand people when one of them says something; how active these are stands in the
// conversation only, so all groups of the user are looked at.
const (
	ownDirect = "o.user_id = ? AND o.active_at > 0 AND o.left_seq IS NULL"
	ownGroup  = "o.user_id = ? AND o.role > 0"
	// groupActive is when a group was active for the user, up to their leaving.
	groupActive = "CASE WHEN o.left_seq IS NULL THEN g.active_at ELSE o.active_at END"
)

// Conversations implements message.Reader. Each half of the page is cut and read in one statement, so that
// no conversation moves between the two.
func (s *Store) Conversations(ctx context.Context, q message.PageQuery) ([]message.Conversation, error) {
	below, args := before("o.active_at", q.Before)
	args = append(append([]any{q.User}, args...), q.Limit)
	var rows []conversationRow
	err := s.db.Select(ctx, &rows, "SELECT "+conversationColumns+
		" FROM (SELECT o.conversation_id FROM members o WHERE "+ownDirect+below+
		" ORDER BY o.active_at DESC, o.conversation_id DESC LIMIT ?) AS p"+
		" JOIN conversations c ON c.id = p.conversation_id"+memberRows+byConversation, args...)
	if err != nil {
		return nil, fmt.Errorf("read page of conversations: %w", err)
	}
	groups, err := s.groups(ctx, q)
	if err != nil {
		return nil, err
	}
	found := append(conversations(rows), groups...)
	slices.SortFunc(found, func(a, b message.Conversation) int {
		return cmp.Or(cmp.Compare(b.ActiveAt, a.ActiveAt), b.ID.Compare(a.ID))
	})
	return found[:min(len(found), q.Limit)], nil
}

// groups reads the groups of a page, each with the newest interval of the user.
func (s *Store) groups(ctx context.Context, q message.PageQuery) ([]message.Conversation, error) {
	below, args := before(groupActive, q.Before)
	if !q.Left {
		below = " AND o.left_seq IS NULL" + below
	}
	args = append(append([]any{q.User}, args...), q.Limit, q.User)
	var rows []conversationRow
	err := s.db.Select(ctx, &rows, "SELECT "+conversationColumns+
		" FROM (SELECT o.conversation_id, o.joined_seq FROM members o JOIN conversations g ON g.id = o.conversation_id"+
		" WHERE "+ownGroup+below+" ORDER BY "+groupActive+" DESC, o.conversation_id DESC LIMIT ?) AS p"+
		" JOIN conversations c ON c.id = p.conversation_id JOIN members m ON m.conversation_id = p.conversation_id"+
		" AND m.user_id = ? AND m.joined_seq = p.joined_seq"+byConversation, args...)
	if err != nil {
		return nil, fmt.Errorf("read page of groups: %w", err)
	}
	found := conversations(rows)
	for i, c := range found {
		found[i] = c.SeenBy(q.User)
	}
	return found, nil
}

// before is the condition for rows after a position. Its first half lets both databases seek.
func before(active string, p *message.Position) (string, []any) {
	if p == nil {
		return "", nil
	}
	return " AND " + active + " <= ? AND (" + active + " < ? OR o.conversation_id < ?)", []any{p.ActiveAt, p.ActiveAt, p.ID}
}

type headRow struct {
	Item int `db:"item"`
	conversationRow
	Silent int64 `db:"silent"`
	Called int64 `db:"called"`
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
		selects []string
		args    []any
		rows    []headRow
	)
	for i, q := range queries {
		below, position := before("o.active_at", q.Before)
		selects = append(selects, fmt.Sprintf(headsOfDirect, i, below, i))
		args = append(append(append(args, q.User, q.Since), position...), q.Limit)
		below, position = before(groupActive, q.Before)
		selects = append(selects, fmt.Sprintf(headsOfGroups, i, below, i))
		args = append(append(append(args, q.User, q.Since, q.Since), position...), q.Limit)
	}
	if err := s.db.Select(ctx, &rows, strings.Join(selects, " UNION ALL "), args...); err != nil {
		return nil, fmt.Errorf("read heads: %w", err)
	}
	lists := make([][]message.MovedHead, len(queries))
	for _, r := range rows {
		c, m := r.conversation(), r.member()
		m.Silent, m.Called = r.Silent, r.Called
		lists[r.Item] = append(lists[r.Item], message.MovedHead{Head: message.HeadOf(c, m), ActiveAt: r.ActiveAt})
	}
	for i, list := range lists { // a union promises no order
		slices.SortFunc(list, func(a, b message.MovedHead) int {
			return cmp.Or(cmp.Compare(b.ActiveAt, a.ActiveAt), b.Conversation.Compare(a.Conversation))
		})
		lists[i] = list[:min(len(list), queries[i].Limit)]
	}
	return lists, nil
}

// headsOfDirect and headsOfGroups read the moved heads of one user. A group has moved when something was
// said or changed in it, and for one user alone when they have read or left.
const (
	headOfMember = "SELECT * FROM (SELECT %d AS item, g.id, g.kind, g.seq, g.rev, g.members_rev, o.joined_seq, o.left_seq, o.left_rev, o.read_seq, o.hidden_rev, " +
		silentAbove + " AS silent, " + calledAbove + " AS called, "
	headsOfDirect = headOfMember + "o.active_at FROM members o JOIN conversations g ON g.id = o.conversation_id" +
		" WHERE " + ownDirect + " AND o.changed_at >= ?%s ORDER BY o.active_at DESC, o.conversation_id DESC LIMIT ?) AS d%d"
	headsOfGroups = headOfMember + groupActive + " AS active_at FROM members o JOIN conversations g ON g.id = o.conversation_id" +
		" WHERE " + ownGroup + " AND (o.changed_at >= ? OR o.left_seq IS NULL AND g.changed_at >= ?)%s" +
		" ORDER BY " + groupActive + " DESC, o.conversation_id DESC LIMIT ?) AS g%d"
)
