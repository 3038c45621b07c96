// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"time"
)

// drainJitter spreads the sessions that are moved; chosen: short, because their start is spread already.
const drainJitter = 2 * time.Second

// Drain takes no new sessions and moves the others away. Where another ready gateway exists they are
// asked to reconnect, spread over the first half of the timeout, served until they go, and closed as
// moved at their deadline. Where none exists all are closed at once with a time to come back. It returns
// when no session is left, at the latest after the timeout.
func (h *Hub) Drain(ctx context.Context, timeout time.Duration) {
	h.admission.drain()
	sessions := h.all()
	if !h.othersReady() {
		for _, s := range sessions {
			s.close(CloseMaintenance, Pace{After: 5 * time.Second, Jitter: 30 * time.Second}, nil)
		}
		h.awaitDrained(ctx, forcedClose+h.Limits.Tick)
		return
	}
	deadline := timeout * 3 / 4
	for i, s := range sessions {
		after := timeout / 2 * time.Duration(i) / time.Duration(len(sessions))
		s.invite(Reconnect{
			AfterMS: after.Milliseconds(), JitterMS: min(drainJitter, timeout/8).Milliseconds(),
			DeadlineMS: deadline.Milliseconds(), Reason: "ROLLOUT",
		})
	}
	h.awaitDrained(ctx, deadline)
	for _, s := range h.all() {
		s.close(CloseMoved, Pace{}, nil)
	}
	h.awaitDrained(ctx, timeout-deadline)
}

// invite asks the client of a live session to open another connection; others are closed, their clients
// have nothing to lose.
func (s *Session) invite(r Reconnect) {
	s.mu.Lock()
	live := s.state == stateLive
	s.mu.Unlock()
	if live {
		s.send(0, r)
		return
	}
	s.close(CloseMaintenance, slowDown, nil)
}

func (h *Hub) othersReady() bool {
	for _, m := range h.Ring.View().Members() {
		if m.Ready && m.Pod != h.Pod {
			return true
		}
	}
	return false
}

// awaitDrained waits until no session is live.
func (h *Hub) awaitDrained(ctx context.Context, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for h.liveSessions() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-h.drained:
		}
	}
}

func (h *Hub) liveSessions() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.live
}
