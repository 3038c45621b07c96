// SPDX-License-Identifier: Apache-2.0

package client

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// entry is one unsent message.
type entry struct {
	Entry

	answer   chan outcome // of Send; nil for Enqueue
	session  *session     // where it is unanswered; nil: it waits
	frameID  int64
	answerBy time.Time
	retryAt  time.Time // not before; zero: at once
	failures int       // tries with an unknown outcome in a row
	letsPass bool      // while it waits; its file is the reason
}

// first is the message of a line that goes next.
func first(line []*entry, now time.Time) *entry {
	for _, en := range line {
		if en.session != nil || !en.letsPass || !now.Before(en.retryAt) {
			return en
		}
	}
	return line[0]
}

// tell answers who waits, if anybody.
func (en *entry) tell(o outcome) {
	if en.answer != nil {
		en.answer <- o
		en.answer = nil
	}
}

// addEntry puts a message at the end of its conversation's line.
func (e *engine) addEntry(en *entry) {
	if len(e.lines[en.ConversationID]) == 0 {
		e.order = append(e.order, en.ConversationID)
	}
	e.lines[en.ConversationID] = append(e.lines[en.ConversationID], en)
}

// tickOutbox sends what may leave: the first message of each conversation, within the bound.
func (e *engine) tickOutbox(now time.Time) {
	for _, en := range e.cur.sends {
		if !now.Before(en.answerBy) {
			e.outcomeUnknown(en, now)
		}
	}
	if now.Before(e.sendAt) {
		return
	}
	for _, id := range slices.Clone(e.order) {
		if len(e.cur.sends) >= e.cur.maxInFlight {
			return
		}
		en := first(e.lines[id], now)
		if en.session != nil || now.Before(en.retryAt) {
			continue
		}
		if now.Sub(time.UnixMilli(en.CreatedAt)) > outboxAge {
			e.fail(en, &SendError{Reason: ReasonTooOld})
			continue
		}
		e.sendEntry(en, now)
	}
}

// sendEntry sends the stored bytes, the same on every try.
func (e *engine) sendEntry(en *entry, now time.Time) {
	request := &messagev1.SendRequest{}
	if err := proto.Unmarshal(en.Request, request); err != nil {
		e.fail(en, &SendError{Reason: "CONTENT_INVALID"})
		return
	}
	id := e.newID()
	frame, err := e.cfg.Format.encode(&gatewayv1.ClientFrame{Id: id, Kind: &gatewayv1.ClientFrame_Send{Send: request}})
	if err != nil || len(frame) > e.cur.maxFrame {
		e.fail(en, &SendError{Reason: ReasonTooLarge}) // the server would end the connection, again and again
		return
	}
	en.session, en.frameID, en.answerBy = e.cur, id, now.Add(answerWait)
	e.cur.sends[en.frameID] = en
	e.cur.socket.send(frame)
}

// addOutboxTimes names when the outbox has work again.
func (e *engine) addOutboxTimes(at *earliest) {
	for _, en := range e.cur.sends {
		at.add(en.answerBy)
	}
	if len(e.cur.sends) >= e.cur.maxInFlight {
		return
	}
	for _, id := range e.order {
		if en := first(e.lines[id], e.cfg.Now()); en.session != nil {
			continue
		} else if en.retryAt.Before(e.sendAt) {
			at.add(e.sendAt)
		} else {
			at.add(en.retryAt)
		}
	}
}

// takeBack makes a message wait again; its outcome is unknown.
func (e *engine) takeBack(en *entry, retryAt time.Time) {
	delete(en.session.sends, en.frameID)
	en.session, en.retryAt = nil, retryAt
}

// outcomeUnknown sends the same message again after a while.
func (e *engine) outcomeUnknown(en *entry, now time.Time) {
	e.takeBack(en, now.Add(backoff(en.failures, e.cfg.Random())))
	en.failures++
}

// sent settles a message; it may have been received already, or will be.
func (e *engine) sent(s *session, re int64, sent *messagev1.Sent) {
	en := e.find(s, re, sent)
	if en == nil {
		return // settled before
	}
	e.done(en, sent)
	request := &messagev1.SendRequest{}
	if err := proto.Unmarshal(en.Request, request); err != nil {
		return
	}
	if request.GetContent().GetText() == nil { // only the server knows the file
		e.conversation(sent.GetConversationId()).see(sent.GetSeq(), 0)
		e.arrived(sent.GetConversationId(), nil)
		return
	}
	e.arrived(sent.GetConversationId(), []*messagev1.Message{ownMessage(request, sent, e.userID)})
}

