// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Action is what a registration does.
type Action int

// The actions.
const (
	ActionOpen  Action = iota // a new connection: the home pod gives the session epoch
	ActionRenew               // the session goes on, with its epoch
	ActionClose               // the session is gone
)

// Registration is one session as its holder tells the home pod.
type Registration struct {
	Action   Action
	User     ids.UserID
	Instance ids.InstanceID
	Session  ids.SessionID
	// Epoch is the last one that the client knows (open) or the session's own (renew, close).
	Epoch int64
	// ActiveAt is when a person used the client last, ms; 0 if unknown.
	ActiveAt int64
}

// Registered is the answer to a registration.
type Registered struct {
	Epoch      int64 // session epoch in force
	Superseded bool  // a newer connection of the instance exists
	NotHome    bool  // the pod is not the user's home by its own ring
	Fresh      bool  // the session was not known: deliveries may have been missed
}

// Registry is what a home pod knows of the sessions of its users. It is safe for concurrent use.
type Registry struct {
	now   func() time.Time
	lease time.Duration
	grace time.Duration
	mu    sync.Mutex                // guards what follows
	users map[ids.UserID][]occupant // few per user
	left  map[ids.UserID]departure  // users whose last session ended within the grace
}

// departure is when the last session of a user ended, and when a device was used last.
type departure struct {
	at       time.Time
	activeAt int64 // ms; 0 if unknown
}

// occupant is the newest session of one instance.
type occupant struct {
	instance ids.InstanceID
	session  ids.SessionID
	epoch    int64
	holder   string
	until    time.Time
	activeAt int64 // ms; 0 if unknown
}

// NewRegistry is an empty registry. It remembers for a grace that the last session of a user has ended.
func NewRegistry(now func() time.Time, lease, grace time.Duration) *Registry {
	return &Registry{
		now: now, lease: lease, grace: grace, users: map[ids.UserID][]occupant{}, left: map[ids.UserID]departure{},
	}
}

// Apply does one registration of a holder.
func (r *Registry) Apply(holder string, item Registration) Registered {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.users[item.User]
	at := slices.IndexFunc(list, func(o occupant) bool { return o.instance == item.Instance })
	switch item.Action {
	case ActionOpen:
		return r.open(holder, item, at)
	case ActionRenew:
		return r.renew(holder, item, at)
	case ActionClose:
		if at >= 0 && list[at].session == item.Session {
			r.leave(item.User, list[at], r.now())
			r.set(item.User, slices.Delete(list, at, at+1))
		}
	}
	return Registered{Epoch: item.Epoch}
}

// maxEpochLead is how far ahead of the clock a client's last epoch is believed, in ms: far more than
// clocks differ, and far from the largest number, where counting on would fail.
const maxEpochLead = 365 * 24 * 3600 * 1000

// open gives an epoch above everything that the client and this pod have seen, so that the newer
// connection wins whatever the clocks say.
func (r *Registry) open(holder string, item Registration, at int) Registered {
	now := r.now().UnixMilli()
	epoch := max(now, min(item.Epoch, now+maxEpochLead)+1)
	if at >= 0 {
		epoch = max(epoch, r.users[item.User][at].epoch+1)
	}
	r.put(holder, item, at, epoch)
	return Registered{Epoch: epoch}
}

func (r *Registry) renew(holder string, item Registration, at int) Registered {
	if at < 0 {
		r.put(holder, item, at, item.Epoch)
		return Registered{Epoch: item.Epoch, Fresh: true}
	}
	known := r.users[item.User][at]
	if known.session == item.Session {
		lapsed := known.until.Before(r.now())
		r.put(holder, item, at, item.Epoch)
		return Registered{Epoch: item.Epoch, Fresh: lapsed}
	}
	// Two home pods may have given the same epoch; the ids then decide the same way everywhere.
	newer := item.Epoch > known.epoch ||
		item.Epoch == known.epoch && bytes.Compare(item.Session[:], known.session[:]) > 0
	if !newer {
		return Registered{Epoch: known.epoch, Superseded: true}
	}
	r.put(holder, item, at, item.Epoch)
	return Registered{Epoch: item.Epoch, Fresh: true}
}

func (r *Registry) put(holder string, item Registration, at int, epoch int64) {
	now := r.now()
	o := occupant{
		instance: item.Instance, session: item.Session, epoch: epoch, holder: holder, until: now.Add(r.lease),
		activeAt: min(item.ActiveAt, now.UnixMilli()), // the clocks of pods differ
	}
	delete(r.left, item.User)
	if at < 0 {
		r.users[item.User] = append(r.users[item.User], o)
		return
	}
	o.activeAt = max(o.activeAt, r.users[item.User][at].activeAt) // the person moves with the instance
	r.users[item.User][at] = o
}

// leave remembers that a session of a user ended.
func (r *Registry) leave(user ids.UserID, o occupant, at time.Time) {
	if at.Add(r.grace).Before(r.now()) {
		return
	}
	known := r.left[user]
	if at.Before(known.at) {
		at = known.at
	}
	r.left[user] = departure{at: at, activeAt: max(known.activeAt, o.activeAt)}
}

func (r *Registry) set(user ids.UserID, list []occupant) {
	if len(list) == 0 {
		delete(r.users, user)
		return
	}
	r.users[user] = list
}

// Holders appends to dst the pods that hold registered sessions of a user, each once.
func (r *Registry) Holders(dst []string, user ids.UserID) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.users[user]
	if len(list) == 0 {
		return dst
	}
	now := r.now()
	for i := range list {
		if !list[i].until.Before(now) && !slices.Contains(dst, list[i].holder) {
			dst = append(dst, list[i].holder)
		}
	}
	return dst
}

// Pods are all pods that hold registered sessions, each once.
func (r *Registry) Pods() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, seen := r.now(), map[string]bool{}
	var pods []string
	for _, list := range r.users {
		for i := range list {
			if o := &list[i]; !o.until.Before(now) && !seen[o.holder] {
				seen[o.holder] = true
				pods = append(pods, o.holder)
			}
		}
	}
	return pods
}

// Sweep forgets sessions whose lease has ended. A lapsed one is kept for another lease, so that its
// epoch still counts when the instance comes back.
func (r *Registry) Sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := r.now().Add(-r.lease)
	for user, list := range r.users {
		r.set(user, slices.DeleteFunc(list, func(o occupant) bool { return o.until.Before(limit) }))
	}
	for user, d := range r.left {
		if d.at.Add(r.grace).Before(r.now()) {
			delete(r.left, user)
		}
	}
}

// seen is what is known of the connections of a user.
type seen struct {
	connected bool
	activeAt  int64     // last use of a device, ms; 0 if unknown
	goneAt    time.Time // when the last connection ended; zero if connected, or longer ago than the grace
}

// seen tells whether a user is connected, and since when not. A lease that has ended counts as the end.
func (r *Registry) seen(user ids.UserID) seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, left := r.now(), r.left[user]
	out := seen{activeAt: left.activeAt, goneAt: left.at}
	for i := range r.users[user] {
		o := &r.users[user][i]
		out.activeAt = max(out.activeAt, o.activeAt)
		switch {
		case !o.until.Before(now):
			out.connected = true
		case o.until.After(out.goneAt):
			out.goneAt = o.until
		}
	}
	if out.connected {
		out.goneAt = time.Time{}
	}
	return out
}

// Sessions counts the registered sessions: all, and those that other pods hold.
func (r *Registry) Sessions(self string) (all, elsewhere int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, list := range r.users {
		all += len(list)
		for i := range list {
			if list[i].holder != self {
				elsewhere++
			}
		}
	}
	return all, elsewhere
}
