// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// checks is what waits for a comparison of heads: what a session was told against what the message
// service knows.
type checks struct {
	signal chan struct{} // has a place that is filled while something waits

	mu       sync.Mutex // guards everything below
	everyone bool       // its reason is a lost broker
	some     map[*Session]ResyncReason
	lost     bool // there is no broker
}

// add asks for a comparison of some sessions.
func (c *checks) add(sessions []*Session, reason ResyncReason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.some == nil {
		c.some = map[*Session]ResyncReason{}
	}
	for _, s := range sessions {
		c.some[s] = reason
	}
	c.wake()
}

// all asks for a comparison of every session.
func (c *checks) all() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.everyone = true
	c.wake()
}

func (c *checks) wake() {
	select {
	case c.signal <- struct{}{}:
	default:
	}
}

func (c *checks) isLost() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

func (c *checks) take() (everyone bool, some map[*Session]ResyncReason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	everyone, some = c.everyone, c.some
	c.everyone, c.some = false, nil
	return everyone, some
}

// BrokerLost tells that envelopes do not arrive. Until BrokerBound the heads of all sessions are compared
// every few seconds.
func (h *Hub) BrokerLost() {
	h.checks.mu.Lock()
	h.checks.lost = true
	h.checks.mu.Unlock()
	h.checks.all()
}

// BrokerBound tells that envelopes arrive from now on; what was missed before is found by comparing
// heads once.
func (h *Hub) BrokerBound() {
	h.checks.mu.Lock()
	h.checks.lost = false
	h.checks.mu.Unlock()
	h.EnvelopeLost(false)
}

// EnvelopeLost tells that an envelope is missing: the heads of all sessions are compared once. Unless it
// was a forwarded one, it may have held what this pod would have forwarded, so that the holders of its
// users' other sessions must compare too.
func (h *Hub) EnvelopeLost(forwarded bool) {
	h.checks.all()
	if forwarded {
		return
	}
	for _, pod := range h.registry.Pods() {
		if pod != h.Pod {
			h.Courier.Hole(pod)
		}
	}
}

// keepChecked compares heads as they are asked for.
func (h *Hub) keepChecked(ctx context.Context) {
	noBus := time.NewTicker(h.Limits.CheckNoBus)
	defer noBus.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.checks.signal:
		case <-noBus.C:
			h.checks.mu.Lock()
			due := h.checks.lost || h.checks.everyone || len(h.checks.some) > 0
			h.checks.everyone = h.checks.everyone || h.checks.lost
			h.checks.mu.Unlock()
			if !due {
				continue
			}
		}
		h.compare(ctx)
		// Losses come in crowds; one comparison answers all that come until the next tick.
		select {
		case <-ctx.Done():
			return
		case <-time.After(h.Limits.Tick):
		}
	}
}

// compare does what waits. What fails waits for the next tick.
func (h *Hub) compare(ctx context.Context) {
	everyone, some := h.checks.take()
	if everyone {
		for _, s := range h.all() {
			if some == nil {
				some = map[*Session]ResyncReason{}
			}
			if _, ok := some[s]; !ok {
				some[s] = ResyncBrokerLost
			}
		}
	}
	var sessions []*Session
	var questions []Question
	ask := func() {
		if len(questions) > 0 && !h.compareBatch(ctx, sessions, questions, some) {
			h.checks.mu.Lock()
			if h.checks.some == nil {
				h.checks.some = map[*Session]ResyncReason{}
			}
			for _, s := range sessions {
				h.checks.some[s] = some[s]
			}
			h.checks.mu.Unlock()
		}
		sessions, questions = sessions[:0], questions[:0]
	}
	for s := range some {
		if q, ok := s.question(some[s]); ok {
			sessions, questions = append(sessions, s), append(questions, q)
		}
		if len(questions) >= h.Limits.CheckAtOnce {
			ask()
		}
	}
	ask()
}

func (h *Hub) compareBatch(
	ctx context.Context, sessions []*Session, questions []Question, reasons map[*Session]ResyncReason,
) bool {
	ctx, cancel := context.WithTimeout(ctx, h.Limits.CallWait)
	defer cancel()
	told, asked := h.instant(), h.instant()
	answers, err := h.Messages.SyncAll(ctx, questions)
	if err != nil || len(answers) != len(questions) {
		h.Logger.WarnContext(ctx, "heads cannot be compared", "error", err)
		return false
	}
	for i, s := range sessions {
		s.compared(answers[i], told, asked, reasons[s])
	}
	return true
}

// question asks what moved since the server has told everything. A session that never showed a cursor
// has nothing to compare: its client has yet to read heads.
// While heads are being read the comparison waits for them: what was lost may have come after.
func (s *Session) question(reason ResyncReason) (Question, bool) {
	now, fresh := s.hub.Now(), s.hub.fresh()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resumed && s.sync.checked == "" {
		s.sync.doubt = &reason
	}
	ok := s.state == stateLive && s.sync.checked != "" && !s.until.Before(now) && fresh
	return Question{User: s.login.User, Cursor: s.sync.checked}, ok
}

// compared sends a resync for each conversation that stands further than the session was told.
func (s *Session) compared(answer Heads, told, asked time.Duration, reason ResyncReason) {
	if answer.Reset {
		s.close(CloseCursorInvalid, Pace{}, nil)
		return
	}
	s.mu.Lock()
	p := s.person
	s.mu.Unlock()
	p.mu.Lock()
	s.mu.Lock()
	behind, whole := s.behind(answer, p)
	s.sync.next = asked + s.hub.Limits.CheckEvery
	if answer.Complete {
		s.sync.answered(answer, told, asked, s.hub.Limits.HeadsKept)
	} else {
		// More moved than one answer holds: the next pong tells the client to call Sync.
		s.sync.behind, whole = true, true
	}
	s.mu.Unlock()
	p.mu.Unlock()
	if whole || len(behind) > maxResyncs {
		s.resync(Resync{Reason: reason})
		return
	}
	for _, r := range behind {
		r.Reason = reason
		s.resync(r)
	}
}

// behind lists the conversations whose head is ahead of what was told. Whole is true if something else
// than a message was missed, which a client learns by asking for heads. The caller holds the locks of
// person and session.
func (s *Session) behind(answer Heads, p *person) (list []Resync, whole bool) {
	for _, head := range answer.Heads {
		pushed, told := p.moved.kept[head.Conversation], s.sync.told.kept[head.Conversation]
		seq, membersRev := max(pushed.seq, told.seq), max(pushed.membersRev, told.membersRev)
		rev := max(pushed.rev, told.rev)
		switch {
		case head.Seq > seq && seq > 0:
			list = append(list, Resync{Conversation: head.Conversation, FromSeq: seq + 1})
		case head.Seq > seq:
			list = append(list, Resync{Conversation: head.Conversation})
		case head.MembersRev > membersRev && membersRev > 0, head.Rev > rev && rev > 0:
			whole = true
		}
	}
	return list, whole
}

func (s *Session) resync(r Resync) {
	s.hub.stats.resynced(r.Reason)
	s.send(0, r)
}

// takeConversation counts one send to a conversation.
func (h *Hub) takeConversation(id ids.ConversationID, now time.Time) (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.conversations[id]
	if b == nil {
		b = &bucket{}
		h.conversations[id] = b
	}
	return b.take(now, h.Limits.ConversationPerSecond, h.Limits.ConversationBurst)
}
