// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"slices"
)

// Seat of the gateway: a Deployment of one pod.
type Seat struct {
	Number int32
	// Sessions that its pods hold, if Known: a pod that gives no answer is neither empty nor full.
	Sessions int
	Known    bool
	// Available is true when a pod of it serves.
	Available bool
	// Current is true when its Deployment is as the spec wants it.
	Current bool
	// Done is what Workload.Done says.
	Done bool
}

// ToAdd lists the seats to add so that there are wanted ones: the lowest numbers that are free, ascending.
// It is empty when there are enough.
func ToAdd(seats []Seat, wanted int) []int32 {
	var added []int32
	for number := int32(0); len(seats)+len(added) < wanted; number++ {
		if !slices.ContainsFunc(seats, func(seat Seat) bool { return seat.Number == number }) {
			added = append(added, number)
		}
	}
	return added
}

// ToRemove is the seat to delete next when there are more than wanted: one that serves nobody, else the
// one with the fewest sessions, the highest number of equal ones. Seats whose sessions are not known come
// last. One goes at a time: false while draining, which says that a pod ends somewhere.
func ToRemove(seats []Seat, wanted int, draining bool) (int32, bool) {
	if len(seats) <= wanted || draining {
		return 0, false
	}
	return slices.MinFunc(seats, func(a, b Seat) int {
		return cmp.Or(
			order(a.Available, b.Available),
			order(!a.Known, !b.Known),
			cmp.Compare(known(a), known(b)),
			cmp.Compare(b.Number, a.Number))
	}).Number, true
}

// ToChange is the seat to change next. One goes at a time: false while a changed seat is not done, or
// while draining, which says that a pod ends somewhere. Seats that serve nobody go first and then those
// that an earlier change left half done, because they may be why this one was made; then the lowest number.
func ToChange(seats []Seat, draining bool) (int32, bool) {
	var old []Seat
	for _, seat := range seats {
		switch {
		case !seat.Current:
			old = append(old, seat)
		case !seat.Done:
			return 0, false
		}
	}
	if len(old) == 0 {
		return 0, false
	}
	next := slices.MinFunc(old, func(a, b Seat) int {
		return cmp.Or(order(a.Available, b.Available), order(a.Done, b.Done), cmp.Compare(a.Number, b.Number))
	})
	if draining && next.Available {
		return 0, false
	}
	return next.Number, true
}

// order puts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

func known(seat Seat) int {
	if !seat.Known {
		return 0
	}
	return seat.Sessions
}
