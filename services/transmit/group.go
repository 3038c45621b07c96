// SPDX-License-Identifier: Apache-2.0

package transmit

import (
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
)

// maxUsers bounds the recipients of one delivery: the largest group, so that a message is one delivery for
// each home pod whatever the size of the group. That is 160 KB of ids for a group that is all at home on one
// pod; BenchmarkFanOut weighs it.
const maxUsers = 10_000

// parcel is a delivery with its pod.
type parcel struct {
	pod      string
	delivery Delivery
}

// group splits the recipients of an event by home pod, pods in the order of their first recipient.
// Users without a home are left out: nobody is connected.
func group(view View, n Notice, recipients []ids.UserID) []parcel {
	var parcels []parcel
	last := map[string]int{}
	seen := make(map[ids.UserID]bool, len(recipients))
	for _, user := range recipients {
		pod, ok := view.Home(user)
		if !ok || seen[user] {
			continue
		}
		seen[user] = true
		at, known := last[pod]
		if !known || len(parcels[at].delivery.Users) == maxUsers {
			at = len(parcels)
			last[pod] = at
			parcels = append(parcels, parcel{pod, Delivery{Notice: n}})
		}
		parcels[at].delivery.Users = append(parcels[at].delivery.Users, user)
	}
	return parcels
}

// share is the part of a crowd that is at home on one pod.
type share struct {
	pod   string
	users []ids.UserID
}

// split shares out a crowd in which nobody is named twice.
func split(view View, crowd []ids.UserID) []share {
	var shares []share
	at := map[string]int{}
	for _, user := range crowd {
		pod, ok := view.Home(user)
		if !ok {
			continue
		}
		place, known := at[pod]
		if !known {
			place = len(shares)
			at[pod] = place
			shares = append(shares, share{pod: pod})
		}
		shares[place].users = append(shares[place].users, user)
	}
	return shares
}

// address makes the parcels of an event whose recipients were shared out before.
func address(n Notice, shares []share) []parcel {
	parcels := make([]parcel, 0, len(shares))
	for _, s := range shares {
		for users := range slices.Chunk(s.users, maxUsers) {
			parcels = append(parcels, parcel{s.pod, Delivery{Notice: n, Users: users}})
		}
	}
	return parcels
}