// done says that a message is stored.
func (e *engine) done(en *entry, sent *messagev1.Sent) {
	e.remove(en)
	e.refusals = 0
	e.emit(SendDone{sent})
	en.tell(outcome{sent: sent})
}

// settleOwn knows own messages again that arrive before their answer, or without one.
func (e *engine) settleOwn(items []*messagev1.Message) {
	for _, m := range items {
		if m.GetSenderId() != e.userID || m.GetClientMessageId() == "" {
			continue
		}
		sent := &messagev1.Sent{
			ClientMessageId: m.GetClientMessageId(), ConversationId: m.GetConversationId(),
			MessageId: m.GetMessageId(), Seq: m.GetSeq(), SentAt: m.GetSentAt(),
		}
		if en := e.find(nil, 0, sent); en != nil {
			e.done(en, sent)
		}
	}
}

// find looks by frame id, then by client message id.
func (e *engine) find(s *session, re int64, sent *messagev1.Sent) *entry {
	if s != nil && s.sends[re] != nil && s.sends[re].ClientMessageID == sent.GetClientMessageId() {
		return s.sends[re]
	}
	for _, en := range e.lines[sent.GetConversationId()] {
		if en.ClientMessageID == sent.GetClientMessageId() {
			return en
		}
	}
	return nil
}

// ownMessage is what the server stored of a text.
func ownMessage(r *messagev1.SendRequest, sent *messagev1.Sent, sender string) *messagev1.Message {
	return &messagev1.Message{
		ConversationId: sent.GetConversationId(), Seq: sent.GetSeq(), MessageId: sent.GetMessageId(),
		ClientMessageId: sent.GetClientMessageId(), SenderId: sender, SentAt: sent.GetSentAt(),
		Content: &messagev1.Message_Text{Text: r.GetContent().GetText()},
	}
}

// sendRefused follows the advice of an error frame.
func (e *engine) sendRefused(en *entry, err *gatewayv1.Error) {
	now := e.cfg.Now()
	en.letsPass = err.GetReason() == reasonFilesUnavailable
	wait := time.Duration(err.GetRetryAfterMs()) * time.Millisecond
	switch err.GetRetry() {
	case gatewayv1.Retry_RETRY_AFTER:
		if e.refusals++; e.refusals > 1 {
			e.sendAt = now.Add(min(wait, refusedWait)) // not one conversation alone is refused, and frames are counted
		}
		e.takeBack(en, now.Add(max(wait, backoff(en.failures, e.cfg.Random()))))
		en.failures++
	case gatewayv1.Retry_RETRY_SAME_ID:
		e.takeBack(en, now.Add(max(wait, backoff(en.failures, e.cfg.Random()))))
		en.failures++
	case gatewayv1.Retry_RETRY_LOGIN:
		e.takeBack(en, now.Add(backoffMax)) // the connection is about to be closed
	default:
		e.fail(en, &SendError{Reason: err.GetReason(), Metadata: err.GetMetadata()})
	}
}

// fail gives a message back.
func (e *engine) fail(en *entry, err *SendError) {
	e.remove(en)
	e.emit(SendFailed{en.Entry, err})
	en.tell(outcome{err: err})
}

// remove takes a message out of the outbox. The store follows once the events before it were heard: a
// crash in between sends it again, and the server knows it.
func (e *engine) remove(en *entry) {
	if en.session != nil {
		delete(en.session.sends, en.frameID)
		en.session = nil
	}
	line := slices.DeleteFunc(e.lines[en.ConversationID], func(other *entry) bool { return other == en })
	if len(line) == 0 {
		delete(e.lines, en.ConversationID)
		e.order = slices.DeleteFunc(e.order, func(id string) bool { return id == en.ConversationID })
	} else {
		e.lines[en.ConversationID] = line
	}
	e.c.unsent.Add(-1)
	id := en.ClientMessageID
	e.out = append(e.out, delivery{after: func() {
		if err := e.cfg.Store.DropEntry(id); err != nil {
			e.cfg.Logger.Error("outbox not stored", "client_message_id", id, "error", err)
		}
	}})
}
