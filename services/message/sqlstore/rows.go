// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// conversationColumns and memberRows read conversations, direct ones with both members. The outer join
// makes both databases read, and MySQL lock, the conversation before its members; a conversation that was
// never opened has none. Of a group, the condition is NULL and no member is touched.
const (
	headColumns   = "c.id, c.kind, c.state, c.relation_version, c.seq, c.rev, c.members_rev, c.created_at, c.active_at, c.name, c.member_count, c.avatar_file_id"
	memberColumns = "m.user_id, m.joined_seq, m.left_seq, m.read_seq, m.shown_seq, m.role, m.joined_rev, m.left_rev, m.left_name, m.active_at AS left_at, m.hidden_rev"

	conversationColumns = headColumns + ", " + memberColumns
	memberRows          = " LEFT JOIN members m ON m.conversation_id = CASE WHEN c.kind = 1 THEN c.id END"
	// withMembers selects from conversations alone.
	withMembers = "SELECT " + conversationColumns + " FROM conversations c" + memberRows
	// byConversation keeps the rows of a conversation together. An order among its members would cost a
	// temporary table on MySQL; they are few and sorted here.
	byConversation = " ORDER BY c.id"
)

// conversationRow is a conversation beside one of its members.
type conversationRow struct {
	ID              ids.ConversationID `db:"id"`
	Kind            int32              `db:"kind"`
	State           int32              `db:"state"`
	RelationVersion int64              `db:"relation_version"`
	Seq             int64              `db:"seq"`
	Rev             int64              `db:"rev"`
	MembersRev      int64              `db:"members_rev"`
	CreatedAt       int64              `db:"created_at"`
	ActiveAt        int64              `db:"active_at"`
	Name            []byte             `db:"name"`
	MemberCount     int                `db:"member_count"`
	Avatar          ids.FileID         `db:"avatar_file_id"`
	memberRow
}

// memberRow is an interval; all is NULL beside a conversation without members.
type memberRow struct {
	UserID    ids.UserID    `db:"user_id"`
	JoinedSeq sql.NullInt64 `db:"joined_seq"`
	LeftSeq   sql.NullInt64 `db:"left_seq"`
	ReadSeq   sql.NullInt64 `db:"read_seq"`
	ShownSeq  sql.NullInt64 `db:"shown_seq"` // NULL: that of read_seq
	Role      sql.NullInt32 `db:"role"`
	JoinedRev sql.NullInt64 `db:"joined_rev"`
	LeftRev   sql.NullInt64 `db:"left_rev"`
	LeftName  []byte        `db:"left_name"`
	LeftAt    sql.NullInt64 `db:"left_at"`
	HiddenRev sql.NullInt64 `db:"hidden_rev"`
}

func (r memberRow) member() message.Member {
	m := message.Member{
		UserID: r.UserID, JoinedSeq: r.JoinedSeq.Int64, ReadSeq: r.ReadSeq.Int64, Role: message.Role(r.Role.Int32),
		JoinedRev: r.JoinedRev.Int64, HiddenRev: r.HiddenRev.Int64,
	}
	if m.ShownSeq = m.ReadSeq; r.ShownSeq.Valid {
		m.ShownSeq = r.ShownSeq.Int64
	}
	if r.LeftSeq.Valid {
		m.Left, m.LeftSeq, m.LeftRev, m.LeftAt = true, r.LeftSeq.Int64, r.LeftRev.Int64, r.LeftAt.Int64
		m.LeftName = string(r.LeftName)
	}
	return m
}

func (r conversationRow) conversation() message.Conversation {
	return message.Conversation{
		ID: r.ID, Kind: message.Kind(r.Kind), State: message.State(r.State), RelationVersion: r.RelationVersion,
		Seq: r.Seq, Rev: r.Rev, MembersRev: r.MembersRev, CreatedAt: r.CreatedAt, ActiveAt: r.ActiveAt,
		Name: string(r.Name), MemberCount: r.MemberCount, Avatar: r.Avatar,
	}
}

// conversations groups rows that lie in the order of byConversation.
func conversations(rows []conversationRow) []message.Conversation {
	var found []message.Conversation
	for _, r := range rows {
		if n := len(found); n == 0 || found[n-1].ID != r.ID {
			found = append(found, r.conversation())
		}
		if !r.UserID.IsZero() {
			c := &found[len(found)-1]
			c.Members = append(c.Members, r.member())
		}
	}
	for _, c := range found {
		slices.SortFunc(c.Members, func(a, b message.Member) int {
			return cmp.Or(a.UserID.Compare(b.UserID), cmp.Compare(a.JoinedSeq, b.JoinedSeq))
		})
	}
	return found
}

const messageColumns = "conversation_id, seq, id, client_message_id, sender_id, sent_at, rev, kind, body, details"

// messageRow is a message without the hash of its payload.
type messageRow struct {
	Conversation ids.ConversationID  `db:"conversation_id"`
	Seq          int64               `db:"seq"`
	ID           ids.MessageID       `db:"id"`
	ClientID     ids.ClientMessageID `db:"client_message_id"`
	Sender       ids.UserID          `db:"sender_id"`
	SentAt       int64               `db:"sent_at"`
	Rev          int64               `db:"rev"`
	Kind         int32               `db:"kind"`
	Body         []byte              `db:"body"`
	Details      []byte              `db:"details"`
}

func messages(rows []messageRow) ([]message.Message, error) {
	found := make([]message.Message, len(rows))
	for i, r := range rows {
		found[i] = message.Message{
			Conversation: r.Conversation, Seq: r.Seq, ID: r.ID, ClientID: r.ClientID, Sender: r.Sender,
			SentAt: r.SentAt, Rev: r.Rev, Kind: message.BodyKind(r.Kind),
		}
		if err := readBody(r.Body, &found[i]); err != nil {
			return nil, fmt.Errorf("body of message %d in %s: %w", r.Seq, r.Conversation, err)
		}
		if err := readDetails(r.Details, &found[i]); err != nil {
			return nil, fmt.Errorf("details of message %d in %s: %w", r.Seq, r.Conversation, err)
		}
	}
	return found, nil
}
