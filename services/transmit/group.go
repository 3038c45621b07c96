// SPDX-License-Identifier: Apache-2.0

package transmit

import "github.com/parley-chat/parley/services/internal/ids"

// maxUsers bounds the recipients of one delivery: 16 KB of ids. Chosen; no evidence.
const maxUsers = 1000

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
