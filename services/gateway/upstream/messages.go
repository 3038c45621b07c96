// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
)

// Bounds of a call. The contract allows 32 sends; the others are chosen: answers stay far below 1 MiB.
const (
	sendsPerCall   = 32
	bytesPerCall   = 512 << 10
	resumesPerCall = 64
	sendLanes      = 8
	resumeLanes    = 2
	laneLength     = 4096
	callDeadline   = 5 * time.Second
)

// Messages is gateway.Messages on the message service.
type Messages struct {
	messages      messagev1connect.MessageServiceClient
	conversations messagev1connect.ConversationServiceClient
	sends         []*lane[gateway.Outgoing, sendResult]
	asides        []*aside // of the lanes of sends
	resumes       []*lane[gateway.Question, gateway.Heads]
}

var _ gateway.Messages = (*Messages)(nil)

// sendResult is the outcome of one item.
type sendResult struct {
	sent gateway.Sent
	err  error
}

// NewMessages makes the client; Send and Sync work once Run runs.
func NewMessages(c *rpcclient.Client) *Messages {
	m := &Messages{
		messages:      messagev1connect.NewMessageServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...),
		conversations: messagev1connect.NewConversationServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...),
	}
	for range sendLanes {
		l, a := newLane(laneLength, sendsPerCall, bytesPerCall, m.sendBatch), newAside(m.sendBatch)
		l.divide = a.divide
		m.sends, m.asides = append(m.sends, l), append(m.asides, a)
	}
	for range resumeLanes {
		m.resumes = append(m.resumes, newLane(laneLength, resumesPerCall, bytesPerCall, m.SyncAll))
	}
	return m
}

// Run makes the calls of Send and Sync until ctx ends.
func (m *Messages) Run(ctx context.Context) error {
	var lanes sync.WaitGroup
	for _, l := range m.sends {
		lanes.Go(func() { l.run(ctx) })
	}
	for _, a := range m.asides {
		lanes.Go(func() { a.sends.run(ctx) })
	}
	for _, l := range m.resumes {
		lanes.Go(func() { l.run(ctx) })
	}
	lanes.Wait()
	return nil
}

// Send puts a message into the lane of its conversation, so that the order of one conversation holds: of all in it, but
// for files, with which only their sender's keep it.
func (m *Messages) Send(o gateway.Outgoing, done func(gateway.Sent, error)) {
	l := m.sends[int(o.Conversation[len(o.Conversation)-1])%len(m.sends)]
	l.ask(o, o.Size, func(r sendResult, err error) {
		if err == nil {
			err = r.err
		}
		done(r.sent, err)
	})
}

func (m *Messages) sendBatch(ctx context.Context, list []gateway.Outgoing) ([]sendResult, error) {
	request := &messagev1.SendBatchRequest{}
	for _, o := range list {
		send, ok := o.Request.(*messagev1.SendRequest)
		if !ok {
			return nil, fmt.Errorf("a send of type %T", o.Request)
		}
		request.Items = append(request.Items, &messagev1.SendBatchRequest_Item{SenderId: o.Sender.String(), Send: send})
	}
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	response, err := m.messages.SendBatch(ctx, request)
	if err != nil {
		return nil, err
	}
	results := make([]sendResult, 0, len(list))
	for _, r := range response.GetResults() {
		results = append(results, fromResult(r))
	}
	return results, nil
}

// Sync asks together with others.
func (m *Messages) Sync(ctx context.Context, q gateway.Question) (gateway.Heads, error) {
	type answer struct {
		heads gateway.Heads
		err   error
	}
	answers := make(chan answer, 1)
	l := m.resumes[int(q.User[len(q.User)-1])%len(m.resumes)]
	l.ask(q, len(q.Cursor), func(h gateway.Heads, err error) { answers <- answer{h, err} })
	select {
	case a := <-answers:
		return a.heads, a.err
	case <-ctx.Done():
		return gateway.Heads{}, ctx.Err()
	}
}

// SyncAll asks for many users. Where the answer would be too large the question is halved.
func (m *Messages) SyncAll(ctx context.Context, qs []gateway.Question) ([]gateway.Heads, error) {
	request := &messagev1.SyncBatchRequest{}
	for _, q := range qs {
		request.Items = append(request.Items, &messagev1.SyncBatchRequest_Item{UserId: q.User.String(), Cursor: q.Cursor})
	}
	call, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	response, err := m.messages.SyncBatch(call, request)
	if connect.CodeOf(err) == connect.CodeResourceExhausted && len(qs) > 1 {
		return m.syncHalves(ctx, qs)
	}
	if err != nil {
		return nil, err
	}
	answers := make([]gateway.Heads, 0, len(qs))
	for _, r := range response.GetResults() {
		heads, err := fromSync(r)
		if err != nil {
			return nil, err
		}
		answers = append(answers, heads)
	}
	return answers, nil
}

