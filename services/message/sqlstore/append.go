// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
)

// Append implements message.Writer in eight statements, BEGIN and COMMIT counted, whatever the size of
// the batch: lock heads and members, look for retries, raise the heads, insert messages, move members,
// insert into the outbox; one more if somebody is mentioned, and one if a file is shown.
func (s *Store) Append(ctx context.Context, batch []message.Pending, now int64) (message.Committed, error) {
	var plan message.Plan
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		facts, err := readFacts(ctx, tx, batch)
		if err != nil {
			return err
		}
		facts.Now = now
		plan = message.Decide(batch, facts)
		if len(plan.Rows) == 0 {
			return nil
		}
		if err := writePlan(ctx, tx, plan, facts); err != nil {
			return err
		}
		return failpoint.Hit(failpoint.BeforeCommit)
	})
	if err != nil {
		return message.Committed{}, fmt.Errorf("append batch: %w", err)
	}
	if err := failpoint.Hit(failpoint.AfterCommit); err != nil {
		return message.Committed{}, fault.ErrUnavailable.Because(err)
	}
	return message.Committed{Results: plan.Results, Events: plan.Events}, nil
}

// readFacts locks the conversations in the order of their ids, so that two batches cannot lock each
// other out, and then looks for retries: what was committed while this batch waited for the locks is
// seen, because READ COMMITTED reads anew for each statement.
func readFacts(ctx context.Context, tx *sqldb.Tx, batch []message.Pending) (message.Facts, error) {
	facts := message.Facts{
		Conversations: map[ids.ConversationID]message.Conversation{},
		Stored:        map[message.ClientKey]message.Stored{},
	}
	var locked []conversationRow
	query, args := inIDs(withMembers+" WHERE c.id IN (?)"+byConversation+tx.Dialect().ForUpdate(), conversationsOf(batch))
	if err := tx.Select(ctx, &locked, query, args...); err != nil {
		return facts, fmt.Errorf("lock conversations: %w", err)
	}
	found := conversations(locked)
	if err := readMembers(ctx, tx, found, inGroups(found, peopleOf(batch))); err != nil {
		return facts, err
	}
	for _, c := range found {
		facts.Conversations[c.ID] = c
	}
	var err error
	if facts.Originals, err = readOriginals(ctx, tx, batch); err != nil {
		return facts, err
	}
	var stored []storedRow
	query, args = sqldb.In("SELECT conversation_id, seq, id, client_message_id, sender_id, sent_at, payload_hash"+
		" FROM messages WHERE client_message_id IN (?)", clientIDsOf(batch))
	if err := tx.Select(ctx, &stored, query, args...); err != nil {
		return facts, fmt.Errorf("look for retries: %w", err)
	}
	for _, r := range stored {
		key := message.ClientKey{Sender: r.Sender, ClientID: r.ClientID}
		facts.Stored[key] = r.stored()
	}
	return facts, nil
}

type storedRow struct {
	Conversation ids.ConversationID  `db:"conversation_id"`
	Seq          int64               `db:"seq"`
	ID           ids.MessageID       `db:"id"`
	ClientID     ids.ClientMessageID `db:"client_message_id"`
	Sender       ids.UserID          `db:"sender_id"`
	SentAt       int64               `db:"sent_at"`
	Hash         []byte              `db:"payload_hash"`
}

func (r storedRow) stored() message.Stored {
	s := message.Stored{Sent: message.Sent{
		Conversation: r.Conversation, ClientID: r.ClientID, ID: r.ID, Seq: r.Seq, SentAt: r.SentAt,
	}}
	copy(s.Hash[:], r.Hash)
	return s
}

func conversationsOf(batch []message.Pending) []ids.ConversationID {
	list := make([]ids.ConversationID, len(batch))
	for i, p := range batch {
		list[i] = p.Conversation
	}
	slices.SortFunc(list, ids.ConversationID.Compare)
	return slices.Compact(list)
}

// peopleOf lists who wants to send, and whom they mention.
func peopleOf(batch []message.Pending) []place {
	var places []place
	for _, p := range batch {
		places = append(places, place{p.Conversation, p.Sender})
		named, _ := message.NamedIn(p.Text)
		for _, user := range named {
			places = append(places, place{p.Conversation, user})
		}
	}
	return places
}

// inGroups keeps the places in groups; direct conversations are read with their members.
func inGroups(found []message.Conversation, places []place) []place {
	return slices.DeleteFunc(places, func(p place) bool {
		return !slices.ContainsFunc(found, func(c message.Conversation) bool {
			return c.ID == p.Conversation && c.Kind == message.Group
		})
	})
}

func clientIDsOf(batch []message.Pending) []ids.ClientMessageID {
	list := make([]ids.ClientMessageID, len(batch))
	for i, p := range batch {
		list[i] = p.ClientID
	}
	return list
}

func writePlan(ctx context.Context, tx *sqldb.Tx, plan message.Plan, facts message.Facts) error {
	if err := raiseHeads(ctx, tx, plan.Conversations, facts.Now); err != nil {
		return err
	}
	err := insertMessages(ctx, tx, plan.Rows)
	if dialect.IsDuplicate(err) {
		return errors.Join(message.ErrRaced, err)
	}
	if err != nil {
		return err
	}
	if err := insertMentions(ctx, tx, plan.Rows); err != nil {
		return err
	}
	if err := insertFiles(ctx, tx, plan.Rows); err != nil {
		return err
	}
	if err := moveMembers(ctx, tx, plan.Conversations, facts); err != nil {
		return err
	}
	return insertEvents(ctx, tx, plan.Events)
}

