// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// keepWatching renews the watches of this pod at the home pods, brings them to new homes when the ring
// changes, and puts sets into force whose time has come.
func (h *Hub) keepWatching(ctx context.Context) {
	tick := time.NewTicker(h.Limits.Tick)
	defer tick.Stop()
	changed := h.Ring.Changed()
	renewAt := h.Now().Add(h.Limits.WatchRenew)
	for {
		moved := false
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-h.watches.soon:
			h.followLate(ctx)
			continue
		case <-changed:
			moved = true
		}
		changed = h.Ring.Changed() // before the view: a change while this one is worked on must count
		h.followLate(ctx)
		now := h.Now()
		if !now.Before(renewAt) {
			renewAt = now.Add(h.Limits.WatchRenew)
			h.askHomes(ctx, h.watches.all())
			h.repeatLost()
			continue
		}
		h.askHomes(ctx, h.watches.homeless(h.Ring.View(), moved))
	}
}

// followLate lets sessions go on whose set waits.
func (h *Hub) followLate(ctx context.Context) {
	if !h.Tokens.Fresh() {
		return
	}
	now := h.Now()
	for _, s := range h.watches.waiting() {
		s.mu.Lock()
		wait := now.Before(s.watching.next)
		s.mu.Unlock()
		if wait || !s.errand(ctx, s.follow) {
			h.watches.postpone(s)
		}
	}
}

// waiting takes the sessions whose set waits.
func (w *watches) waiting() []*Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]*Session, 0, len(w.late))
	for s := range w.late {
		list = append(list, s)
	}
	clear(w.late)
	return list
}

// all are the users who are followed here.
func (w *watches) all() []ids.UserID {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]ids.UserID, 0, len(w.users))
	for user := range w.users {
		list = append(list, user)
	}
	return list
}

// homeless are the users whose home pod does not know yet that they are followed here. Unless the ring has
// moved or a home pod is owed a question there is none.
func (w *watches) homeless(view View, moved bool) []ids.UserID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !moved && !w.again {
		return nil
	}
	w.again = false
	var list []ids.UserID
	for user, f := range w.users {
		if home, ok := view.Home(user); ok && home.Pod != f.home {
			list = append(list, user)
		}
	}
	return list
}

// askHomes asks the home pods of some users how they are, and tells the sessions what is new to them.
func (h *Hub) askHomes(ctx context.Context, users []ids.UserID) {
	view := h.Ring.View()
	groups := map[string][]ids.UserID{}
	homes := map[string]Member{}
	for _, user := range users {
		home, ok := view.Home(user)
		if !ok {
			h.watches.owe()
			continue
		}
		homes[home.Pod] = home
		groups[home.Pod] = append(groups[home.Pod], user)
	}
	var calls sync.WaitGroup
	for pod, group := range groups {
		calls.Go(func() { h.askHome(ctx, homes[pod], group) })
	}
	calls.Wait()
}

func (w *watches) owe() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.again = true
}

func (h *Hub) askHome(ctx context.Context, home Member, users []ids.UserID) {
	for from := 0; from < len(users); from += watchAtOnce {
		part := users[from:min(from+watchAtOnce, len(users))]
		call, cancel := context.WithTimeout(ctx, h.Limits.RegisterWait)
		asked := h.Now()
		results, err := h.watchAt(call, home, part)
		cancel()
		if err != nil {
			h.Logger.DebugContext(ctx, "home pod does not tell presence", "pod", home.Pod, "error", err)
			h.watches.owe()
			return
		}
		for s, items := range h.watches.apply(home.Pod, results, asked) {
			s.tellPresence(items)
		}
	}
}

func (h *Hub) watchAt(ctx context.Context, home Member, users []ids.UserID) ([]Watched, error) {
	if home.Pod == h.Pod {
		return h.Watch(h.Pod, users), nil
	}
	return h.Homes.Watch(ctx, home, h.Pod, users)
}

// apply notes the answers of a home pod and tells what is new to whom. A home pod that does not know (yet)
// changes nothing, and neither does an answer that a change has overtaken.
func (w *watches) apply(pod string, results []Watched, asked time.Time) map[*Session][]Presence {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := map[*Session][]Presence{}
	for _, r := range results {
		f := w.users[r.User]
		if f == nil {
			continue
		}
		if r.NotHome {
			f.home, w.again = "", true
			continue
		}
		f.home = pod
		if r.State == PresenceUnknown || r.State == f.last.State || f.changedAt.After(asked) {
			continue
		}
		f.last, f.changedAt = r.Presence, asked
		for _, s := range f.sessions {
			news[s] = append(news[s], r.Presence)
		}
	}
	return news
}

// repeatLost tells sessions again what their queues had no room for.
func (h *Hub) repeatLost() {
	for _, s := range h.watches.following() {
		s.mu.Lock()
		lost := s.queue.presenceLost
		s.queue.presenceLost = false
		s.mu.Unlock()
		if lost {
			s.tellPresence(h.watches.known(s))
		}
	}
}

func (w *watches) following() []*Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]*Session, 0, len(w.sessions))
	for s := range w.sessions {
		list = append(list, s)
	}
	return list
}

// known is all that a session may know.
func (w *watches) known(s *Session) []Presence {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []Presence
	for _, user := range w.sessions[s] {
		if last := w.users[user].last; last.State != PresenceUnknown {
			list = append(list, last)
		}
	}
	return list
}
