// SPDX-License-Identifier: Apache-2.0

package rollout

import "time"

// stability is how long fewer seats must be enough before one goes; chosen, no evidence.
const stability = 10 * time.Minute

// Scaling chooses the count of seats by sessions.
type Scaling struct {
	// Min and Max seats, with 1 ≤ Min ≤ Max.
	Min, Max int
	// SessionsPerPod is aimed at, at least 1.
	SessionsPerPod int
	// Pace is the least time from one seat that goes to the next: a drain and a minute.
	Pace time.Duration
}

// Memory of Scaling between two passes. The zero value knows nothing, so an operator that starts anew
// waits once more before it takes a seat away.
type Memory struct {
	// FewerSince is since when fewer seats would have been enough.
	FewerSince time.Time
	// LastDown is when a seat was last taken away.
	LastDown time.Time
}

// Next answers how many seats are wanted now, from how many there were wanted until now. More come at
// once; they go one by one, and none while a seat does not tell its sessions. There is room for the
// sessions of the largest seat, should it be lost.
func (s Scaling) Next(current int, seats []Seat, memory Memory, now time.Time) (int, Memory) {
	total, largest, complete := 0, 0, true
	for _, seat := range seats {
		complete = complete && seat.Known
		total, largest = total+known(seat), max(largest, known(seat))
	}
	enough := min(max((total+largest+s.SessionsPerPod-1)/s.SessionsPerPod, s.Min), s.Max)
	switch {
	case current < s.Min || current > s.Max:
		return min(max(current, s.Min), s.Max), Memory{LastDown: memory.LastDown}
	case enough >= current:
		return enough, Memory{LastDown: memory.LastDown}
	case !complete:
		// Silence is no reason to forget how long fewer were enough, nor to act on it.
		return current, memory
	case memory.FewerSince.IsZero():
		memory.FewerSince = now
		return current, memory
	case now.Sub(memory.FewerSince) < stability || now.Sub(memory.LastDown) < s.Pace:
		return current, memory
	default:
		memory.LastDown = now
		return current - 1, memory
	}
}
