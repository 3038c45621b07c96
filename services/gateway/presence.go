// SPDX-License-Identifier: Apache-2.0

package gateway

import "github.com/parley-chat/parley/services/internal/ids"

// PresenceState is how a person is; the numbers are the contract's.
type PresenceState int32

// The states.
const (
	PresenceUnknown PresenceState = iota // clients show nothing
	PresenceOnline                       // a device was in use lately
	PresenceAway                         // connected
	PresenceOffline                      // no connection for a while
)

// Presence is how one user is.
type Presence struct {
	User     ids.UserID
	State    PresenceState
	ActiveAt int64 // last use of a device, ms; 0 if unknown
}

// Watched is what a home pod answers about one user.
type Watched struct {
	Presence

	NotHome bool // the pod is not the user's home by its own ring
}

// Watch is the presence of users who are at home here, as holders ask for it. Results stand in the places
// of the users.
func (h *Hub) Watch(_ string, users []ids.UserID) []Watched {
	view := h.Ring.View()
	results := make([]Watched, len(users))
	for i, user := range users {
		home, ok := view.Home(user)
		results[i] = Watched{Presence: Presence{User: user}, NotHome: !ok || home.Pod != h.Pod}
	}
	return results
}
