// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// blockRow is one block of a known owner.
type blockRow struct {
	BlockedID ids.UserID `db:"blocked_id"`
	Since     int64      `db:"since"`
}

// Blocked reads a range of the index.
func (s *Store) Blocked(ctx context.Context, q friend.ListQuery) ([]friend.Block, error) {
	var rows []blockRow
	err := s.db.Select(ctx, &rows, "SELECT blocked_id, since FROM blocks"+
		" WHERE owner_id = ? AND since >= ? AND (since > ? OR (since = ? AND blocked_id > ?))"+
		" ORDER BY since, blocked_id LIMIT ?", q.User, q.After.At, q.After.At, q.After.At, q.After.ID[:], q.Limit)
	if err != nil {
		return nil, wrap("list blocks", err)
	}
	list := make([]friend.Block, len(rows))
	for i, r := range rows {
		list[i] = friend.Block{Owner: q.User, Blocked: r.BlockedID, Since: r.Since}
	}
	return list, nil
}

// BlockedAmong looks each up by primary key, in both directions.
func (s *Store) BlockedAmong(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	if len(people) == 0 {
		return nil, nil
	}
	var mine, theirs []ids.UserID
	query, args := sqldb.In("SELECT blocked_id FROM blocks WHERE owner_id = ? AND blocked_id IN (?)", user, people)
	if err := s.db.Select(ctx, &mine, query, args...); err != nil {
		return nil, wrap("look for blocks", err)
	}
	query, args = sqldb.In("SELECT owner_id FROM blocks WHERE blocked_id = ? AND owner_id IN (?)", user, people)
	err := s.db.Select(ctx, &theirs, query, args...)
	return append(mine, theirs...), wrap("look for blocks", err)
}

// readBlocks tells who of the pair blocks the other.
func readBlocks(ctx context.Context, tx *sqldb.Tx, q friend.Query, snapshot *friend.Snapshot) error {
	var owners []ids.UserID
	err := tx.Select(ctx, &owners, "SELECT owner_id FROM blocks"+
		" WHERE (owner_id = ? AND blocked_id = ?) OR (owner_id = ? AND blocked_id = ?)",
		q.Pair.Low, q.Pair.High, q.Pair.High, q.Pair.Low)
	for _, owner := range owners {
		if owner == q.Pair.Low {
			snapshot.BlockedByLow = true
		} else {
			snapshot.BlockedByHigh = true
		}
	}
	return err
}

// readOwner reads what one of the pair keeps about the other.
func readOwner(ctx context.Context, tx *sqldb.Tx, q friend.Query, snapshot *friend.Snapshot) error {
	other := q.Pair.Low
	if q.Owner == other {
		other = q.Pair.High
	}
	var remarks []string
	err := tx.Select(ctx, &remarks, "SELECT remark FROM friendships WHERE user_id = ? AND friend_id = ?", q.Owner, other)
	if err != nil {
		return err
	}
	if len(remarks) > 0 {
		snapshot.Remark = remarks[0]
	}
	if !q.Count {
		return nil
	}
	return tx.Get(ctx, &snapshot.Blocks, "SELECT COUNT(*) FROM blocks WHERE owner_id = ?", q.Owner)
}

// writeKept writes what one of the pair keeps about the other.
func writeKept(ctx context.Context, tx *sqldb.Tx, c friend.Change) error {
	if b := c.Block; b != nil {
		_, err := tx.Exec(ctx, "INSERT INTO blocks (owner_id, blocked_id, since) VALUES (?, ?, ?)", b.Owner, b.Blocked, b.Since)
		if err != nil {
			return err
		}
	}
	if b := c.Unblock; b != nil {
		if _, err := tx.Exec(ctx, "DELETE FROM blocks WHERE owner_id = ? AND blocked_id = ?", b.Owner, b.Blocked); err != nil {
			return err
		}
	}
	if r := c.Remark; r != nil {
		_, err := tx.Exec(ctx, "UPDATE friendships SET remark = ? WHERE user_id = ? AND friend_id = ?",
			[]byte(r.Text), r.Owner, r.Friend)
		return err
	}
	return nil
}
