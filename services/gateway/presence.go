// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// PresenceState is how a person is; the numbers are the contract's.
type PresenceState int32

// The states.
const (
	PresenceUnknown PresenceState = iota // clients show nothing
	PresenceOnline                       // a device was in use lately
	PresenceAway                         // connected
	PresenceOffline                      // no connection for a while
	presenceStates
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

// presences is what a home pod knows of users whose presence sessions of some pod watch. Nothing is known
// of the others: their presence is worked out when somebody asks. It is safe for concurrent use.
type presences struct {
	mu    sync.Mutex // guards everything below
	users map[ids.UserID]*watchedUser
	// ring is closed at the next change. Settled is the last change, or the start: of who was not seen since,
	// nobody can tell for a while whether they are gone or only not registered here yet.
	ring    <-chan struct{}
	settled time.Time
}

// watchedUser is a user whose presence is watched.
type watchedUser struct {
	holders []watchHolder // few: one per pod
	told    Presence
	toldAt  time.Time
	due     time.Time // when to look again
}

// watchHolder is a pod that hears of changes until its lease ends.
type watchHolder struct {
	pod   string
	until time.Time
}

// settle notes a change of the ring. The caller holds the lock.
func (p *presences) settle(changed <-chan struct{}, now time.Time) {
	if p.ring != changed {
		p.ring, p.settled = changed, now
	}
}

// touch looks at a user no later than at a time.
func (p *presences) touch(user ids.UserID, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.users[user]; w != nil && at.Before(w.due) {
		w.due = at
	}
}

// lease makes a pod hear of a user, or keeps it so.
func (w *watchedUser) lease(pod string, until time.Time) {
	for i := range w.holders {
		if w.holders[i].pod == pod {
			w.holders[i].until = until
			return
		}
	}
	w.holders = append(w.holders, watchHolder{pod: pod, until: until})
}

// Watch is the presence of users who are at home here, as holders ask for it, now and for a while. Results
// stand in the places of the users. A pod that has no room for one more user answers that nothing is known.
func (h *Hub) Watch(holder string, users []ids.UserID) []Watched {
	view, changed, now := h.Ring.View(), h.Ring.Changed(), h.Now()
	results := make([]Watched, len(users))
	h.presences.mu.Lock()
	defer h.presences.mu.Unlock()
	h.presences.settle(changed, now)
	for i, user := range users {
		results[i].User = user
		if home, ok := view.Home(user); !ok || home.Pod != h.Pod {
			results[i].NotHome = true
			continue
		}
		w := h.presences.users[user]
		if w == nil {
			if len(h.presences.users) >= h.Limits.WatchedUsers {
				h.stats.watchRefused(1)
				continue
			}
			w = &watchedUser{}
			w.told, w.due = h.presenceOf(user, Presence{}, now)
			if w.told.State != PresenceUnknown {
				w.toldAt = now
			}
			h.presences.users[user] = w
		}
		w.lease(holder, now.Add(h.Limits.WatchFor))
		results[i].Presence = w.told
	}
	return results
}

// presenceOf works out how a user is, and when to look again. Who has no connection stays as they were for
// the grace, so that a planned move, a change of the ring and a killed pod show as nothing. The caller holds
// the lock of presences.
func (h *Hub) presenceOf(user ids.UserID, told Presence, now time.Time) (Presence, time.Time) {
	seen, l := h.registry.seen(user), h.Limits
	p := Presence{User: user, State: told.State, ActiveAt: max(told.ActiveAt, seen.activeAt)}
	used := time.UnixMilli(p.ActiveAt)
	switch {
	case seen.connected && p.ActiveAt > 0 && now.Sub(used) < l.OnlineFor:
		p.State = PresenceOnline
		return p, earlier(used.Add(l.OnlineFor), now.Add(l.Renew))
	case seen.connected:
		p.State = PresenceAway
		return p, now.Add(l.Renew) // a lease may end
	}
	gone := seen.goneAt
	if gone.Before(h.presences.settled) {
		gone = h.presences.settled
	}
	if end := gone.Add(l.OfflineAfter); now.Before(end) {
		return p, end
	}
	p.State = PresenceOffline
	return p, now.Add(l.WatchFor)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// keepPresent tells holders of changes until ctx ends.
func (h *Hub) keepPresent(ctx context.Context) {
	tick := time.NewTicker(h.Limits.Tick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, c := range h.changedPresences() {
				h.tellHolders(c)
			}
		}
	}
}

// presenceChange is a change and the pods to tell.
type presenceChange struct {
	Presence

	pods []string
}

// changedPresences looks at those whose time has come. A user of whom nobody hears any more, or who is at
// home elsewhere, is forgotten.
func (h *Hub) changedPresences() []presenceChange {
	view, changed, now := h.Ring.View(), h.Ring.Changed(), h.Now()
	var list []presenceChange
	h.presences.mu.Lock()
	defer h.presences.mu.Unlock()
	h.presences.settle(changed, now)
	for user, w := range h.presences.users {
		if now.Before(w.due) {
			continue
		}
		w.holders = slices.DeleteFunc(w.holders, func(o watchHolder) bool { return o.until.Before(now) })
		if home, ok := view.Home(user); !ok || home.Pod != h.Pod || len(w.holders) == 0 {
			delete(h.presences.users, user)
			continue
		}
		if h.advance(w, user, now) {
			c := presenceChange{Presence: w.told}
			for _, o := range w.holders {
				c.pods = append(c.pods, o.pod)
			}
			list = append(list, c)
		}
	}
	return list
}

// advance brings a user up to date; it tells whether holders must hear of it.
func (h *Hub) advance(w *watchedUser, user ids.UserID, now time.Time) bool {
	p, due := h.presenceOf(user, w.told, now)
	if p.State == w.told.State {
		w.told, w.due = p, due
		return false
	}
	if next := w.toldAt.Add(h.Limits.PresenceEvery); now.Before(next) {
		w.due = next
		return false
	}
	w.told, w.toldAt, w.due = p, now, due
	return true
}

// tellHolders brings a change to the pods whose sessions watch the user: one small delivery for each.
func (h *Hub) tellHolders(c presenceChange) {
	frame, err := h.Codec.Encode(FormatProto, 0, Presences{Items: []Presence{c.Presence}})
	if err != nil {
		h.Logger.Error("frame cannot be encoded", "error", err)
		return
	}
	h.stats.presenceChanged(c.State)
	d := Delivery{Frame: frame, Class: ClassEphemeral, Presence: c.Presence}
	for _, pod := range c.pods {
		if pod == h.Pod {
			h.Deliver([]Delivery{d}, true)
			continue
		}
		h.Courier.Send(pod, d, true)
	}
}
