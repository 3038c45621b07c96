// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"fmt"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/gateway"
)

// setBody puts the body of a server frame into its contract form.
func setBody(frame *gatewayv1.ServerFrame, body any) error {
	switch b := body.(type) {
	case gateway.Welcome:
		frame.Kind = &gatewayv1.ServerFrame_Welcome{Welcome: toWelcome(b)}
	case gateway.Heads:
		frame.Kind = &gatewayv1.ServerFrame_Resumed{Resumed: &messagev1.SyncResponse{
			Reset_: b.Reset, Complete: b.Complete, Heads: toHeads(b.Heads), Cursor: b.Cursor,
		}}
	case gateway.Pong:
		frame.Kind = &gatewayv1.ServerFrame_Pong{Pong: &gatewayv1.Pong{
			ServerTime: b.ServerTime, Complete: b.Complete, Heads: toHeads(b.Heads), Cursor: b.Cursor,
		}}
	case gateway.Sent:
		frame.Kind = &gatewayv1.ServerFrame_Sent{Sent: &messagev1.Sent{
			ClientMessageId: b.ClientMessage.String(), ConversationId: b.Conversation.String(),
			MessageId: b.Message.String(), Seq: b.Seq, SentAt: b.SentAt,
		}}
	case gateway.Typing:
		frame.Kind = &gatewayv1.ServerFrame_Typing{Typing: &gatewayv1.Typing{
			ConversationId: b.Conversation.String(), UserId: b.User.String(), State: gatewayv1.TypingState(b.State),
		}}
	case gateway.Presences:
		frame.Kind = &gatewayv1.ServerFrame_Presence{Presence: toPresence(b)}
	case gateway.Resync:
		frame.Kind = &gatewayv1.ServerFrame_Resync{Resync: toResync(b)}
	case gateway.Reconnect:
		frame.Kind = &gatewayv1.ServerFrame_Reconnect{Reconnect: &gatewayv1.Reconnect{
			AfterMs: b.AfterMS, JitterMs: b.JitterMS, DeadlineMs: b.DeadlineMS, Reason: b.Reason,
		}}
	case gateway.Refusal:
		frame.Kind = &gatewayv1.ServerFrame_Error{Error: &gatewayv1.Error{
			Reason: b.Reason, Retry: toRetry(b.Retry), RetryAfterMs: b.RetryAfterMS, Metadata: b.Metadata,
		}}
	default:
		return fmt.Errorf("no frame for a body of type %T", body)
	}
	return nil
}

func toWelcome(b gateway.Welcome) *gatewayv1.Welcome {
	return &gatewayv1.Welcome{
		SessionId: b.Session.String(), Epoch: b.Epoch, UserId: b.User.String(), ServerTime: b.ServerTime, PingMs: b.PingMS,
		Limits: &gatewayv1.Limits{
			FrameBytes:    int32(b.FrameBytes),    //nolint:gosec // a setting far below 2^31
			SendsInFlight: int32(b.SendsInFlight), //nolint:gosec // a setting far below 2^31
		},
	}
}

func toHeads(heads []gateway.Head) []*messagev1.Head {
	out := make([]*messagev1.Head, 0, len(heads))
	for _, h := range heads {
		out = append(out, &messagev1.Head{
			ConversationId: h.Conversation.String(), Seq: h.Seq, Rev: h.Rev, MembersRev: h.MembersRev,
			ReadSeq: h.ReadSeq, Unread: h.Unread, Mentions: h.Mentions, HiddenRev: h.HiddenRev, Left: h.Left,
		})
	}
	return out
}

func toPresence(b gateway.Presences) *gatewayv1.Presence {
	out := &gatewayv1.Presence{}
	for _, p := range b.Items {
		out.Items = append(out.Items, &gatewayv1.Presence_Item{
			UserId: p.User.String(), State: gatewayv1.PresenceState(p.State), LastActiveAt: p.ActiveAt,
		})
	}
	return out
}

func toResync(b gateway.Resync) *gatewayv1.Resync {
	out := &gatewayv1.Resync{
		ConversationId: b.Conversation.Optional(), FromSeq: b.FromSeq, Reason: gatewayv1.ResyncReason_RESYNC_REASON_OVERFLOW,
	}
	switch b.Reason {
	case gateway.ResyncBrokerLost:
		out.Reason = gatewayv1.ResyncReason_RESYNC_REASON_BROKER_LOST
	case gateway.ResyncHomeChanged:
		out.Reason = gatewayv1.ResyncReason_RESYNC_REASON_HOME_CHANGED
	default:
	}
	return out
}

func toRetry(r gateway.Retry) gatewayv1.Retry {
	switch r {
	case gateway.RetryAfter:
		return gatewayv1.Retry_RETRY_AFTER
	case gateway.RetrySameID:
		return gatewayv1.Retry_RETRY_SAME_ID
	case gateway.RetryLogin:
		return gatewayv1.Retry_RETRY_LOGIN
	default:
		return gatewayv1.Retry_RETRY_NEVER
	}
}
