// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// watchAtOnce bounds the users of one question to a home pod; half of what the contract allows.
const watchAtOnce = 5000

// watches is whom the sessions of this pod follow. Home pods know pods, not sessions, so that what they
// keep and send does not grow with the watchers on one pod. It is safe for concurrent use.
type watches struct {
	mu       sync.Mutex // guards everything below
	users    map[ids.UserID]*followed
	sessions map[*Session][]ids.UserID
	pairs    int                   // of a session and a user
	late     map[*Session]struct{} // sessions whose set waits for its time
	again    bool                  // a home pod did not answer, or was none
	checks   chan struct{}         // has an item for each question for rights under way
	soon     chan struct{}         // has a place that is filled while late cannot wait for the tick
}

// followed is a user whom sessions of this pod follow.
type followed struct {
	sessions  []*Session // replaced, never changed in place
	last      Presence   // as the sessions were told; zero: nothing is known
	changedAt time.Time  // of last
	home      string     // pod that tells of changes; empty: none yet
}

// watching is what a session knows of its own watch. The session guards it.
type watching struct {
	wanted []ids.UserID
	due    bool      // wanted is not in force yet
	next   time.Time // when the rights may be checked again
}

// watch follows the presence of exactly these users from now on. Rights are checked once, here.
func (s *Session) watch(ctx context.Context, k Watch) {
	now := s.hub.Now()
	s.mu.Lock()
	own := s.login.User
	s.watching.wanted, s.watching.due = distinct(k.Users, own), true
	wait := now.Before(s.watching.next)
	s.mu.Unlock()
	if wait || !s.hub.Tokens.Fresh() || !s.errand(ctx, s.follow) {
		s.hub.watches.postpone(s)
	}
}

// distinct keeps the first of each user, and leaves one out.
func distinct(users []ids.UserID, out ids.UserID) []ids.UserID {
	list := make([]ids.UserID, 0, len(users))
	seen := map[ids.UserID]bool{out: true}
	for _, user := range users {
		if !seen[user] {
			seen[user] = true
			list = append(list, user)
		}
	}
	return list
}

func (w *watches) postpone(s *Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late[s] = struct{}{}
}

// follow puts the wanted set into force, as far as the session's user may see the people in it. While
// nobody can tell that, it goes on with whom it followed already, and asks again.
func (s *Session) follow(ctx context.Context) {
	h := s.hub
	select {
	case h.watches.checks <- struct{}{}:
		defer func() { <-h.watches.checks }()
	default: // presence gives way where many come at once
		h.watches.postpone(s)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, h.Limits.CallWait)
	defer cancel()
	s.mu.Lock()
	due, wanted, viewer := s.watching.due, s.watching.wanted, s.login.User
	s.watching.due = false
	s.watching.next = h.Now().Add(h.Limits.WatchEvery)
	s.mu.Unlock()
	if !due {
		return
	}
	var visible []ids.UserID
	var err error
	if len(wanted) > 0 {
		visible, err = h.People.VisibleTo(ctx, viewer, wanted)
	}
	if err != nil {
		h.Logger.WarnContext(ctx, "nobody tells who may be watched", "error", err)
		visible = h.watches.still(s, wanted)
		s.mu.Lock()
		s.watching.due, s.watching.next = true, h.Now().Add(h.Limits.WatchRenew)
		s.mu.Unlock()
		h.watches.postpone(s)
	}
	s.tellPresence(h.watches.hidden(s, wanted, visible)) // shown as nothing from now on
	news, known, refused := h.watches.set(s, visible, h.Limits)
	h.stats.watchRefused(refused)
	if !s.isLive() {
		h.watches.drop(s) // it ended meanwhile, and nobody would do it later
		return
	}
	s.tellPresence(known)
	h.askHomes(ctx, news)
}

// still are those of some users whom a session follows already.
func (w *watches) still(s *Session, wanted []ids.UserID) []ids.UserID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.sessions[s]), func(u ids.UserID) bool { return !slices.Contains(wanted, u) })
}

// set makes a session follow exactly these users. It answers for whom a home pod must be asked, what is
// known of the others, and for how many there was no room.
func (w *watches) set(s *Session, users []ids.UserID, l Limits) (news []ids.UserID, known []Presence, refused int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.sessions[s]
	keeps := make(map[ids.UserID]bool, len(users))
	for _, user := range users {
		keeps[user] = true
	}
	now := make([]ids.UserID, 0, len(users))
	for _, user := range before {
		if keeps[user] {
			delete(keeps, user) // the session knows it already
			now = append(now, user)
			continue
		}
		w.remove(user, s)
	}
	for user := range keeps {
		f := w.users[user]
		switch {
		case w.pairs >= l.Watches, f != nil && len(f.sessions) >= l.WatchersPerUser:
			refused++
			continue
		case f == nil:
			f = &followed{}
			w.users[user] = f
		}
		if f.home == "" {
			news = append(news, user)
		}
		if f.last.State != PresenceUnknown {
			known = append(known, f.last)
		}
		f.sessions = append(slices.Clip(f.sessions), s)
		w.pairs++
		now = append(now, user)
	}
	w.sessions[s] = now
	if len(now) == 0 {
		delete(w.sessions, s)
	}
	return news, known, refused
}

// remove ends one pair. The caller holds the lock.
func (w *watches) remove(user ids.UserID, s *Session) {
	f := w.users[user]
	f.sessions = slices.DeleteFunc(slices.Clone(f.sessions), func(o *Session) bool { return o == s })
	w.pairs--
	if len(f.sessions) == 0 {
		delete(w.users, user)
	}
}

// drop forgets a session.
func (w *watches) drop(s *Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, user := range w.sessions[s] {
		w.remove(user, s)
	}
	delete(w.sessions, s)
	delete(w.late, s)
}

// tellPresence queues what is known for one session; best effort.
func (s *Session) tellPresence(items []Presence) {
	if len(items) == 0 {
		return
	}
	e := &encoded{codec: s.hub.Codec, body: Presences{Items: items}}
	s.deliver(&Delivery{Class: ClassEphemeral, Presence: items[0]}, e, s.hub.Now())
}

// deliverPresence brings a change to the sessions that watch the user. What they know already, and what
// they may not hear now, is left out; the next answer of the home pod makes up for the latter.
func (h *Hub) deliverPresence(d *Delivery, now time.Time) {
	h.watches.mu.Lock()
	f := h.watches.users[d.Presence.User]
	if f == nil || f.last.State == d.Presence.State {
		h.watches.mu.Unlock()
		return
	}
	f.last, f.changedAt = d.Presence, now
	sessions := f.sessions
	h.watches.mu.Unlock()
	e := &encoded{codec: h.Codec, body: Raw(d.Frame)}
	for _, s := range sessions {
		s.deliver(d, e, now)
	}
}
