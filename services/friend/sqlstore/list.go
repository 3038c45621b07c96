// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// friendshipRow is one side of a friendship.
type friendshipRow struct {
	FriendID       ids.UserID         `db:"friend_id"`
	Since          int64              `db:"since"`
	ConversationID ids.ConversationID `db:"conversation_id"` // NULL: not open yet
	Remark         string             `db:"remark"`
}

// The two sides of a request; each is a range of its own index.
const (
	incoming = "SELECT " + requestColumns + " FROM requests WHERE respondent_id = ? AND hidden = 0" + pendingBefore
	outgoing = "SELECT " + requestColumns + " FROM requests WHERE applicant_id = ?" + pendingBefore

	pendingBefore = " AND state = ? AND created_at > ? AND (created_at < ? OR (created_at = ? AND id < ?))" +
		" ORDER BY created_at DESC, id DESC LIMIT ?"
)

// Requests reads both sides, if both are asked for, and merges them.
func (s *Store) Requests(ctx context.Context, q friend.RequestQuery) ([]friend.Request, error) {
	queries := map[friend.Side][]string{
		friend.BothSides: {incoming, outgoing}, friend.Incoming: {incoming}, friend.Outgoing: {outgoing},
	}
	before := q.Before
	if before == (friend.Place{}) {
		before.At = 1<<63 - 1
	}
	var list []friend.Request
	for _, query := range queries[q.Side] {
		var rows []requestRow
		err := s.db.Select(ctx, &rows, query, q.User, int(friend.Pending), q.MadeAfter, before.At, before.At, before.ID[:], q.Limit)
		if err != nil {
			return nil, wrap("list requests", err)
		}
		list = append(list, requests(rows)...)
	}
	slices.SortFunc(list, func(a, b friend.Request) int {
		return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), bytes.Compare(b.ID[:], a.ID[:]))
	})
	return list[:min(len(list), q.Limit)], nil
}

// Friends reads a range of the index.
func (s *Store) Friends(ctx context.Context, q friend.ListQuery) ([]friend.Friendship, error) {
	var rows []friendshipRow
	err := s.db.Select(ctx, &rows, "SELECT friend_id, since, conversation_id, remark FROM friendships"+
		" WHERE user_id = ? AND since >= ? AND (since > ? OR (since = ? AND friend_id > ?))"+
		" ORDER BY since, friend_id LIMIT ?", q.User, q.After.At, q.After.At, q.After.At, q.After.ID[:], q.Limit)
	if err != nil {
		return nil, wrap("list friends", err)
	}
	list := make([]friend.Friendship, len(rows))
	for i, r := range rows {
		list[i] = friend.Friendship{FriendID: r.FriendID, Since: r.Since, ConversationID: r.ConversationID, Remark: r.Remark}
	}
	return list, nil
}

// FriendIDs reads a range of the primary key.
func (s *Store) FriendIDs(ctx context.Context, user ids.UserID) ([]ids.UserID, error) {
	var list []ids.UserID
	err := s.db.Select(ctx, &list, "SELECT friend_id FROM friendships WHERE user_id = ?", user)
	return list, wrap("list friend ids", err)
}

// FriendsAmong looks each up by primary key.
func (s *Store) FriendsAmong(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	if len(people) == 0 {
		return nil, nil
	}
	query, args := sqldb.In("SELECT friend_id FROM friendships WHERE user_id = ? AND friend_id IN (?)", user, people)
	var list []ids.UserID
	err := s.db.Select(ctx, &list, query, args...)
	return list, wrap("look for friends", err)
}
