// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// rechecksPerTick spreads the questions after a change of somebody whom many watch; chosen: a service of
// people answers far more.
const rechecksPerTick = 100

// recheck looks again at who may see a user and whom the user may see: a block, the end of a friendship or
// a presence that is hidden ends what was allowed before. The user's own sessions come first. The home pod
// tells the pods that watch the user.
func (h *Hub) recheck(user ids.UserID, forwarded bool) {
	_, own := h.sessionsOf(user)
	watchers := h.watches.watchersOf(user)
	now := h.Now()
	for i, s := range slices.Concat(own, watchers) {
		turn := max(0, i-len(own)) / rechecksPerTick
		if s.recheckAt(now.Add(time.Duration(turn)*h.Limits.Tick), i < len(own)) {
			h.watches.postpone(s)
		}
	}
	h.watches.hurry()
	if forwarded {
		return
	}
	for _, pod := range h.presences.holdersOf(user) {
		if pod != h.Pod {
			h.Courier.Send(pod, Delivery{Class: ClassDurable, Recheck: user}, true)
		}
	}
}

// recheckAt makes the rights of a watch checked again at a time, or not before; false without a watch.
func (s *Session) recheckAt(at time.Time, exact bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watching.wanted == nil {
		return false
	}
	s.watching.due = true
	if exact || at.After(s.watching.next) {
		s.watching.next = at
	}
	return true
}

// watchersOf are the sessions here that follow a user; the caller must not change the slice.
func (w *watches) watchersOf(user ids.UserID) []*Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := w.users[user]; f != nil {
		return f.sessions
	}
	return nil
}

// hurry does not wait for the next tick.
func (w *watches) hurry() {
	select {
	case w.soon <- struct{}{}:
	default:
	}
}

// holdersOf are the pods whose sessions watch a user.
func (p *presences) holdersOf(user ids.UserID) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.users[user]
	if w == nil {
		return nil
	}
	pods := make([]string, len(w.holders))
	for i := range w.holders {
		pods[i] = w.holders[i].pod
	}
	return pods
}

// hidden are those of some users whom a session may not see any more though it still wants to.
func (w *watches) hidden(s *Session, wanted, visible []ids.UserID) []Presence {
	still := make(map[ids.UserID]bool, len(wanted))
	for _, user := range wanted {
		still[user] = true
	}
	for _, user := range visible {
		delete(still, user)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var gone []Presence
	for _, user := range w.sessions[s] {
		if still[user] {
			gone = append(gone, Presence{User: user})
		}
	}
	return gone
}
