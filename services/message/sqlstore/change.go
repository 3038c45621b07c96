// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/internal/audit/auditsql"
	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
)

// Change implements message.Changer.
func (s *Store) Change(ctx context.Context, ch message.Change) (message.ChangePlan, error) {
	var plan message.ChangePlan
	named, _ := message.NamedIn(ch.Text)
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		c, err := lockConversation(ctx, tx, ch.Conversation, append(named, ch.By)...)
		if err != nil {
			return err
		}
		m, ok, err := messageAt(ctx, tx, ch.Conversation, ch.Seq)
		if err != nil {
			return err
		}
		if err := readReacted(ctx, tx, &ch); err != nil {
			return err
		}
		if plan, err = message.DecideChange(c, m, ok, ch); err != nil || !plan.Changed {
			return err
		}
		if err := writeChange(ctx, tx, m, plan, ch.At); err != nil {
			return err
		}
		if err := writeReaction(ctx, tx, m, ch); err != nil {
			return err
		}
		if c.Kind == message.Direct {
			if err := moveBoth(ctx, tx, c.ID, ch.At); err != nil {
				return err
			}
		}
		if plan.Audit != nil {
			if err := auditsql.Insert(ctx, tx, *plan.Audit); err != nil {
				return fmt.Errorf("write audit entry: %w", err)
			}
		}
		return failpoint.Hit(failpoint.BeforeCommit)
	})
	if err != nil {
		return message.ChangePlan{}, fmt.Errorf("change message: %w", err)
	}
	if err := failpoint.Hit(failpoint.AfterCommit); err != nil {
		return message.ChangePlan{}, fault.ErrUnavailable.Because(err)
	}
	return plan, nil
}

// messageAt reads one message; the lock of its conversation keeps it as it is.
func messageAt(ctx context.Context, tx *sqldb.Tx, id ids.ConversationID, seq int64) (message.Message, bool, error) {
	var rows []messageRow
	err := tx.Select(ctx, &rows, "SELECT "+messageColumns+" FROM messages WHERE conversation_id = ? AND seq = ?", id, seq)
	if err != nil {
		return message.Message{}, false, fmt.Errorf("read message: %w", err)
	}
	found, err := messages(rows)
	if err != nil || len(found) == 0 {
		return message.Message{}, false, err
	}
	return found[0], true, nil
}

// writeChange writes a plan: the head, which lets members of a group see that something moved, the message
// and what hangs on it.
func writeChange(ctx context.Context, tx *sqldb.Tx, before message.Message, plan message.ChangePlan, now int64) error {
	m := plan.Message
	column, err := writeDetails(m)
	if err != nil {
		return fmt.Errorf("details of message: %w", err)
	}
	body, err := writeBody(m)
	if err != nil {
		return fmt.Errorf("body of message: %w", err)
	}
	if err := execute(ctx, tx, "raise rev", "UPDATE conversations SET rev = ?, changed_at = CASE WHEN changed_at < ? THEN ?"+
		" ELSE changed_at END WHERE id = ?", m.Rev, now, now, m.Conversation); err != nil {
		return err
	}
	err = execute(ctx, tx, "change message", "UPDATE messages SET rev = ?, kind = ?, body = ?, details = ?"+
		" WHERE conversation_id = ? AND seq = ?", m.Rev, int32(m.Kind), body, column, m.Conversation, m.Seq)
	if err != nil {
		return err
	}
	if err := listChange(ctx, tx, before.Rev, m); err != nil {
		return err
	}
	if err := writeAround(ctx, tx, before, plan); err != nil {
		return err
	}
	return insertEvents(ctx, tx, plan.Events)
}

// moveBoth lets both members of a direct conversation see that something moved.
func moveBoth(ctx context.Context, tx *sqldb.Tx, id ids.ConversationID, now int64) error {
	return execute(ctx, tx, "move members", "UPDATE members SET changed_at = CASE WHEN changed_at < ? THEN ? ELSE changed_at END"+
		" WHERE conversation_id = ? AND left_seq IS NULL", now, now, id)
}

