// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// lock takes the relation first and then the people, in the order of their ids. Rows that are not there
// are made: a lock on a gap would not keep a second transaction out.
func lock(ctx context.Context, tx *sqldb.Tx, q friend.Query) error {
	columns := []string{"low_id", "high_id", "version", "friends", "since", "pending_since"}
	_, err := tx.Exec(ctx, tx.Dialect().Upsert("relations", columns, columns[:2], nil, 1), q.Pair.Low, q.Pair.High, 0, 0, 0, 0)
	if err != nil {
		return err
	}
	var version int64
	err = tx.Get(ctx, &version, "SELECT version FROM relations WHERE low_id = ? AND high_id = ?"+tx.Dialect().ForUpdate(),
		q.Pair.Low, q.Pair.High)
	if err != nil || !q.Count {
		return err
	}
	key := []string{"user_id"}
	for _, id := range q.Pair.Users() {
		if _, err := tx.Exec(ctx, tx.Dialect().Upsert("people", key, key, nil, 1), id); err != nil {
			return err
		}
		var locked ids.UserID
		err := tx.Get(ctx, &locked, "SELECT user_id FROM people WHERE user_id = ?"+tx.Dialect().ForUpdate(), id)
		if err != nil {
			return err
		}
	}
	return nil
}

// read runs after lock, so that it sees what the transactions before it wrote.
func read(ctx context.Context, tx *sqldb.Tx, q friend.Query) (friend.Snapshot, error) {
	var snapshot friend.Snapshot
	var relation relationRow
	err := tx.Get(ctx, &relation, "SELECT "+relationColumns+" FROM relations WHERE low_id = ? AND high_id = ?",
		q.Pair.Low, q.Pair.High)
	if err != nil {
		return snapshot, err
	}
	snapshot.Relation = relation.relation()
	if snapshot.Requests, err = pairRequests(ctx, tx, q); err != nil {
		return snapshot, err
	}
	if err := readBlocks(ctx, tx, q, &snapshot); err != nil {
		return snapshot, err
	}
	if !q.Owner.IsZero() {
		if err := readOwner(ctx, tx, q, &snapshot); err != nil {
			return snapshot, err
		}
	}
	if !q.Key.IsZero() {
		var rows []requestRow
		err := tx.Select(ctx, &rows, "SELECT "+requestColumns+" FROM requests WHERE applicant_id = ? AND idempotency_key = ?",
			q.Applicant, q.Key)
		if err != nil {
			return snapshot, err
		}
		if len(rows) > 0 {
			keyed := rows[0].request()
			snapshot.Keyed = &keyed
		}
	}
	if q.Count {
		err = count(ctx, tx, q, &snapshot)
	}
	return snapshot, err
}

func pairRequests(ctx context.Context, tx *sqldb.Tx, q friend.Query) ([]friend.Request, error) {
	var rows []requestRow
	refusedSince := q.RefusedSince
	if refusedSince == 0 {
		refusedSince = 1<<63 - 1 // none were asked for
	}
	// Each direction is a range of one index; an OR over both would be a scan.
	for _, way := range [][2]ids.UserID{{q.Pair.Low, q.Pair.High}, {q.Pair.High, q.Pair.Low}} {
		var some []requestRow
		err := tx.Select(ctx, &some, "SELECT "+requestColumns+" FROM requests WHERE applicant_id = ? AND respondent_id = ?"+
			" AND (state = ? OR (state = ? AND decided_at >= ?) OR id = ?)",
			way[0], way[1], int(friend.Pending), int(friend.Refused), refusedSince, q.Request[:])
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	return requests(rows), nil
}

func count(ctx context.Context, tx *sqldb.Tx, q friend.Query, snapshot *friend.Snapshot) error {
	const friends = "SELECT COUNT(*) FROM friendships WHERE user_id = ?"
	if err := tx.Get(ctx, &snapshot.FriendsOfLow, friends, q.Pair.Low); err != nil {
		return err
	}
	if err := tx.Get(ctx, &snapshot.FriendsOfHigh, friends, q.Pair.High); err != nil {
		return err
	}
	return tx.Get(ctx, &snapshot.OutgoingPending, "SELECT COUNT(*) FROM requests"+
		" WHERE applicant_id = ? AND state = ? AND created_at > ?", q.Applicant[:], int(friend.Pending), q.MadeAfter)
}

func (s *Store) write(ctx context.Context, tx *sqldb.Tx, c friend.Change) error {
	if c.Relation != nil {
		if err := writeRelation(ctx, tx, *c.Relation); err != nil {
			return err
		}
	}
	for _, r := range c.Decided {
		_, err := tx.Exec(ctx, "UPDATE requests SET state = ?, decided_at = ?, hidden = ? WHERE id = ?",
			int(r.State), r.DecidedAt, r.Hidden, r.ID)
		if err != nil {
			return err
		}
	}
	if err := writeKept(ctx, tx, c); err != nil {
		return err
	}
	if c.Insert != nil {
		if err := insert(ctx, tx, *c.Insert); err != nil {
			return err
		}
	}
	rows := make([]outbox.Row, len(c.Events))
	for i, e := range c.Events {
		row, err := s.encode(e)
		if err != nil {
			return err
		}
		rows[i] = row
	}
	return outbox.Insert(ctx, tx, rows...)
}

// writeRelation writes the relation and what follows from it for both sides.
func writeRelation(ctx context.Context, tx *sqldb.Tx, r friend.Relation) error {
	_, err := tx.Exec(ctx, "UPDATE relations SET version = ?, friends = ?, since = ?, pending_since = ?"+
		" WHERE low_id = ? AND high_id = ?", r.Version, r.Friends, r.Since, r.PendingSince, r.Pair.Low, r.Pair.High)
	if err != nil {
		return err
	}
	for _, way := range [][2]ids.UserID{{r.Pair.Low, r.Pair.High}, {r.Pair.High, r.Pair.Low}} {
		if r.Friends {
			_, err = tx.Exec(ctx, "INSERT INTO friendships (user_id, friend_id, since) VALUES (?, ?, ?)", way[0], way[1], r.Since)
		} else {
			_, err = tx.Exec(ctx, "DELETE FROM friendships WHERE user_id = ? AND friend_id = ?", way[0], way[1])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// insert meets a duplicate only if the key was used for somebody else at this moment: requests of one
// pair come one after the other.
func insert(ctx context.Context, tx *sqldb.Tx, r friend.Request) error {
	_, err := tx.Exec(ctx, "INSERT INTO requests ("+requestColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		r.ID, r.Applicant, r.Respondent, []byte(r.Text), int(r.State), r.CreatedAt, r.DecidedAt, r.Key, r.Hidden)
	if dialect.IsDuplicate(err) {
		return friend.ErrKeyReused
	}
	return err
}
