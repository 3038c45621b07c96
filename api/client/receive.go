// SPDX-License-Identifier: Apache-2.0

package client

import (
	"time"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// receive handles one frame. One that cannot be read is skipped, and a ping tells what it may have
// meant.
func (e *engine) receive(in inbound) {
	s := in.s
	if s != e.cur && s != e.next {
		return
	}
	frame, err := e.cfg.Format.decode(in.data)
	if err != nil {
		e.cfg.Logger.Warn("frame skipped", "error", err)
		if s.phase == phaseLive {
			e.ping(s, e.cfg.Now())
		}
		return
	}
	switch kind := frame.GetKind().(type) {
	case *gatewayv1.ServerFrame_Welcome:
		e.welcomed(s, frame.GetRe(), kind.Welcome)
	case *gatewayv1.ServerFrame_Resumed:
		e.resumed(s, kind.Resumed)
	case *gatewayv1.ServerFrame_Pong:
		e.ponged(s, kind.Pong)
	case *gatewayv1.ServerFrame_Sent:
		e.sent(s, frame.GetRe(), kind.Sent)
	case *gatewayv1.ServerFrame_Reconnect:
		e.asked(s, kind.Reconnect)
	case *gatewayv1.ServerFrame_Resync:
		e.resync(s, kind.Resync)
	case *gatewayv1.ServerFrame_Error:
		e.refused(s, frame.GetRe(), kind.Error)
	default:
		e.receiveNews(frame)
	}
}

// receiveNews handles what is new for the user; unknown kinds are skipped.
func (e *engine) receiveNews(frame *gatewayv1.ServerFrame) {
	switch kind := frame.GetKind().(type) {
	case *gatewayv1.ServerFrame_Messages:
		e.arrived(kind.Messages.GetConversationId(), kind.Messages.GetItems())
	case *gatewayv1.ServerFrame_Change:
		e.changed(kind.Change)
	case *gatewayv1.ServerFrame_Conversation:
		e.heads([]*messagev1.Head{kind.Conversation.GetHead()}, gapWait)
		e.emit(ConversationChanged{kind.Conversation})
	case *gatewayv1.ServerFrame_Read:
		e.emit(MarkerMoved{kind.Read})
	case *gatewayv1.ServerFrame_Hidden:
		e.hid(kind.Hidden)
	case *gatewayv1.ServerFrame_Typing:
		e.emit(TypingChanged{kind.Typing})
	case *gatewayv1.ServerFrame_Presence:
		e.emit(PresenceChanged{kind.Presence.GetItems()})
	case *gatewayv1.ServerFrame_Event:
		e.emit(PeopleChanged{kind.Event})
	}
}

func (e *engine) welcomed(s *session, re int64, w *gatewayv1.Welcome) {
	if s.phase != phaseAuthenticating || re != s.authID {
		return // the answer to a token that was swapped
	}
	e.lastEpoch = max(e.lastEpoch, w.GetEpoch())
	e.userID = w.GetUserId()
	if ms := w.GetPingMs(); ms > 0 {
		s.pingEvery = time.Duration(ms) * time.Millisecond
	}
	if n := int(w.GetLimits().GetSendsInFlight()); n > 0 {
		s.maxInFlight = n
	}
	if n := int(w.GetLimits().GetFrameBytes()); n > 0 {
		s.maxFrame = n
	}
	s.phase, s.by = phaseResuming, e.cfg.Now().Add(noProgress)
	if !s.early {
		e.resume(s)
	}
}

func (e *engine) resumed(s *session, r *messagev1.SyncResponse) {
	if s.phase != phaseResuming {
		return
	}
	now := e.cfg.Now()
	s.phase, s.by, s.liveSince, s.pingAt = phaseLive, time.Time{}, now, now.Add(s.pingEvery)
	if !e.hidden {
		s.pingAt = now // tells at once that somebody is there
	}
	if s == e.next {
		e.promote()
	}
	if len(e.watched) > 0 {
		e.sendWatch()
	}
	e.catch = nil
	e.synced(r)
	if !r.GetReset_() {
		e.emit(PeopleStale{})
	}
}

// synced takes the answer of resume or Sync.
func (e *engine) synced(r *messagev1.SyncResponse) {
	if r.GetReset_() {
		e.cursor, e.claim = "", nil
		e.emit(ContinuityLost{}, PeopleStale{})
		e.catch = &catchUp{reset: true, left: len(e.conversations) > 0}
		return
	}
	e.heads(r.GetHeads(), 0)
	for _, h := range r.GetHeads() {
		e.emit(HeadMoved{h})
	}
	e.announce(r.GetCursor(), r.GetHeads())
	e.catch = nil
	if !r.GetComplete() {
		e.catch = &catchUp{cursor: r.GetCursor()}
	}
}

// ponged takes the heads that moved; one that is ahead may still be on its way here.
func (e *engine) ponged(s *session, p *gatewayv1.Pong) {
	s.pongBy = time.Time{}
	e.heads(p.GetHeads(), headWait)
	if e.catch != nil || p.GetCursor() == "" {
		return
	}
	if p.GetComplete() {
		e.announce(p.GetCursor(), p.GetHeads())
		return
	}
	if newest := e.newest(); newest == s.pinged { // else the rest has been asked for since the ping
		e.catch = &catchUp{cursor: newest}
	}
}

// resync pulls one conversation, or asks what moved.
func (e *engine) resync(s *session, r *gatewayv1.Resync) {
	if r.GetConversationId() == "" {
		e.emit(PeopleStale{})
		if s.phase == phaseLive {
			e.ping(s, e.cfg.Now())
		}
		return
	}
	c := e.conversation(r.GetConversationId())
	c.forced = true
	e.pullAfter(c, 0)
}

// asked plans a move.
func (e *engine) asked(s *session, r *gatewayv1.Reconnect) {
	wait := time.Duration(float64(r.GetAfterMs())+e.cfg.Random()*float64(r.GetJitterMs())) * time.Millisecond
	s.moveAt = e.cfg.Now().Add(wait)
}

// refused takes an error frame: of a send, or a notice before a close.
func (e *engine) refused(s *session, re int64, err *gatewayv1.Error) {
	if en, ok := s.sends[re]; ok {
		e.sendRefused(en, err)
		return
	}
	if ms := err.GetRetryAfterMs(); ms > 0 {
		s.notice = pace{after: time.Duration(ms) * time.Millisecond, given: true}
	}
}

// arrived sorts new messages in.
func (e *engine) arrived(id string, items []*messagev1.Message) {
	c := e.conversation(id)
	begins := !c.known && c.local == 0
	e.tellMessages(c, c.take(items))
	if begins && c.local > 0 {
		c.known = true // seen from its first message on
	}
	if len(c.aside) > 0 || c.behind() {
		e.pullAfter(c, gapWait)
	}
}

// changed takes the new state of one message if it is the next change, and pulls if one before it is
// missing. In a conversation that is new here all changes come with the first pull.
func (e *engine) changed(change *gatewayv1.Change) {
	c, rev := e.conversation(change.GetConversationId()), change.GetRev()
	m := change.GetMessage()
	if c.id == "" || m.GetSeq() < 1 {
		return
	}
	c.see(m.GetSeq(), rev)
	if c.known && rev == c.rev+1 {
		e.applyChanges(c, []*messagev1.Message{m}, rev)
	}
	if c.behind() {
		e.pullAfter(c, gapWait)
	}
}

// applyChanges takes messages that changed, up to a rev. One that was not received yet is received in its
// new state; where no room is left for it the rev stays, and the changes are asked for again.
func (e *engine) applyChanges(c *conversation, items []*messagev1.Message, upTo int64) {
	var told, ahead []*messagev1.Message
	for _, m := range items {
		if m.GetSeq() <= c.local {
			told = append(told, m)
		} else {
			ahead = append(ahead, m)
		}
	}
	received, kept := c.takeAll(ahead)
	if kept {
		c.rev = max(c.rev, upTo)
	}
	var events []Event
	if len(told) > 0 {
		events = append(events, MessagesChanged{c.id, told})
	}
	e.tell(c, appendMessages(events, c.id, received)...)
}

// heads notes what the server says and pulls after a while where something is missing.
func (e *engine) heads(heads []*messagev1.Head, wait time.Duration) {
	for _, h := range heads {
		if h.GetConversationId() == "" {
			continue
		}
		c := e.conversation(h.GetConversationId())
		c.see(h.GetSeq(), h.GetRev())
		c.targetHidden = max(c.targetHidden, h.GetHiddenRev())
		if c.behind() {
			e.pullAfter(c, wait)
		}
	}
}

func (e *engine) conversation(id string) *conversation {
	c := e.conversations[id]
	if c == nil {
		c = newConversation(id, Position{})
		e.conversations[id] = c
	}
	return c
}

func (e *engine) tellMessages(c *conversation, items []*messagev1.Message) {
	if len(items) > 0 {
		e.tell(c, MessagesReceived{c.id, items})
	}
}

// tell queues events of a conversation; once all were heard the position is stored, and only then it
// may be acknowledged.
func (e *engine) tell(c *conversation, events ...Event) {
	p, n := c.position(), 0
	for _, event := range events {
		e.emit(event)
		if m, ok := event.(MessagesReceived); ok {
			n += len(m.Items)
			e.settleOwn(m.Items)
		}
	}
	e.out = append(e.out, delivery{after: func() {
		if err := e.cfg.Store.SavePosition(c.id, p); err != nil {
			e.cfg.Logger.Error("position not stored", "conversation_id", c.id, "error", err)
			return
		}
		e.c.mail.post(func() { e.stored(c, p.Seq, n) })
	}})
	e.settle(c)
}