// listChange keeps one row for each message that ever changed, under its newest rev.
func listChange(ctx context.Context, tx *sqldb.Tx, old int64, m message.Message) error {
	if old > 0 {
		err := execute(ctx, tx, "forget change", "DELETE FROM changes WHERE conversation_id = ? AND rev = ?", m.Conversation, old)
		if err != nil {
			return err
		}
	}
	return execute(ctx, tx, "list change", "INSERT INTO changes (conversation_id, rev, seq) VALUES (?, ?, ?)", m.Conversation, m.Rev, m.Seq)
}

// writeAround writes what hangs on a message besides its row.
func writeAround(ctx context.Context, tx *sqldb.Tx, before message.Message, plan message.ChangePlan) error {
	m := plan.Message
	if len(plan.Uncall) > 0 {
		query, args := sqldb.In("DELETE FROM mentions WHERE conversation_id = ? AND seq = ? AND user_id IN (?)", m.Conversation, m.Seq, plan.Uncall)
		if err := execute(ctx, tx, "drop mentions", query, args...); err != nil {
			return err
		}
	}
	if v := plan.Keep; v != nil {
		return execute(ctx, tx, "keep version", "INSERT INTO versions (conversation_id, seq, number, written_at, body)"+
			" VALUES (?, ?, ?, ?, ?)", m.Conversation, m.Seq, v.Number, v.WrittenAt, []byte(v.Text))
	}
	if m.Kind != message.RecalledBody {
		return nil
	}
	if before.Edits > 0 {
		err := execute(ctx, tx, "drop versions", "DELETE FROM versions WHERE conversation_id = ? AND seq = ?", m.Conversation, m.Seq)
		if err != nil {
			return err
		}
	}
	if err := dropFile(ctx, tx, before); err != nil {
		return err
	}
	return noteSilent(ctx, tx, m)
}

// noteSilent keeps a message from being counted as unread.
func noteSilent(ctx context.Context, tx *sqldb.Tx, m message.Message) error {
	return execute(ctx, tx, "note silent", "INSERT INTO silent (conversation_id, seq) VALUES (?, ?)", m.Conversation, m.Seq)
}

