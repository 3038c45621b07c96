// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"maps"
	"sync"
)

// Stats is a snapshot for metrics and status. Counters never go back.
type Stats struct {
	Sessions   int // live here
	Guests     int // live here, at home elsewhere
	Opening    int
	Registered int // at home here, wherever they are held
	Elsewhere  int // of these, held by other pods
	Members    int // serving pods of the ring
	Seats      int // of these pods
	QueueBytes int
	Watches    int // pairs of a session here and a user that it watches
	Watched    int // users at home here whose presence is watched

	Closes  map[CloseCode]int64
	Resyncs map[ResyncReason]int64
	Refused map[string]int64 // handshakes, by reason
	Moves   map[MoveOutcome]int64

	Typing          map[TypingOutcome]int64
	PresenceChanges map[PresenceState]int64 // of users at home here, told to holders
	WatchesRefused  int64                   // there was no room for them
	Relieved        int64                   // frames of typing and presence that gave way in session queues
}

// MoveOutcome is how a session left a pod that ends.
type MoveOutcome int

// The outcomes.
const (
	MoveDone     MoveOutcome = iota // the client went by itself after it was asked
	MoveLate                        // it was closed as moved at its deadline
	MoveSentAway                    // nobody was left to take it
	MoveCut                         // the time of the pod was over
	moveOutcomes
)

// stats counts.
type stats struct {
	mu      sync.Mutex // guards everything below
	closes  map[CloseCode]int64
	resyncs [resyncReasons]int64
	refusal map[string]int64
	moves   [moveOutcomes]int64

	typing   [typingOutcomes]int64
	presence [presenceStates]int64
	noWatch  int64
}

// TypingOutcome is what became of a frame that says that somebody types.
type TypingOutcome int

// The outcomes.
const (
	TypingTold    TypingOutcome = iota // the other members hear of it
	TypingTooFast                      // there was one a moment ago
	TypingUnused                       // nobody can send there, or there are too many members
	typingOutcomes
)

func (s *stats) typed(outcome TypingOutcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.typing[outcome]++
}

func (s *stats) presenceChanged(state PresenceState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.presence[state]++
}

func (s *stats) watchRefused(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noWatch += int64(n)
}

func (s *stats) moved(outcome MoveOutcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves[outcome]++
}

// closed counts a close; codes that peers invent count as abnormal.
func (s *stats) closed(code CloseCode) {
	if code.Name() == "" && code != CloseNormal {
		code = 1006
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closes == nil {
		s.closes = map[CloseCode]int64{}
	}
	s.closes[code]++
}

func (s *stats) resynced(reason ResyncReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resyncs[reason]++
}

func (s *stats) refused(err error) {
	reason := "rate"
	switch {
	case errors.Is(err, ErrDraining):
		reason = "draining"
	case errors.Is(err, ErrFull):
		reason = "full"
	case errors.Is(err, ErrAddressBusy):
		reason = "address"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal == nil {
		s.refusal = map[string]int64{}
	}
	s.refusal[reason]++
}

// Stats counts sessions now, and what happened so far.
func (h *Hub) Stats() Stats {
	out := Stats{Resyncs: map[ResyncReason]int64{}, Moves: map[MoveOutcome]int64{}, PresenceChanges: map[PresenceState]int64{}, Typing: map[TypingOutcome]int64{}}
	seats := map[uint32]bool{}
	for _, m := range h.Ring.View().Members() {
		out.Members++
		seats[m.Seat] = true
	}
	out.Seats = len(seats)
	for _, s := range h.all() {
		s.mu.Lock()
		switch {
		case s.state == stateLive && s.home != h.Pod:
			out.Guests++
			fallthrough
		case s.state == stateLive:
			out.Sessions++
		default:
			out.Opening++
		}
		out.QueueBytes += s.queue.bytes
		s.mu.Unlock()
	}
	out.Watches, out.Watched = h.watched()
	out.Registered, out.Elsewhere = h.registry.Sessions(h.Pod)
	h.stats.mu.Lock()
	defer h.stats.mu.Unlock()
	out.Closes, out.Refused = maps.Clone(h.stats.closes), maps.Clone(h.stats.refusal)
	for reason, n := range h.stats.resyncs {
		out.Resyncs[ResyncReason(reason)] = n
	}
	for outcome, n := range h.stats.moves {
		out.Moves[MoveOutcome(outcome)] = n
	}
	for outcome, n := range h.stats.typing {
		out.Typing[TypingOutcome(outcome)] = n
	}
	for state, n := range h.stats.presence {
		if PresenceState(state) != PresenceUnknown {
			out.PresenceChanges[PresenceState(state)] = n
		}
	}
	out.WatchesRefused, out.Relieved = h.stats.noWatch, h.relieved.Load()
	return out
}

// watched counts the watches of this pod, and the users at home here who are watched.
func (h *Hub) watched() (pairs, users int) {
	h.watches.mu.Lock()
	pairs = h.watches.pairs
	h.watches.mu.Unlock()
	h.presences.mu.Lock()
	defer h.presences.mu.Unlock()
	return pairs, len(h.presences.users)
}
