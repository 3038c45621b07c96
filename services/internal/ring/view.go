// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"encoding/binary"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/parley-chat/parley/services/internal/ids"
)

// View is one state of the ring. The zero View is the empty ring. It never changes after NewView and
// is safe for concurrent use.
type View struct {
	members []Member // those that serve, in order of seat and UID
	homes   []Member // one per seat, in order of seat
	ending  []string // pods that end, sorted; they are no part of the epoch
	epoch   uint64
}

// NewView makes the view of members, in any order; those that do not serve are left out. A ready
// member serves. The slice is not kept.
func NewView(members []Member) View {
	serving := make([]Member, 0, len(members))
	var ending []string
	for _, member := range members {
		if member.Ending || member.Serving && !member.Ready {
			ending = append(ending, member.Pod)
		}
		if member.Ready || member.Serving {
			member.Serving = true
			serving = append(serving, member)
		}
	}
	slices.SortFunc(serving, compareMembers)
	serving = slices.Compact(serving)
	slices.Sort(ending)
	return View{members: serving, homes: homesOf(serving), ending: slices.Compact(ending), epoch: epochOf(serving)}
}

// homesOf picks each seat's home pod; members are sorted.
func homesOf(members []Member) []Member {
	var homes []Member
	for _, member := range members {
		last := len(homes) - 1
		switch {
		case last < 0 || homes[last].Seat != member.Seat:
			homes = append(homes, member)
		case member.Ready && !homes[last].Ready:
			homes[last] = member
		}
	}
	return homes
}

// epochOf hashes every field with its length, so that no two different rings give the same bytes.
func epochOf(members []Member) uint64 {
	var text []byte
	for _, member := range members {
		text = binary.BigEndian.AppendUint32(text, member.Seat)
		for _, field := range []string{member.Pod, member.UID, member.URL} {
			text = binary.BigEndian.AppendUint32(text, uint32(len(field))) //nolint:gosec // names are short
			text = append(text, field...)
		}
		if member.Ready {
			text = append(text, 1)
		} else {
			text = append(text, 0)
		}
	}
	return xxh3.Hash(text)
}

// Epoch is the ring epoch: equal for equal members, whatever their order. It says nothing about which
// of two rings is newer.
func (v View) Epoch() uint64 { return v.epoch }

// Members are the pods that serve, in order of seat and UID; the slice is the caller's.
func (v View) Members() []Member { return slices.Clone(v.members) }

// Ending are the names of the pods that end, also of those that have left the ring and still have sessions; the
// slice is the caller's.
func (v View) Ending() []string { return slices.Clone(v.ending) }

// IsHome tells whether a pod is the home pod of its seat.
func (v View) IsHome(pod string) bool {
	return slices.ContainsFunc(v.homes, func(home Member) bool { return home.Pod == pod })
}

// Seat is the user's seat; ok is false in an empty ring.
func (v View) Seat(user ids.UserID) (seat uint32, ok bool) {
	home, ok := v.Home(user)
	return home.Seat, ok
}

// Home is the user's home pod; ok is false in an empty ring.
func (v View) Home(user ids.UserID) (Member, bool) {
	if len(v.homes) == 0 {
		return Member{}, false
	}
	best, bestWeight := 0, weight(user, v.homes[0].Seat)
	for i := 1; i < len(v.homes); i++ {
		// Homes are in order of seat: a tie stays with the lower one.
		if w := weight(user, v.homes[i].Seat); w > bestWeight {
			best, bestWeight = i, w
		}
	}
	return v.homes[best], true
}

func weight(user ids.UserID, seat uint32) uint64 {
	var key [20]byte
	copy(key[:], user[:])
	binary.BigEndian.PutUint32(key[16:], seat)
	return xxh3.Hash(key[:])
}