// Changes implements message.Changer, on the list of messages that ever changed.
func (s *Store) Changes(ctx context.Context, id ids.ConversationID, after int64, limit int) ([]message.Message, error) {
	var rows []messageRow
	columns := "m." + strings.ReplaceAll(messageColumns, ", ", ", m.")
	err := s.db.Select(ctx, &rows, "SELECT "+columns+" FROM changes h JOIN messages m ON m.conversation_id = h.conversation_id"+
		" AND m.seq = h.seq WHERE h.conversation_id = ? AND h.rev > ? ORDER BY h.rev LIMIT ?", id, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return messages(rows)
}

// Versions implements message.Changer.
func (s *Store) Versions(ctx context.Context, q message.VersionsQuery) ([]message.Version, error) {
	var rows []struct {
		Number    int32  `db:"number"`
		WrittenAt int64  `db:"written_at"`
		Body      []byte `db:"body"`
	}
	err := s.db.Select(ctx, &rows, "SELECT number, written_at, body FROM versions WHERE conversation_id = ? AND seq = ?"+
		" AND number > ? ORDER BY number", q.Conversation, q.Seq, q.After)
	if err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	list := make([]message.Version, len(rows))
	for i, r := range rows {
		list[i] = message.Version{Number: r.Number, WrittenAt: r.WrittenAt, Text: string(r.Body)}
	}
	return list, nil
}

// silentAbove and calledAbove count for a row o of members.
const (
	above = " x.conversation_id = o.conversation_id AND x.seq > o.read_seq AND x.seq >= o.joined_seq" +
		" AND (o.left_seq IS NULL OR x.seq <= o.left_seq)"
	silentAbove = "(SELECT COUNT(*) FROM silent x WHERE" + above + ") + CASE WHEN o.hidden_rev = 0 THEN 0 ELSE" +
		" (SELECT COUNT(*) FROM hidden x WHERE x.user_id = o.user_id AND" + above + " AND NOT EXISTS (SELECT 1 FROM silent y" +
		" WHERE y.conversation_id = x.conversation_id AND y.seq = x.seq)) END"
	// A message may mention a user twice: alone, and with all.
	calledAbove = "(SELECT COUNT(DISTINCT x.seq) FROM mentions x WHERE x.user_id IN (o.user_id, X'" + everyMember + "') AND" + above +
		" AND NOT EXISTS (SELECT 1 FROM hidden y WHERE y.conversation_id = x.conversation_id AND y.user_id = o.user_id AND y.seq = x.seq))"
)

// everyMember is message.EveryMember as a literal of both databases.
const everyMember = "ffffffffffffffffffffffffffffffff"

// countOne counts a stretch for a user.
const countOne = "SELECT %d AS item, (SELECT COUNT(*) FROM silent WHERE conversation_id = ? AND seq BETWEEN ? AND ?) +" +
	" (SELECT COUNT(*) FROM hidden x WHERE x.conversation_id = ? AND x.user_id = ? AND x.seq BETWEEN ? AND ? AND NOT EXISTS" +
	" (SELECT 1 FROM silent y WHERE y.conversation_id = x.conversation_id AND y.seq = x.seq)) AS silent," +
	" (SELECT COUNT(DISTINCT x.seq) FROM mentions x WHERE x.conversation_id = ? AND x.user_id IN (?, ?) AND x.seq BETWEEN ? AND ?" +
	" AND NOT EXISTS (SELECT 1 FROM hidden y WHERE y.conversation_id = x.conversation_id AND y.user_id = ? AND y.seq = x.seq)) AS called"

type countRow struct {
	Item   int   `db:"item"`
	Silent int64 `db:"silent"`
	Called int64 `db:"called"`
}

func countArgs(user ids.UserID, st message.Stretch) []any {
	return []any{
		st.Conversation, st.From, st.To, st.Conversation, user, st.From, st.To,
		st.Conversation, user, message.EveryMember(), st.From, st.To, user,
	}
}

// Counts implements message.Changer.
func (s *Store) Counts(ctx context.Context, user ids.UserID, stretches []message.Stretch) ([]message.Count, error) {
	counts := make([]message.Count, 0, len(stretches))
	for chunk := range slices.Chunk(stretches, headsPerStatement) {
		var (
			selects = make([]string, len(chunk))
			args    []any
			rows    []countRow
		)
		for i, st := range chunk {
			selects[i] = fmt.Sprintf(countOne, i)
			args = append(args, countArgs(user, st)...)
		}
		if err := s.db.Select(ctx, &rows, strings.Join(selects, " UNION ALL "), args...); err != nil {
			return nil, fmt.Errorf("count messages: %w", err)
		}
		found := make([]message.Count, len(chunk))
		for _, r := range rows {
			found[r.Item] = message.Count{Silent: r.Silent, Called: r.Called}
		}
		counts = append(counts, found...)
	}
	return counts, nil
}

// countFor counts what a member has not read, under the lock of the conversation.
func countFor(ctx context.Context, tx *sqldb.Tx, c message.Conversation, m message.Member) (silent, called int64, err error) {
	unseen := message.Stretch{Conversation: c.ID, Interval: c.Unseen(m)}
	if unseen.From > unseen.To {
		return 0, 0, nil
	}
	var r countRow
	if err := tx.Get(ctx, &r, fmt.Sprintf(countOne, 0), countArgs(m.UserID, unseen)...); err != nil {
		return 0, 0, fmt.Errorf("count messages: %w", err)
	}
	return r.Silent, r.Called, nil
}
