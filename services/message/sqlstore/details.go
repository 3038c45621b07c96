// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"encoding/json"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// details are what only some messages have, and what no statement looks for: one column that is NULL for
// a message that was never changed. A pod of another version skips names that it does not know.
type details struct {
	EditedAt   int64      `json:"edited_at,omitempty"`
	Edits      int32      `json:"edits,omitempty"`
	RecalledBy ids.UserID `json:"recalled_by,omitzero"`
	RecalledAt int64      `json:"recalled_at,omitempty"`
	Moderated  bool       `json:"moderated,omitempty"`
	ReplyTo    int64      `json:"reply_to,omitempty"`
	// Mentions are ids of users, 16 bytes each.
	Mentions []byte `json:"mentions,omitempty"`
	All      bool   `json:"mentions_all,omitempty"`
	// Reactions as the domain encodes them; who gave which is in a table.
	Reactions message.Reactions `json:"reactions,omitempty"`
	// Where the text was copied from.
	ForwardConversation ids.ConversationID `json:"forward_conversation,omitzero"`
	ForwardSeq          int64              `json:"forward_seq,omitempty"`
	ForwardSender       ids.UserID         `json:"forward_sender,omitzero"`
	ForwardSentAt       int64              `json:"forward_sent_at,omitempty"`
}

// writeDetails is nil for a message without any.
func writeDetails(m message.Message) ([]byte, error) {
	d := details{
		EditedAt: m.EditedAt, Edits: m.Edits, RecalledBy: m.Recall.By, RecalledAt: m.Recall.At,
		Moderated: m.Recall.ByModeration,
		ReplyTo:   m.ReplyTo.Seq, Mentions: []byte(m.Mentions.Users), All: m.Mentions.All,
		Reactions:           m.Reactions,
		ForwardConversation: m.Forward.Source.Conversation, ForwardSeq: m.Forward.Source.Seq,
		ForwardSender: m.Forward.Sender, ForwardSentAt: m.Forward.SentAt,
	}
	column, err := json.Marshal(d)
	if err != nil || string(column) == "{}" {
		return nil, err
	}
	return column, nil
}

func readDetails(column []byte, m *message.Message) error {
	if len(column) == 0 {
		return nil
	}
	var d details
	if err := json.Unmarshal(column, &d); err != nil {
		return err
	}
	m.EditedAt, m.Edits = d.EditedAt, d.Edits
	m.Recall = message.Recall{By: d.RecalledBy, At: d.RecalledAt, ByModeration: d.Moderated}
	m.ReplyTo.Seq, m.Reactions = d.ReplyTo, d.Reactions
	m.Mentions = message.Mentions{Users: message.Users(d.Mentions), All: d.All}
	m.Forward = message.Forward{
		Source: message.Source{Conversation: d.ForwardConversation, Seq: d.ForwardSeq}, Sender: d.ForwardSender, SentAt: d.ForwardSentAt,
	}
	return nil
}
