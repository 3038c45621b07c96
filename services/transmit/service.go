// SPDX-License-Identifier: Apache-2.0

package transmit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	// maxWaiting bounds the jobs of each side line; as large as the consumer's prefetch.
	maxWaiting = 300
	// lookupDeadline bounds one look-up of friends or members.
	lookupDeadline = 3 * time.Second
)

// Options of New; all fields are required.
type Options struct {
	Ring    Ring
	Friends Friends
	Groups  Groups
	Courier Courier
}

// Service forwards events. Its methods are safe for concurrent use, but events keep their order only
// if Forward is called by one goroutine.
type Service struct {
	ring    Ring
	friends Friends
	groups  Groups
	members *memberships
	courier Courier
	lookups chan func(context.Context) // of friends
	crowds  chan func(context.Context) // of members
	again   chan func(context.Context)
}

// New makes a service; Run must be running for events to settle.
func New(o Options) *Service {
	return &Service{
		ring: o.Ring, friends: o.Friends, groups: o.Groups, courier: o.Courier,
		members: newMemberships(maxCachedMembers),
		lookups: make(chan func(context.Context), maxWaiting),
		crowds:  make(chan func(context.Context), maxWaiting),
		again:   make(chan func(context.Context), maxWaiting),
	}
}

// Run works on the side lines, so that neither a slow friend service nor a pod that went away holds up
// messages. It blocks until ctx ends; jobs that still wait then settle with the error of ctx.
func (s *Service) Run(ctx context.Context) error {
	var lines sync.WaitGroup
	for _, line := range []chan func(context.Context){s.lookups, s.crowds, s.again} {
		lines.Go(func() { work(ctx, line) })
	}
	lines.Wait()
	return nil
}

// work runs jobs until ctx ends; a job that starts after that only settles.
func work(ctx context.Context, line chan func(context.Context)) {
	for {
		select {
		case job := <-line:
			job(ctx)
		case <-ctx.Done():
			for len(line) > 0 {
				(<-line)(ctx)
			}
			return
		}
	}
}

// Forward hands the events to the courier in their order and returns without waiting for confirms; it
// blocks only while a pod's queue is full. Settled is called exactly once, from any goroutine, and must
// not block: with nil when every delivery is confirmed or dropped, else with an error, and then all the
// events must come again.
func (s *Service) Forward(ctx context.Context, events []Event, settled func(error)) {
	t := &tally{settled: settled, open: 1}
	for _, e := range events {
		switch members, known := s.members.get(e.MembersOf); {
		case !e.FriendsOf.IsZero():
			s.aside(s.lookups, t, func(ctx context.Context) { s.toFriends(ctx, e, t) })
		case e.MembersOf.Rev > 0 && !known:
			s.aside(s.crowds, t, func(ctx context.Context) { s.toMembers(ctx, e, t) })
		default:
			s.toGroup(ctx, e, members, t)
		}
	}
	t.done(nil)
}

// toMembers dispatches a notice of a group whose members at that version are not known here yet. Events
// that follow may overtake it; clients put messages in their order.
func (s *Service) toMembers(ctx context.Context, e Event, t *tally) {
	members, known := s.members.get(e.MembersOf)
	if !known {
		lookup, cancel := context.WithTimeout(ctx, lookupDeadline)
		defer cancel()
		var err error
		if members, err = s.groups.Members(lookup, e.MembersOf); err != nil {
			t.add(1)
			t.done(err)
			return
		}
		s.members.put(e.MembersOf, members)
	}
	s.toGroup(ctx, e, members, t)
}

// toGroup sends an event to its recipients and to members who are known. A crowd that nobody else hears with
// goes out as it is kept, shared out by home pod.
func (s *Service) toGroup(ctx context.Context, e Event, members []ids.UserID, t *tally) {
	view := s.ring.View()
	if len(e.Recipients) == 0 {
		if shares, ok := s.members.shares(e.MembersOf, view); ok {
			s.send(ctx, view, address(e.Notice, shares), t)
			return
		}
	}
	s.send(ctx, view, group(view, e.Notice, slices.Concat(e.Recipients, members)), t)
}

// dispatch gives one notice to the home pods of its recipients.
func (s *Service) dispatch(ctx context.Context, n Notice, recipients []ids.UserID, t *tally) {
	view := s.ring.View()
	s.send(ctx, view, group(view, n, recipients), t)
}

func (s *Service) send(ctx context.Context, view View, parcels []parcel, t *tally) {
	t.add(len(parcels))
	for _, p := range parcels {
		s.courier.Deliver(ctx, p.pod, p.delivery, func(err error) { s.settle(view.Epoch(), p, t, err) })
	}
}

// settle judges one outcome. It runs on a goroutine of the courier and so never calls the courier.
func (s *Service) settle(epoch uint64, p parcel, t *tally, err error) {
	switch {
	case !errors.Is(err, ErrPodGone):
		t.done(err)
	case s.ring.View().Epoch() == epoch:
		t.done(nil) // nobody is connected there; clients sync on connect
	default:
		s.aside(s.again, t, func(ctx context.Context) { s.redeliver(ctx, p.delivery, t) })
		t.done(nil)
	}
}

// redeliver resolves a delivery at the newer ring, once: who is gone there too is dropped.
func (s *Service) redeliver(ctx context.Context, d Delivery, t *tally) {
	parcels := group(s.ring.View(), d.Notice, d.Users)
	t.add(len(parcels))
	for _, p := range parcels {
		s.courier.Deliver(ctx, p.pod, p.delivery, func(err error) {
			if errors.Is(err, ErrPodGone) {
				err = nil
			}
			t.done(err)
		})
	}
}

// toFriends dispatches a notice about a user to that user and the friends.
func (s *Service) toFriends(ctx context.Context, e Event, t *tally) {
	lookup, cancel := context.WithTimeout(ctx, lookupDeadline)
	defer cancel()
	friends, err := s.friends.FriendIDs(lookup, e.FriendsOf)
	if err != nil {
		t.add(1)
		t.done(err)
		return
	}
	recipients := append(slices.Clone(e.Recipients), e.FriendsOf)
	s.dispatch(ctx, e.Notice, append(recipients, friends...), t)
}

// aside puts a job on a side line; a full line fails the event, which then comes again later.
func (s *Service) aside(line chan func(context.Context), t *tally, job func(context.Context)) {
	t.add(1)
	select {
	case line <- func(ctx context.Context) { job(ctx); t.done(nil) }:
	default:
		t.done(ErrBusy)
	}
}
