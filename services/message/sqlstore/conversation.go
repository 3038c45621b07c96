// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
)

// relateTries bounds the first calls of a pair that meet: the loser's second try finds the row.
const relateTries = 3

// errPairRaced says that another transaction has just made the conversation of the pair.
var errPairRaced = errors.New("the pair got its conversation from another transaction")

// Relate implements message.Writer.
func (s *Store) Relate(ctx context.Context, r message.Relation) (ids.ConversationID, []message.Event, error) {
	var (
		change message.RelationChange
		err    error
	)
	for range relateTries {
		err = s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
			var err error
			change, err = relate(ctx, tx, r)
			return err
		})
		if !errors.Is(err, errPairRaced) {
			break
		}
	}
	if errors.Is(err, errPairRaced) {
		err = fault.ErrUnavailable.Because(err)
	}
	if err != nil {
		return ids.ConversationID{}, nil, fmt.Errorf("relate pair: %w", err)
	}
	if err := failpoint.Hit(failpoint.AfterCommit); err != nil {
		return ids.ConversationID{}, nil, fault.ErrUnavailable.Because(err)
	}
	return change.Conversation.ID, change.Events, nil
}

func relate(ctx context.Context, tx *sqldb.Tx, r message.Relation) (message.RelationChange, error) {
	var rows []conversationRow
	err := tx.Select(ctx, &rows, withMembers+" WHERE c.pair_key = ?"+byConversation+tx.Dialect().ForUpdate(), r.Pair.Key())
	if err != nil {
		return message.RelationChange{}, fmt.Errorf("lock pair: %w", err)
	}
	var current *message.Conversation
	if found := conversations(rows); len(found) > 0 {
		current = &found[0]
	}
	change := message.DecideRelation(current, r)
	if err := writeRelation(ctx, tx, r, change); err != nil {
		return change, err
	}
	return change, failpoint.Hit(failpoint.BeforeCommit)
}

func writeRelation(ctx context.Context, tx *sqldb.Tx, r message.Relation, change message.RelationChange) error {
	var err error
	switch {
	case change.Insert:
		err = insertConversation(ctx, tx, r.Pair, change.Conversation)
	case change.Update:
		err = updateConversation(ctx, tx, change.Conversation)
	}
	if err != nil || len(change.Events) == 0 {
		return err
	}
	if change.Join {
		err = insertMembers(ctx, tx, change.Conversation, r.At)
	} else {
		err = execute(ctx, tx, "move members", "UPDATE members SET active_at = ?, changed_at = ?"+
			" WHERE conversation_id = ? AND left_seq IS NULL", change.Conversation.ActiveAt, r.At, change.Conversation.ID)
	}
	if err != nil {
		return err
	}
	return insertEvents(ctx, tx, change.Events)
}

func insertConversation(ctx context.Context, tx *sqldb.Tx, pair message.Pair, c message.Conversation) error {
	err := execute(ctx, tx, "insert conversation", "INSERT INTO conversations (id, kind, state, pair_key, relation_version,"+
		" seq, rev, members_rev, created_at, active_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		c.ID, int32(c.Kind), int32(c.State), pair.Key(), c.RelationVersion, c.Seq, c.Rev, c.MembersRev, c.CreatedAt, c.ActiveAt)
	if dialect.IsDuplicate(err) {
		return errors.Join(errPairRaced, err)
	}
	return err
}

func updateConversation(ctx context.Context, tx *sqldb.Tx, c message.Conversation) error {
	return execute(ctx, tx, "update conversation", "UPDATE conversations SET state = ?, relation_version = ?, members_rev = ?,"+
		" created_at = ?, active_at = ? WHERE id = ?",
		int32(c.State), c.RelationVersion, c.MembersRev, c.CreatedAt, c.ActiveAt, c.ID)
}

func insertMembers(ctx context.Context, tx *sqldb.Tx, c message.Conversation, now int64) error {
	columns := []string{"conversation_id", "user_id", "joined_seq", "read_seq", "active_at", "changed_at"}
	var args []any
	for _, m := range c.Members {
		args = append(args, c.ID, m.UserID, m.JoinedSeq, m.ReadSeq, c.ActiveAt, now)
	}
	key := columns[:3]
	return execute(ctx, tx, "insert members", tx.Dialect().Upsert("members", columns, key, nil, len(c.Members)), args...)
}

// MarkRead implements message.Writer.
func (s *Store) MarkRead(ctx context.Context, r message.Reading) (message.Head, []message.Event, error) {
	var (
		head   message.Head
		events []message.Event
	)
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		c, err := lockConversation(ctx, tx, r.Conversation, r.User)
		if err != nil {
			return err
		}
		var m message.Member
		if m, events, err = message.DecideReading(c, r); err != nil {
			return err
		}
		if m.Silent, m.Called, err = countFor(ctx, tx, c, m); err != nil {
			return err
		}
		head = message.HeadOf(c, m)
		if len(events) == 0 {
			return nil
		}
		err = execute(ctx, tx, "move marker", "UPDATE members SET read_seq = ?, shown_seq = ?, changed_at = ?"+
			" WHERE conversation_id = ? AND user_id = ? AND joined_seq = ?", m.ReadSeq, m.ShownSeq, r.At, c.ID, m.UserID, m.JoinedSeq)
		if err != nil {
			return err
		}
		return insertEvents(ctx, tx, events)
	})
	if err != nil {
		return message.Head{}, nil, fmt.Errorf("mark read: %w", err)
	}
	return head, events, nil
}

// lockConversation locks one and reads its members, of a group the intervals of some users.
func lockConversation(ctx context.Context, tx *sqldb.Tx, id ids.ConversationID, users ...ids.UserID) (message.Conversation, error) {
	var rows []conversationRow
	err := tx.Select(ctx, &rows, withMembers+" WHERE c.id = ?"+byConversation+tx.Dialect().ForUpdate(), id)
	if err != nil {
		return message.Conversation{}, fmt.Errorf("lock conversation: %w", err)
	}
	found := conversations(rows)
	if len(found) == 0 {
		return message.Conversation{}, message.ErrNotFound
	}
	if c := found[0]; c.Kind == message.Group {
		places := make([]place, len(users))
		for i, user := range users {
			places[i] = place{c.ID, user}
		}
		err = readMembers(ctx, tx, found, places)
	}
	return found[0], err
}
