// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"time"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/wire"
)

// unknownRetry is told where an outcome is unknown and no other time is; chosen, no evidence.
const unknownRetry = time.Second

func each[From, To any](list []From, convert func(From) To) []To {
	converted := make([]To, len(list))
	for i, from := range list {
		converted[i] = convert(from)
	}
	return converted
}

func toSent(s message.Sent) *messagev1.Sent {
	return &messagev1.Sent{
		ClientMessageId: s.ClientID.String(), ConversationId: s.Conversation.String(), MessageId: s.ID.String(),
		Seq: s.Seq, SentAt: s.SentAt,
	}
}

func toResult(r message.Result) *messagev1.SendBatchResponse_Result {
	if r.Err == nil {
		return &messagev1.SendBatchResponse_Result{
			Outcome: &messagev1.SendBatchResponse_Result_Sent{Sent: toSent(r.Sent)},
		}
	}
	return &messagev1.SendBatchResponse_Result{
		Outcome: &messagev1.SendBatchResponse_Result_Error{Error: toItemError(r.Err)},
	}
}

// toItemError tells of an error what the error of a whole call would tell.
func toItemError(err error) *messagev1.ItemError {
	known, ok := fault.Of(err)
	if !ok {
		known = fault.ErrUnavailable
	}
	retry := known.RetryAfter()
	if retry == 0 && known.Kind() == fault.Unavailable {
		retry = unknownRetry
	}
	return &messagev1.ItemError{
		Code: rpcserver.Code(known.Kind()).String(), Reason: known.Reason(), RetryAfterMs: retry.Milliseconds(),
	}
}

func toMessage(m message.Message) *messagev1.Message {
	converted := wire.Message(m)
	if m.Forward != (message.Forward{}) {
		converted.Forward = toForward(m.Forward)
	}
	if m.ReplyTo.Seq > 0 {
		converted.ReplyTo = toReply(m.ReplyTo)
	}
	return converted
}

// toForward is empty for who may not know from where.
func toForward(f message.Forward) *messagev1.Forward {
	if f.Hidden {
		return &messagev1.Forward{}
	}
	return &messagev1.Forward{
		ConversationId: f.Source.Conversation.String(), Seq: f.Source.Seq, SenderId: f.Sender.String(), SentAt: f.SentAt,
	}
}

func toReply(r message.Reply) *messagev1.Reply {
	return &messagev1.Reply{
		Seq: r.Seq, SenderId: r.Sender.Optional(), Kind: messagev1.ContentKind(r.Kind), Preview: r.Preview,
		Recalled: r.Recalled, Edited: r.Edited,
	}
}

func toVersion(v message.Version) *messagev1.Version {
	return &messagev1.Version{Number: v.Number, WrittenAt: v.WrittenAt, Text: &messagev1.Text{Body: v.Text}}
}

func toHead(h message.Head) *messagev1.Head {
	return &messagev1.Head{
		ConversationId: h.Conversation.String(), Seq: h.Seq, Rev: h.Rev, MembersRev: h.MembersRev,
		ReadSeq: h.ReadSeq, Unread: h.Unread, Mentions: h.Mentions, Left: h.Left, HiddenRev: h.HiddenRev,
	}
}

func toSync(r message.SyncResult) *messagev1.SyncResponse {
	return &messagev1.SyncResponse{
		Reset_: r.Reset, Complete: r.Complete, Heads: each(r.Heads, toHead), Cursor: r.Cursor,
	}
}

func toConversation(v message.View) *messagev1.Conversation {
	c := v.Conversation
	converted := &messagev1.Conversation{
		ConversationId: c.ID.String(), Kind: messagev1.ConversationKind(c.Kind), State: messagev1.ConversationState(c.State),
		CreatedAt: c.CreatedAt, ActiveAt: c.ActiveAt, Head: toHead(v.Head),
	}
	if v.Last != nil {
		converted.LastMessage = toMessage(*v.Last)
	}
	if c.Kind == message.Group {
		converted.Name, converted.Role = c.Name, messagev1.MemberRole(v.Role)
		converted.AvatarFileId = c.Avatar.Optional()
		converted.MemberCount = int32(c.MemberCount) //nolint:gosec // at most MaxGroupMembers
		return converted
	}
	converted.MemberIds = ids.Texts(c.Present())
	for _, m := range c.Members {
		if !m.Left {
			converted.Markers = append(converted.Markers, &messagev1.Marker{UserId: m.UserID.String(), Seq: m.ReadSeq})
		}
	}
	return converted
}

func toMember(m message.Member) *messagev1.Member {
	return &messagev1.Member{UserId: m.UserID.String(), Role: messagev1.MemberRole(m.Role), ReadSeq: m.ReadSeq}
}