func (m *Messages) syncHalves(ctx context.Context, qs []gateway.Question) ([]gateway.Heads, error) {
	first, err := m.SyncAll(ctx, qs[:len(qs)/2])
	if err != nil {
		return nil, err
	}
	second, err := m.SyncAll(ctx, qs[len(qs)/2:])
	return append(first, second...), err
}

// MarkRead calls as the user.
func (m *Messages) MarkRead(ctx context.Context, r gateway.Reading) error {
	ctx = identity.NewContext(ctx, identity.Caller{
		UserID: r.Login.User, LoginSessionID: r.Login.Session, DeviceID: r.Login.Device,
		RequestID: ids.NewEvent().String(), ReceiptsHidden: r.Hidden,
	})
	_, err := m.conversations.MarkRead(ctx, &messagev1.MarkReadRequest{ConversationId: r.Conversation.String(), Seq: r.Seq})
	return err
}

// Recipients asks for the members.
func (m *Messages) Recipients(
	ctx context.Context, conversation ids.ConversationID, user ids.UserID,
) (gateway.Recipients, error) {
	ctx = identity.NewContext(ctx, identity.Caller{})
	response, err := m.messages.ListRecipients(ctx, &messagev1.ListRecipientsRequest{
		ConversationId: conversation.String(), UserId: user.String(),
	})
	if err != nil {
		return gateway.Recipients{}, err
	}
	users, err := ids.ParseUsers("user_ids", response.GetUserIds())
	if err != nil {
		return gateway.Recipients{}, fmt.Errorf("answer of message: %s", err.Error())
	}
	return gateway.Recipients{Users: users, ReadOnly: response.GetReadOnly()}, nil
}

// fromResult converts the result of one send.
func fromResult(r *messagev1.SendBatchResponse_Result) sendResult {
	if refusal := r.GetError(); refusal != nil {
		f := fault.New(kindOf(refusal.GetCode()), refusal.GetReason(), "refused by message")
		return sendResult{err: f.After(time.Duration(refusal.GetRetryAfterMs()) * time.Millisecond)}
	}
	s := r.GetSent()
	client, err1 := ids.ParseClientMessage("client_message_id", s.GetClientMessageId())
	conversation, err2 := ids.ParseConversation("conversation_id", s.GetConversationId())
	message, err3 := ids.Parse[messageKind]("message_id", s.GetMessageId())
	if err1 != nil || err2 != nil || err3 != nil {
		return sendResult{err: fault.ErrUnavailable.Because(errAnswers)}
	}
	return sendResult{sent: gateway.Sent{
		ClientMessage: client, Conversation: conversation, Message: ids.MessageID(message), Seq: s.GetSeq(), SentAt: s.GetSentAt(),
	}}
}

// messageKind stands for the kind of a message id while it is read.
type messageKind struct{}

// kindOf reads a Connect code by its name. An unknown one, and internal, leave the outcome unknown.
func kindOf(name string) fault.Kind {
	var code connect.Code
	if code.UnmarshalText([]byte(name)) != nil {
		return fault.Unavailable
	}
	if kind := rpcclient.Kind(code); kind != fault.Internal {
		return kind
	}
	return fault.Unavailable
}

func fromSync(r *messagev1.SyncResponse) (gateway.Heads, error) {
	out := gateway.Heads{Reset: r.GetReset_(), Complete: r.GetComplete(), Cursor: r.GetCursor()}
	for _, h := range r.GetHeads() {
		conversation, err := ids.ParseConversation("conversation_id", h.GetConversationId())
		if err != nil {
			return gateway.Heads{}, fault.ErrUnavailable.Because(err)
		}
		out.Heads = append(out.Heads, gateway.Head{
			Conversation: conversation, Seq: h.GetSeq(), Rev: h.GetRev(), MembersRev: h.GetMembersRev(),
			ReadSeq: h.GetReadSeq(), Unread: h.GetUnread(), Mentions: h.GetMentions(), HiddenRev: h.GetHiddenRev(), Left: h.GetLeft(),
		})
	}
	return out, nil
}
