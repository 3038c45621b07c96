// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	// registerAgain is the pause after a registration that found no home; chosen: short against the two
	// seconds that an opening may wait.
	registerAgain = 100 * time.Millisecond
	// registerAtOnce bounds the items of one call; half of what the contract allows.
	registerAtOnce = 5000
	// maxGoodbyes bounds the ended sessions that wait to be told; the lease ends the others.
	maxGoodbyes = 10000
)

// place is where a session is registered.
type place struct {
	home  string
	epoch int64
	until time.Time
}

// Register is the registry of this pod, as holders call it. Results stand in the places of the items.
// While this pod has no broker it has nothing to forward, so that holders are told to compare heads.
func (h *Hub) Register(holder string, items []Registration) []Registered {
	view, deaf := h.Ring.View(), h.checks.isLost()
	results := make([]Registered, len(items))
	for i, item := range items {
		if home, ok := view.Home(item.User); item.Action != ActionClose && (!ok || home.Pod != h.Pod) {
			results[i] = Registered{NotHome: true}
			continue
		}
		results[i] = h.apply(holder, item)
		switch item.Action {
		case ActionOpen:
			h.supersede(item.User, item.Instance, item.Session, results[i].Epoch)
		case ActionRenew:
			results[i].Fresh = results[i].Fresh || deaf && holder != h.Pod
		case ActionClose:
		}
	}
	return results
}

// apply does one registration here, and looks at the presence of the user. One that opens gets a moment to
// say whether it is in use.
func (h *Hub) apply(holder string, item Registration) Registered {
	result, look := h.registry.Apply(holder, item), h.Now()
	if item.Action == ActionOpen {
		look = look.Add(h.Limits.Tick)
	}
	h.presences.touch(item.User, look)
	return result
}

// supersede closes older sessions of an instance that this pod holds.
func (h *Hub) supersede(user ids.UserID, instance ids.InstanceID, session ids.SessionID, epoch int64) {
	_, sessions := h.sessionsOf(user)
	for _, s := range sessions {
		s.mu.Lock()
		old := s.state == stateLive && s.instance == instance && s.id != session && s.epoch < epoch
		s.mu.Unlock()
		if old {
			s.close(CloseSuperseded, Pace{}, nil)
		}
	}
}

func (h *Hub) registerAt(ctx context.Context, home Member, items []Registration) ([]Registered, error) {
	if home.Pod == h.Pod {
		return h.Register(h.Pod, items), nil
	}
	results, err := h.Homes.Register(ctx, home, h.Pod, items)
	if err == nil && len(results) != len(items) {
		err = errors.New("a home pod answered another number of items")
	}
	return results, err
}

// enroll registers an opening session at its home pod, also while the ring changes. ErrNotReady if that
// does not succeed in time.
func (h *Hub) enroll(ctx context.Context, s *Session, lastEpoch int64) (place, error) {
	ctx, cancel := context.WithTimeout(ctx, h.Limits.RegisterWait)
	defer cancel()
	s.mu.Lock()
	item := Registration{Action: ActionOpen, User: s.login.User, Instance: s.instance, Session: s.id, Epoch: lastEpoch}
	s.mu.Unlock()
	cause := errors.New("the ring is empty")
	for {
		changed := h.Ring.Changed()
		if home, ok := h.Ring.View().Home(item.User); ok {
			asked := h.Now()
			results, err := h.registerAt(ctx, home, []Registration{item})
			if err == nil && !results[0].NotHome {
				return place{home: home.Pod, epoch: results[0].Epoch, until: asked.Add(h.Limits.Lease)}, nil
			}
			cause = errors.Join(err)
		}
		select {
		case <-ctx.Done():
			return place{}, ErrNotReady.Because(errors.Join(ctx.Err(), cause))
		case <-changed:
		case <-time.After(registerAgain):
		}
	}
}

// goodbye tells the home pod that a session has gone, now or with the next renewal.
func (h *Hub) goodbye(item Registration) {
	if home, ok := h.Ring.View().Home(item.User); ok && home.Pod == h.Pod {
		h.apply(h.Pod, item)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.goodbyes) < maxGoodbyes {
		h.goodbyes = append(h.goodbyes, item)
	}
}

