// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"time"
)

// forcedClose is how long a closed session may write what waits; chosen: an ended login is dead
// everywhere within two seconds.
const forcedClose = time.Second

// keepTime is the one clock of all sessions. Each tick serves one slot of the wheel, so that pings are
// spread over their interval; only sessions that open or close are looked at in every tick.
func (h *Hub) keepTime(ctx context.Context) {
	ticker := time.NewTicker(h.Limits.Tick)
	defer ticker.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		h.endOpenings()
		h.forceCloses()
		h.pingSlot(ctx, turn%len(h.slots))
		h.noteFreshness()
		if turn%10 == 0 {
			h.forget()
		}
	}
}

// endOpenings closes connections whose first frame does not come.
func (h *Hub) endOpenings() {
	limit := h.since() - h.Limits.AuthWait
	var late []*Session
	h.mu.RLock()
	for s := range h.opening {
		if s.opened <= limit {
			late = append(late, s)
		}
	}
	h.mu.RUnlock()
	for _, s := range late {
		s.mu.Lock()
		waits := s.state == stateNew
		s.mu.Unlock()
		if waits {
			s.close(CloseAuthTimeout, Pace{}, nil)
		}
	}
}

// closes notes a session that writes its last frames.
func (h *Hub) closes(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closing[s] = h.Now()
}

// hasClosed notes that the last frame was written.
func (h *Hub) hasClosed(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.closing, s)
}

// forceCloses ends the sockets of closed sessions that do not take their last frames.
func (h *Hub) forceCloses() {
	limit := h.Now().Add(-forcedClose)
	var stuck []*Session
	h.mu.RLock()
	for s, at := range h.closing {
		if !at.After(limit) {
			stuck = append(stuck, s)
		}
	}
	h.mu.RUnlock()
	for _, s := range stuck {
		s.mu.Lock()
		last := *s.last
		s.mu.Unlock()
		s.socket.Close(last.code, last.reason)
	}
}

// pingSlot pings the sessions of one slot, closes those that did not answer the ping before, and asks for
// the heads and the login sessions of those whose time has come.
func (h *Hub) pingSlot(ctx context.Context, turn int) {
	var due []*Session
	now := h.since()
	for _, s := range h.slot(turn) {
		s.mu.Lock()
		check, prove := s.state == stateLive && s.sync.next < now, s.state == stateLive && s.proveAt <= now
		if check {
			s.sync.next = now + h.Limits.CheckEvery
		}
		s.mu.Unlock()
		if check {
			due = append(due, s)
		}
		if prove {
			s.errand(ctx, s.proveAgain) // where too much waits, the next ping asks
		}
		s.ping()
	}
	if len(due) > 0 {
		h.checks.add(due, ResyncBrokerLost)
	}
	waited := int(h.Limits.PongWait / h.Limits.Tick)
	limit := int64(h.since() - h.Limits.PongWait - h.Limits.Tick)
	for _, s := range h.slot((turn - waited%len(h.slots) + len(h.slots)) % len(h.slots)) {
		if s.heard.Load() < limit {
			s.close(CloseSilent, Pace{}, nil)
		}
	}
}

func (h *Hub) slot(turn int) []*Session {
	h.mu.RLock()
	defer h.mu.RUnlock()
	list := make([]*Session, 0, len(h.slots[turn]))
	for s := range h.slots[turn] {
		list = append(list, s)
	}
	return list
}

// noteFreshness compares all heads when ends of login sessions are known again: nothing was delivered
// meanwhile.
func (h *Hub) noteFreshness() {
	stale := !h.Tokens.Fresh()
	if h.stale.Swap(stale) && !stale {
		h.checks.all()
	}
}

// fresh tells whether ends of login sessions are known. Where something is left out because they are not,
// all heads are compared later, however short the moment was.
func (h *Hub) fresh() bool {
	if h.Tokens.Fresh() {
		return true
	}
	h.stale.Store(true)
	return false
}

// forget drops what is too old to matter.
func (h *Hub) forget() {
	now := h.Now()
	h.mu.Lock()
	for id, e := range h.ended {
		if e.at.Before(now.Add(-endedFor)) {
			delete(h.ended, id)
		}
	}
	for id, b := range h.conversations {
		if b.idle(now, h.Limits.ConversationPerSecond) {
			delete(h.conversations, id)
		}
	}
	people := make([]*person, 0, len(h.users))
	for _, p := range h.users {
		people = append(people, p)
	}
	h.mu.Unlock()
	before := h.since() - h.Limits.HeadsFor
	for _, p := range people {
		p.mu.Lock()
		p.moved.prune(before)
		p.mu.Unlock()
	}
	for _, s := range h.all() {
		s.mu.Lock()
		s.sync.told.prune(before)
		s.mu.Unlock()
	}
}
