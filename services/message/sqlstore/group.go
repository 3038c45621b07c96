// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
)

// errKeyRaced says that another transaction has just made a group under the key.
var errKeyRaced = errors.New("the key got its group from another transaction")

// Created implements message.Groups.
func (s *Store) Created(ctx context.Context, creator ids.UserID, key ids.IdempotencyKey) (c message.Created, ok bool, err error) {
	var row struct {
		ID   ids.ConversationID `db:"conversation_id"`
		Hash []byte             `db:"payload_hash"`
	}
	err = s.db.Get(ctx, &row, "SELECT conversation_id, payload_hash FROM creations WHERE user_id = ? AND idempotency_key = ?",
		creator, key)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("look for a key: %w", err)
	}
	c.ID = row.ID
	copy(c.Hash[:], row.Hash)
	return c, true, nil
}

// CreateGroup implements message.Groups.
func (s *Store) CreateGroup(ctx context.Context, c message.Creation) (message.Created, []message.Event, error) {
	change := message.DecideCreation(c)
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		err := execute(ctx, tx, "insert creation", "INSERT INTO creations (user_id, idempotency_key, conversation_id,"+
			" payload_hash, created_at) VALUES (?, ?, ?, ?, ?)", c.Creator, c.Key, c.NewID, c.Hash[:], c.At)
		if dialect.IsDuplicate(err) {
			return errors.Join(errKeyRaced, err)
		}
		if err != nil {
			return err
		}
		return writeGroup(ctx, tx, change, c.At)
	})
	if errors.Is(err, errKeyRaced) {
		made, ok, err := s.Created(ctx, c.Creator, c.Key)
		if err == nil && !ok {
			err = fault.ErrUnavailable.Because(errKeyRaced)
		}
		return made, nil, err
	}
	if err != nil {
		return message.Created{}, nil, fmt.Errorf("create group: %w", err)
	}
	if err := failpoint.Hit(failpoint.AfterCommit); err != nil {
		return message.Created{}, nil, fault.ErrUnavailable.Because(err)
	}
	return message.Created{ID: c.NewID, Hash: c.Hash}, change.Events, nil
}

// ChangeGroup implements message.Groups.
func (s *Store) ChangeGroup(ctx context.Context, a message.Action) ([]message.Event, error) {
	var change message.GroupChange
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		c, err := lockConversation(ctx, tx, a.Conversation, a.People()...)
		if err != nil {
			return err
		}
		if change, err = message.DecideAction(c, a); err != nil || change.Row == nil {
			return err
		}
		return writeGroup(ctx, tx, change, a.At)
	})
	if err != nil {
		return nil, fmt.Errorf("change group: %w", err)
	}
	if err := failpoint.Hit(failpoint.AfterCommit); err != nil {
		return nil, fault.ErrUnavailable.Because(err)
	}
	return change.Events, nil
}

// writeGroup writes a change whose group is new or locked.
func writeGroup(ctx context.Context, tx *sqldb.Tx, change message.GroupChange, now int64) error {
	if err := writeGroupHead(ctx, tx, change, now); err != nil {
		return err
	}
	if err := insertMessages(ctx, tx, []message.Row{*change.Row}); err != nil {
		return err
	}
	if err := noteSilent(ctx, tx, change.Row.Message); err != nil {
		return err
	}
	if err := writeIntervals(ctx, tx, change, now); err != nil {
		return err
	}
	if err := insertEvents(ctx, tx, change.Events); err != nil {
		return err
	}
	return failpoint.Hit(failpoint.BeforeCommit)
}

func writeGroupHead(ctx context.Context, tx *sqldb.Tx, change message.GroupChange, now int64) error {
	c := change.Conversation
	if change.Insert {
		return execute(ctx, tx, "insert group", "INSERT INTO conversations (id, kind, state, relation_version, seq, rev,"+
			" members_rev, created_at, active_at, name, member_count, changed_at) VALUES (?, ?, ?, 0, ?, 0, ?, ?, ?, ?, ?, ?)",
			c.ID, int32(c.Kind), int32(c.State), c.Seq, c.MembersRev, c.CreatedAt, c.ActiveAt, []byte(c.Name), c.MemberCount, now)
	}
	return execute(ctx, tx, "update group", "UPDATE conversations SET state = ?, seq = ?, members_rev = ?, active_at = ?,"+
		" name = ?, member_count = ?, avatar_file_id = ?, changed_at = ? WHERE id = ?",
		int32(c.State), c.Seq, c.MembersRev, c.ActiveAt, []byte(c.Name), c.MemberCount, c.Avatar, now, c.ID)
}

func writeIntervals(ctx context.Context, tx *sqldb.Tx, change message.GroupChange, now int64) error {
	id := change.Conversation.ID
	if len(change.Retired) > 0 {
		query, args := sqldb.In("UPDATE members SET role = 0 WHERE conversation_id = ? AND user_id IN (?)", id, change.Retired)
		if err := execute(ctx, tx, "retire members", query, args...); err != nil {
			return err
		}
	}
	columns := []string{"conversation_id", "user_id", "joined_seq", "read_seq", "active_at", "changed_at", "role", "joined_rev", "hidden_rev"}
	for chunk := range slices.Chunk(change.Joined, membersPerStatement) {
		var args []any
		for _, m := range chunk {
			args = append(args, id, m.UserID, m.JoinedSeq, m.ReadSeq, 0, now, int32(m.Role), m.JoinedRev, m.HiddenRev)
		}
		insert := tx.Dialect().Upsert("members", columns, columns[:3], nil, len(chunk))
		if err := execute(ctx, tx, "insert members", insert, args...); err != nil {
			return err
		}
	}
	for _, m := range change.Changed {
		if err := updateInterval(ctx, tx, id, m, now); err != nil {
			return err
		}
	}
	return nil
}

// updateInterval writes role and end. Who left has a place in the list of their own, that of their leaving.
func updateInterval(ctx context.Context, tx *sqldb.Tx, id ids.ConversationID, m message.Member, now int64) error {
	var leftSeq, leftRev, leftName any
	if m.Left {
		leftSeq, leftRev, leftName = m.LeftSeq, m.LeftRev, []byte(m.LeftName)
	}
	return execute(ctx, tx, "update member", "UPDATE members SET role = ?, left_seq = ?, left_rev = ?, left_name = ?,"+
		" active_at = ?, changed_at = ? WHERE conversation_id = ? AND user_id = ? AND joined_seq = ?",
		int32(m.Role), leftSeq, leftRev, leftName, m.LeftAt, now, id, m.UserID, m.JoinedSeq)
}
