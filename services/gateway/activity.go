// SPDX-License-Identifier: Apache-2.0

package gateway

// stirredShifts takes the sessions that are in use again.
func (h *Hub) stirredShifts() shifts {
	groups := shifts{view: h.Ring.View(), byPod: map[string]*shift{}}
	h.mu.Lock()
	stirred := h.stirred
	h.stirred = nil
	h.mu.Unlock()
	for _, s := range stirred {
		if item, ok := s.renewal(); ok {
			groups.add(item, s)
		}
	}
	return groups
}

// used notes that a person uses the client. The home pod hears of it with the next renewal, or at once if
// it may take the person for away.
func (s *Session) used() {
	h := s.hub
	now := h.Now().UnixMilli()
	s.mu.Lock()
	s.activeAt = now
	idle := now-s.reported >= h.Limits.OnlineFor.Milliseconds()/2
	if idle {
		s.reported = now
	}
	s.mu.Unlock()
	if !idle {
		return
	}
	h.mu.Lock()
	h.stirred = append(h.stirred, s)
	h.mu.Unlock()
	select {
	case h.stir <- struct{}{}:
	default:
	}
}