// keepRegistered renews registrations, and brings them to new homes when the ring changes.
func (h *Hub) keepRegistered(ctx context.Context) {
	renew := time.NewTicker(h.Limits.Renew)
	defer renew.Stop()
	again := time.NewTimer(h.Limits.Renew)
	defer again.Stop()
	changed := h.Ring.Changed()
	for {
		var all bool
		select {
		case <-ctx.Done():
			return
		case <-renew.C:
			all = true
			h.registry.Sweep()
		case <-changed:
		case <-h.hurry:
		case <-h.stir:
			h.tellShifts(ctx, h.stirredShifts())
			continue
		case <-again.C:
		}
		changed = h.Ring.Changed() // before the view: a change while this one is worked on must count
		if !h.renew(ctx, all) {
			again.Reset(h.Limits.Tick)
		}
	}
}

// registerSoon does not wait for the next renewal.
func (h *Hub) registerSoon() {
	select {
	case h.hurry <- struct{}{}:
	default:
	}
}

// shift is the registrations for one home pod.
type shift struct {
	home     Member
	items    []Registration
	sessions []*Session // nil for a goodbye
}

// renew registers live sessions: all of them, or those that are not registered at their home. It is
// false if some could not be.
func (h *Hub) renew(ctx context.Context, all bool) bool {
	return h.tellShifts(ctx, h.shifts(all))
}

func (h *Hub) tellShifts(ctx context.Context, groups shifts) bool {
	var calls sync.WaitGroup
	var mu sync.Mutex // guards ok and fresh
	ok, fresh := true, []*Session(nil)
	for _, g := range groups.byPod {
		calls.Go(func() {
			missed, done := h.renewAt(ctx, g)
			mu.Lock()
			defer mu.Unlock()
			fresh = append(fresh, missed...)
			ok = ok && done
		})
	}
	calls.Wait()
	if len(fresh) > 0 {
		h.checks.add(fresh, ResyncHomeChanged)
	}
	return ok
}

// shifts is what must be told, by home pod.
type shifts struct {
	view  View
	byPod map[string]*shift
}

func (g shifts) add(item Registration, s *Session) {
	home, ok := g.view.Home(item.User)
	if !ok {
		return
	}
	to := g.byPod[home.Pod]
	if to == nil {
		to = &shift{home: home}
		g.byPod[home.Pod] = to
	}
	to.items, to.sessions = append(to.items, item), append(to.sessions, s)
}

// shifts takes what must be told: sessions that have gone, and the live ones, all or those that are not
// registered at their home.
func (h *Hub) shifts(all bool) shifts {
	groups := shifts{view: h.Ring.View(), byPod: map[string]*shift{}}
	h.mu.Lock()
	goodbyes := h.goodbyes
	h.goodbyes = nil
	h.mu.Unlock()
	for _, item := range goodbyes {
		groups.add(item, nil)
	}
	for _, s := range h.all() {
		item, ok := s.renewal()
		if home, known := groups.view.Home(item.User); ok && known && (all || !s.registeredAt(home.Pod, h.Now())) {
			groups.add(item, s)
		}
	}
	return groups
}

// renewal is the registration of a live session.
func (s *Session) renewal() (Registration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reported = s.activeAt
	return Registration{
		Action: ActionRenew, User: s.login.User, Instance: s.instance, Session: s.id, Epoch: s.epoch, ActiveAt: s.activeAt,
	}, s.state == stateLive
}

func (s *Session) registeredAt(pod string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.home == pod && now.Before(s.until)
}

// renewAt tells one home pod. It answers the sessions that may have missed deliveries.
func (h *Hub) renewAt(ctx context.Context, g *shift) (missed []*Session, ok bool) {
	ok = true
	for from := 0; from < len(g.items); from += registerAtOnce {
		to := min(from+registerAtOnce, len(g.items))
		call, cancel := context.WithTimeout(ctx, h.Limits.RegisterWait)
		asked := h.Now()
		results, err := h.registerAt(call, g.home, g.items[from:to])
		cancel()
		if err != nil {
			h.Logger.WarnContext(ctx, "home pod does not answer", "pod", g.home.Pod, "error", err)
			return missed, false
		}
		for i, r := range results {
			s := g.sessions[from+i]
			if s == nil {
				continue
			}
			if r.NotHome {
				ok = false
				continue
			}
			if s.renewed(r, g.home.Pod, asked) {
				missed = append(missed, s)
			}
		}
	}
	return missed, ok
}

// renewed notes the answer of a home pod; it tells whether deliveries may have been missed.
func (s *Session) renewed(r Registered, home string, asked time.Time) bool {
	if r.Superseded {
		s.close(CloseSuperseded, Pace{}, nil)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	missed := r.Fresh || s.until.Before(s.hub.Now())
	s.home, s.until = home, asked.Add(s.hub.Limits.Lease)
	return missed
}
