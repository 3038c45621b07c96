// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// endedFor is how long the end of a login session is remembered for sessions that are opening: longer
// than an opening can last.
const endedFor = time.Minute

// Options are what a Hub needs; all but Logger are required.
type Options struct {
	Pod      string // own name in the ring
	Limits   Limits
	Tokens   Tokens
	Messages Messages
	People   People
	Homes    Homes
	Courier  Courier
	Codec    Codec
	Ring     Ring
	Now      func() time.Time
	Logger   *slog.Logger
}

// Hub owns the sessions of one pod, and the registry of the users that are at home here. It is safe for
// concurrent use. Locks are taken in the order person, Session, Hub.
type Hub struct {
	Options
	registry  *Registry
	admission *admission
	stats     stats
	checks    checks
	presences presences
	watches   watches
	start     time.Time
	work      sync.WaitGroup // flushers and errands of sessions
	drained   chan struct{}  // has a place that is filled when the last session goes
	hurry     chan struct{}  // has a place that is filled while a registration cannot wait
	stir      chan struct{}  // has a place that is filled while stirred is not empty
	last      atomic.Int64   // the last instant
	relieved  atomic.Int64   // frames of typing and presence that gave way in session queues
	stale     atomic.Bool    // ends of login sessions may have been missed
	drain     atomic.Pointer[drainage]

	mu            sync.RWMutex // guards everything below
	slots         []map[*Session]struct{}
	nextSlot      int
	opening       map[*Session]struct{}
	closing       map[*Session]time.Time
	users         map[ids.UserID]*person
	logins        map[ids.LoginSessionID][]*Session
	ended         map[ids.LoginSessionID]ending
	conversations map[ids.ConversationID]*bucket
	goodbyes      []Registration // sessions that have gone, to be told to other home pods
	stirred       []*Session     // in use again after a rest, to be told to their home pods
	stopped       bool
	live          int
}

// ending is how and when a login session ended.
type ending struct {
	reason EndReason
	at     time.Time
}

// person is a user with sessions on this pod.
type person struct {
	id       ids.UserID
	sessions []*Session // replaced, never changed in place; guarded by Hub.mu

	mu    sync.Mutex // guards everything below
	sends bucket
	moved movedHeads // told to every live session of the user
}

// New makes a Hub; it works once Run runs.
func New(o Options) *Hub {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Hub{
		Options:   o,
		registry:  NewRegistry(o.Now, o.Limits.Lease, o.Limits.OfflineAfter),
		admission: &admission{limits: o.Limits, now: o.Now, addresses: map[string]*crowd{}},
		checks:    checks{signal: make(chan struct{}, 1)},
		presences: presences{users: map[ids.UserID]*watchedUser{}},
		watches: watches{
			users: map[ids.UserID]*followed{}, sessions: map[*Session][]ids.UserID{}, late: map[*Session]struct{}{},
			soon: make(chan struct{}, 1), checks: make(chan struct{}, o.Limits.WatchChecks),
		},
		start:         o.Now(),
		drained:       make(chan struct{}, 1),
		hurry:         make(chan struct{}, 1),
		stir:          make(chan struct{}, 1),
		slots:         make([]map[*Session]struct{}, max(1, o.Limits.PingEvery/o.Limits.Tick)),
		opening:       map[*Session]struct{}{},
		closing:       map[*Session]time.Time{},
		users:         map[ids.UserID]*person{},
		logins:        map[ids.LoginSessionID][]*Session{},
		ended:         map[ids.LoginSessionID]ending{},
		conversations: map[ids.ConversationID]*bucket{},
	}
	for i := range h.slots {
		h.slots[i] = map[*Session]struct{}{}
	}
	return h
}

// Run keeps time, registrations and heads until ctx ends. Then it closes what is left and waits for the
// last frames.
func (h *Hub) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	loops.Go(func() { h.keepTime(ctx) })
	loops.Go(func() { h.keepRegistered(ctx) })
	loops.Go(func() { h.keepChecked(ctx) })
	loops.Go(func() { h.keepPresent(ctx) })
	loops.Go(func() { h.keepWatching(ctx) })
	loops.Wait()
	h.admission.drain()
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
	for _, s := range h.all() {
		s.close(CloseDrainForced, Pace{}, nil)
	}
	stuck := time.AfterFunc(forcedClose, h.forceCloses)
	defer stuck.Stop()
	h.work.Wait()
	return nil
}

