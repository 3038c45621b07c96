// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
)

// membersPerStatement bounds what one statement names, for the parser of either database.
const membersPerStatement = 100

// place is one user in one group.
type place struct {
	Conversation ids.ConversationID
	User         ids.UserID
}

// selecter reads rows, inside a transaction or not.
type selecter interface {
	Select(ctx context.Context, dest any, query string, args ...any) error
}

// readMembers adds the intervals of some users to groups. Their rows need no lock of their own: whoever
// changes them holds the lock of the conversation.
func readMembers(ctx context.Context, db selecter, found []message.Conversation, places []place) error {
	byID := map[ids.ConversationID]*message.Conversation{}
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(a.Conversation.Compare(b.Conversation), a.User.Compare(b.User))
	})
	for chunk := range slices.Chunk(slices.Compact(places), membersPerStatement) {
		const one = "(m.conversation_id = ? AND m.user_id = ?)"
		var (
			args []any
			rows []struct {
				Conversation ids.ConversationID `db:"conversation_id"`
				memberRow
			}
		)
		for _, p := range chunk {
			args = append(args, p.Conversation, p.User)
		}
		err := db.Select(ctx, &rows, "SELECT m.conversation_id, "+memberColumns+" FROM members m WHERE "+one+
			strings.Repeat(" OR "+one, len(chunk)-1)+" ORDER BY m.conversation_id, m.user_id, m.joined_seq", args...)
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		for _, r := range rows {
			c := byID[r.Conversation]
			c.Members = append(c.Members, r.member())
		}
	}
	return nil
}

// Members implements message.Groups.
func (s *Store) Members(ctx context.Context, q message.MembersQuery) ([]message.Member, error) {
	var rows []memberRow
	err := s.db.Select(ctx, &rows, "SELECT "+memberColumns+" FROM members m WHERE m.conversation_id = ? AND m.user_id > ?"+
		" AND m.left_seq IS NULL ORDER BY m.user_id LIMIT ?", q.Conversation, q.After[:], q.Limit)
	if err != nil {
		return nil, fmt.Errorf("read page of members: %w", err)
	}
	members := make([]message.Member, len(rows))
	for i, r := range rows {
		members[i] = r.member()
	}
	return members, nil
}

// Audience implements message.Groups.
func (s *Store) Audience(ctx context.Context, q message.AudienceQuery) ([]ids.UserID, error) {
	var users []ids.UserID
	query := "SELECT m.user_id FROM members m WHERE m.conversation_id = ? AND m.joined_rev BETWEEN 1 AND ?" +
		" AND (m.left_rev IS NULL OR m.left_rev > ?)"
	args := []any{q.Conversation, q.MembersRev, q.MembersRev}
	if q.Seq > 0 {
		query += " AND (m.joined_seq <= ? OR EXISTS (SELECT 1 FROM members e WHERE e.conversation_id = m.conversation_id" +
			" AND e.user_id = m.user_id AND e.joined_seq <= ? AND e.left_seq >= ?))"
		args = append(args, q.Seq, q.Seq, q.Seq)
	}
	err := s.db.Select(ctx, &users, query+" ORDER BY m.user_id", args...)
	if err != nil {
		return nil, fmt.Errorf("read audience: %w", err)
	}
	return users, nil
}

// leftAt reads who left a group with a membership version.
func (s *Store) leftAt(ctx context.Context, id ids.ConversationID, membersRev int64) ([]message.Member, error) {
	var rows []memberRow
	err := s.db.Select(ctx, &rows, "SELECT "+memberColumns+" FROM members m WHERE m.conversation_id = ? AND m.left_rev = ?"+
		" ORDER BY m.user_id", id, membersRev)
	if err != nil {
		return nil, fmt.Errorf("read who left: %w", err)
	}
	var members []message.Member
	for _, r := range rows {
		members = append(members, r.member())
	}
	return members, nil
}

// CompanionsAmong goes from the groups of the user to the people by primary key. Who has left a group has
// no role in it, or an end.
func (s *Store) CompanionsAmong(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	if len(people) == 0 {
		return nil, nil
	}
	query, args := sqldb.In("SELECT DISTINCT m.user_id FROM members o JOIN members m ON m.conversation_id = o.conversation_id"+
		" WHERE "+ownGroup+" AND o.left_seq IS NULL AND m.user_id IN (?) AND m.user_id <> o.user_id AND m.left_seq IS NULL", user, people)
	var users []ids.UserID
	if err := s.db.Select(ctx, &users, query, args...); err != nil {
		return nil, fmt.Errorf("read companions: %w", err)
	}
	return users, nil
}