// setActive moves a time forward only: the clock of another pod may be ahead.
const setActive = " SET active_at = CASE WHEN active_at < ? THEN ? ELSE active_at END"

func raiseHeads(ctx context.Context, tx *sqldb.Tx, heads []message.Conversation, now int64) error {
	args, list := []any{now, now, now}, make([]ids.ConversationID, len(heads))
	for i, c := range heads {
		args, list[i] = append(args, c.ID, c.Seq), c.ID
	}
	query, args := inIDs("UPDATE conversations"+setActive+", changed_at = ?, seq = CASE id"+
		strings.Repeat(" WHEN ? THEN ?", len(heads))+" ELSE seq END WHERE id IN (?)", list, args...)
	return execute(ctx, tx, "raise heads", query, args...)
}

func insertMessages(ctx context.Context, tx *sqldb.Tx, rows []message.Row) error {
	const columns = 11
	args := make([]any, 0, columns*len(rows))
	for _, r := range rows {
		column, err := writeDetails(r.Message)
		if err != nil {
			return fmt.Errorf("details of message: %w", err)
		}
		body, err := writeBody(r.Message)
		if err != nil {
			return fmt.Errorf("body of message: %w", err)
		}
		args = append(args, r.Conversation, r.Seq, r.ID, r.ClientID, r.Sender, r.SentAt, r.Rev, int32(r.Kind),
			body, column, r.Hash[:])
	}
	const one = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	return execute(ctx, tx, "insert messages", "INSERT INTO messages ("+messageColumns+", payload_hash) VALUES "+one+
		strings.Repeat(", "+one, len(rows)-1), args...)
}

// insertMentions keeps for whom a mention counts.
func insertMentions(ctx context.Context, tx *sqldb.Tx, rows []message.Row) error {
	var args []any
	for _, r := range rows {
		for _, user := range r.Called() {
			args = append(args, r.Conversation, user, r.Seq)
		}
	}
	if len(args) == 0 {
		return nil
	}
	const columns, one = 3, "(?, ?, ?)"
	return execute(ctx, tx, "insert mentions", "INSERT INTO mentions (conversation_id, user_id, seq) VALUES "+one+
		strings.Repeat(", "+one, len(args)/columns-1), args...)
}

// moveMembers moves the markers of those who sent, and lets both members of a direct conversation see that
// something moved. In a group nothing is written for the others, however many they are.
func moveMembers(ctx context.Context, tx *sqldb.Tx, heads []message.Conversation, facts message.Facts) error {
	const column = "{marker}"
	var markers strings.Builder
	args, list := []any(nil), []ids.ConversationID(nil)
	for _, c := range heads {
		before := facts.Conversations[c.ID].Members
		if c.Kind == message.Group {
			if err := moveMarkers(ctx, tx, c, before); err != nil {
				return err
			}
			continue
		}
		list = append(list, c.ID)
		markers.WriteString(" WHEN ? THEN CASE user_id")
		args = append(args, c.ID)
		for k, m := range c.Members {
			if m.ReadSeq != before[k].ReadSeq {
				markers.WriteString(" WHEN ? THEN ?")
				args = append(args, m.UserID, m.ReadSeq)
			}
		}
		markers.WriteString(" ELSE " + column + " END")
	}
	if len(list) == 0 {
		return nil
	}
	// Who sends shows that they have read, whatever they hide: both markers move alike.
	args = slices.Concat([]any{facts.Now, facts.Now, facts.Now}, args, args)
	query, args := inIDs("UPDATE members"+setActive+", changed_at = ?, read_seq = CASE conversation_id"+
		strings.ReplaceAll(markers.String(), column, "read_seq")+" ELSE read_seq END, shown_seq = CASE conversation_id"+
		strings.ReplaceAll(markers.String(), column, "shown_seq")+" ELSE shown_seq END"+
		" WHERE conversation_id IN (?) AND left_seq IS NULL", list, args...)
	return execute(ctx, tx, "move members", query, args...)
}

// moveMarkers moves the markers of those who sent to a group.
func moveMarkers(ctx context.Context, tx *sqldb.Tx, c message.Conversation, before []message.Member) error {
	var cases, where strings.Builder
	var values, keys []any
	for k, m := range c.Members {
		if m.ReadSeq == before[k].ReadSeq {
			continue
		}
		cases.WriteString(" WHEN ? THEN ?")
		values = append(values, m.UserID, m.ReadSeq)
		if where.Len() > 0 {
			where.WriteString(" OR ")
		}
		where.WriteString("(conversation_id = ? AND user_id = ? AND joined_seq = ?)")
		keys = append(keys, c.ID, m.UserID, m.JoinedSeq)
	}
	return execute(ctx, tx, "move markers", "UPDATE members SET read_seq = CASE user_id"+cases.String()+
		" ELSE read_seq END, shown_seq = CASE user_id"+cases.String()+" ELSE shown_seq END WHERE "+where.String(),
		slices.Concat(values, values, keys)...)
}