// Admit takes a place for a connection before its handshake is answered. ErrDraining, ErrFull,
// ErrRateLimited or ErrAddressBusy if there is none. An empty address is not counted on its own.
func (h *Hub) Admit(address string) (*Ticket, error) {
	t, err := h.admission.admit(address)
	if err != nil {
		h.stats.refused(err)
	}
	return t, err
}

// Accept makes a session of a connection. The caller gives every message to Receive, one at a time, and
// calls Gone when the connection has ended; the ticket stays the caller's.
func (h *Hub) Accept(socket Socket, format Format, ticket *Ticket) *Session {
	s := &Session{
		hub: h, socket: socket, format: format, ticket: ticket, id: ids.NewSession(), opened: h.since(),
		queue: queue{maxBytes: h.Limits.QueueBytes, maxFrames: h.Limits.QueueFrames, relieved: &h.relieved},
	}
	s.queue.resync = s.encodeOverflow
	s.alive()
	h.mu.Lock()
	s.slot = h.nextSlot
	h.nextSlot = (h.nextSlot + 1) % len(h.slots)
	h.slots[s.slot][s] = struct{}{}
	h.opening[s] = struct{}{}
	stopped := h.stopped
	h.mu.Unlock()
	if stopped {
		s.close(CloseDrainForced, Pace{}, nil)
	}
	return s
}

// attach makes a session known under its user and login. If the login has ended meanwhile, or the user
// has too many connections, it answers the close code instead of 0.
func (h *Hub) attach(s *Session, login Login) (*person, CloseCode) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e, ok := h.ended[login.Session]; ok {
		return nil, e.reason.code()
	}
	p := h.users[login.User]
	if p == nil {
		p = &person{id: login.User}
	}
	if len(p.sessions) >= h.Limits.SessionsPerUser {
		return nil, CloseTooManyConnections
	}
	h.users[login.User] = p
	p.sessions = append(slices.Clip(p.sessions), s)
	h.logins[login.Session] = append(h.logins[login.Session], s)
	delete(h.opening, s)
	h.live++
	return p, 0
}

// swap moves a session to another login of the same user, or answers the close code.
func (h *Hub) swap(s *Session, from, to Login) CloseCode {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e, ok := h.ended[to.Session]; ok {
		return e.reason.code()
	}
	if from.Session != to.Session {
		h.dropLogin(s, from.Session)
		h.logins[to.Session] = append(h.logins[to.Session], s)
	}
	return 0
}

// detach forgets a session. Calling it again does nothing.
func (h *Hub) detach(s *Session, p *person, login Login) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.slots[s.slot], s)
	delete(h.opening, s)
	h.dropLogin(s, login.Session)
	if p == nil || !slices.Contains(p.sessions, s) {
		return
	}
	p.sessions = slices.DeleteFunc(slices.Clone(p.sessions), func(o *Session) bool { return o == s })
	if len(p.sessions) == 0 {
		delete(h.users, p.id)
	}
	if h.live--; h.live == 0 {
		select {
		case h.drained <- struct{}{}:
		default:
		}
	}
}

func (h *Hub) dropLogin(s *Session, login ids.LoginSessionID) {
	list := slices.DeleteFunc(slices.Clone(h.logins[login]), func(o *Session) bool { return o == s })
	if len(list) == 0 {
		delete(h.logins, login)
		return
	}
	h.logins[login] = list
}

// EndLogin closes every session of a login session that has ended, also those that are opening now. It
// does not block.
func (h *Hub) EndLogin(id ids.LoginSessionID, reason EndReason) {
	h.mu.Lock()
	h.ended[id] = ending{reason: reason, at: h.Now()}
	sessions := slices.Clone(h.logins[id])
	h.mu.Unlock()
	for _, s := range sessions {
		s.close(reason.code(), Pace{}, nil)
	}
}

// all lists the sessions.
func (h *Hub) all() []*Session {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var list []*Session
	for _, slot := range h.slots {
		for s := range slot {
			list = append(list, s)
		}
	}
	return list
}

// sessionsOf are the sessions of a user; the caller must not change the slice.
func (h *Hub) sessionsOf(user ids.UserID) (*person, []*Session) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	p := h.users[user]
	if p == nil {
		return nil, nil
	}
	return p, p.sessions
}

// since is the time since the Hub was made; it never goes back.
func (h *Hub) since() time.Duration { return h.Now().Sub(h.start) }

// instant is since, but never the same twice: instants order what happens in one tick of the clock.
func (h *Hub) instant() time.Duration {
	for {
		last := h.last.Load()
		next := max(int64(h.since()), last+1)
		if h.last.CompareAndSwap(last, next) {
			return time.Duration(next)
		}
	}
}
