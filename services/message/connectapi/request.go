// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

func draft(sender ids.UserID, req *messagev1.SendRequest) (message.Draft, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return message.Draft{}, err
	}
	client, err := ids.ParseClientMessage("client_message_id", req.GetClientMessageId())
	if err != nil {
		return message.Draft{}, err
	}
	var from message.Source
	if of := req.GetForwardOf(); of != nil {
		if from.Conversation, err = ids.ParseConversation("forward_of.conversation_id", of.GetConversationId()); err != nil {
			return message.Draft{}, err
		}
		from.Seq = of.GetSeq()
	}
	attached, err := attachment(req.GetContent())
	return message.Draft{
		Forward: from, Sender: sender, Conversation: id, ClientID: client, Text: req.GetContent().GetText().GetBody(),
		Attach: attached, ReplyTo: req.GetReplyToSeq(),
	}, err
}

func batchDraft(item *messagev1.SendBatchRequest_Item) (message.Draft, error) {
	sender, err := ids.ParseUser("sender_id", item.GetSenderId())
	if err != nil {
		return message.Draft{}, err
	}
	return draft(sender, item.GetSend())
}

func pair(users []string) (message.Pair, error) {
	if len(users) != 2 {
		return message.Pair{}, fault.InvalidField("user_ids", "two_different")
	}
	a, err := ids.ParseUser("user_ids", users[0])
	if err != nil {
		return message.Pair{}, err
	}
	b, err := ids.ParseUser("user_ids", users[1])
	if err != nil {
		return message.Pair{}, err
	}
	return message.NewPair(a, b)
}

func historyQuery(user ids.UserID, req *messagev1.ListMessagesRequest) (message.HistoryQuery, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return message.HistoryQuery{}, err
	}
	q := message.HistoryQuery{
		User: user, Conversation: id, UntilSeq: req.GetUntilSeq(), UntilTime: req.GetUntilTime(), Limit: int(req.GetLimit()),
	}
	switch r := req.GetRange().(type) {
	case *messagev1.ListMessagesRequest_AfterSeq:
		q.Kind, q.Seq = message.AfterRange, r.AfterSeq
	case *messagev1.ListMessagesRequest_BeforeSeq:
		q.Kind, q.Seq = message.BeforeRange, r.BeforeSeq
	case *messagev1.ListMessagesRequest_AroundSeq:
		q.Kind, q.Seq = message.AroundRange, r.AroundSeq
	case *messagev1.ListMessagesRequest_AtTime:
		q.Kind, q.Time = message.TimeRange, r.AtTime
	}
	return q, nil
}
