// SPDX-License-Identifier: Apache-2.0

package friend

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
)

// Ports are what the service needs of its surroundings.
type Ports struct {
	Store         Store
	Lists         Lists
	Blocks        Blocks
	Users         Users
	Companions    Companions
	Conversations Conversations
	Publisher     Publisher
}

// Options set a Service.
type Options struct {
	// Pages makes page tokens; all processes need the same key.
	Pages page.Codec
	// Now is the clock.
	Now func() time.Time
	// Logger hears of background work that failed.
	Logger *slog.Logger
}

// Service is the domain of friendships. It is safe for concurrent use.
type Service struct {
	ports  Ports
	pages  page.Codec
	now    func() time.Time
	logger *slog.Logger
}

// New makes a Service. RunSweep has to be run by the caller.
func New(ports Ports, options Options) *Service {
	return &Service{ports: ports, pages: options.Pages, now: options.Now, logger: options.Logger}
}

func (s *Service) millis() int64 { return s.now().UnixMilli() }

// Outcome is a request after a call, with the profiles of both people.
type Outcome struct {
	Request               Request
	Applicant, Respondent Profile
	// ConversationID is the direct conversation if both are friends and it is open; else zero.
	ConversationID ids.ConversationID
}

// SendRequest asks somebody to become a friend. The same key with the same wish gets the first answer.
func (s *Service) SendRequest(ctx context.Context, w Wish) (Outcome, error) {
	w, err := w.checked()
	if err != nil {
		return Outcome{}, err
	}
	var p people
	if p, err = s.ports.Users.Profiles(ctx, []ids.UserID{w.Applicant, w.Respondent}); err != nil {
		return Outcome{}, err
	}
	if _, ok := p[w.Respondent]; !ok {
		return Outcome{}, ErrUserNotFound
	}
	now := s.millis()
	return s.settle(ctx, Query{
		Pair: PairOf(w.Applicant, w.Respondent), Applicant: w.Applicant, Key: w.Key, Count: true,
		RefusedSince: now - refusalPause.Milliseconds(), MadeAfter: now - requestLife.Milliseconds(),
	}, p, func(snapshot Snapshot) (Change, Request, error) { return decideWish(snapshot, w, p, now) })
}

// RespondToRequest accepts or refuses a request to the caller.
func (s *Service) RespondToRequest(ctx context.Context, caller ids.UserID, id ids.FriendRequestID, accept bool) (Outcome, error) {
	found, err := s.ports.Store.Request(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	if found.Respondent != caller {
		return Outcome{}, ErrRequestNotFound
	}
	p := s.people(ctx, found)
	if _, there := p[found.Applicant]; accept && p != nil && !there {
		return Outcome{}, ErrRequestNotFound // the account is gone
	}
	now := s.millis()
	query := Query{Pair: PairOf(found.Applicant, found.Respondent), Request: id, Count: accept}
	return s.settle(ctx, query, p, func(snapshot Snapshot) (Change, Request, error) {
		return decideAnswer(snapshot, id, accept, p, now)
	})
}

// CancelRequest withdraws the caller's request.
func (s *Service) CancelRequest(ctx context.Context, caller ids.UserID, id ids.FriendRequestID) error {
	found, err := s.ports.Store.Request(ctx, id)
	if err != nil {
		return err
	}
	if found.Applicant != caller {
		return ErrRequestNotFound
	}
	p := s.people(ctx, found)
	now := s.millis()
	query := Query{Pair: PairOf(found.Applicant, found.Respondent), Request: id}
	_, err = s.settle(ctx, query, p, func(snapshot Snapshot) (Change, Request, error) {
		change, err := decideCancel(snapshot, id, p, now)
		return change, found, err
	})
	return err
}

// RemoveFriend ends a friendship. It answers nil when the conversation is closed too, else
// fault.ErrUnavailable; it may be repeated.
func (s *Service) RemoveFriend(ctx context.Context, caller, friend ids.UserID) error {
	pair := PairOf(caller, friend)
	relation, err := s.ports.Store.Relation(ctx, pair)
	if err != nil {
		return err
	}
	if relation.Friends {
		now := s.millis()
		relation, err = s.update(ctx, Query{Pair: pair}, func(snapshot Snapshot) (Change, error) {
			return decideRemoval(snapshot, caller, friend, now), nil
		})
		if err != nil {
			return err
		}
	}
	return s.closed(ctx, relation)
}

// closed answers nil once the message service knows that a pair is no longer friends.
func (s *Service) closed(ctx context.Context, relation Relation) error {
	if relation.Friends || relation.PendingSince == 0 {
		return nil
	}
	if _, err := s.handOver(ctx, relation); err != nil {
		// Whatever went wrong there, for the caller here the outcome is open and a repeat is right.
		return fault.ErrUnavailable.Because(err)
	}
	return nil
}

// settle runs one decision about a request, and opens the conversation if both are friends by it.
func (s *Service) settle(ctx context.Context, q Query, p people, decide func(Snapshot) (Change, Request, error)) (Outcome, error) {
	var request Request
	relation, err := s.update(ctx, q, func(snapshot Snapshot) (change Change, err error) {
		change, request, err = decide(snapshot)
		return change, err
	})
	if err != nil {
		return Outcome{}, err
	}
	outcome := Outcome{Request: request, Applicant: p.of(request.Applicant), Respondent: p.of(request.Respondent)}
	if request.State == Accepted && relation.Friends {
		outcome.ConversationID = s.conversation(ctx, relation)
	}
	return outcome, nil
}

// update changes a pair, offers the events after the commit and answers the relation as it is then.
func (s *Service) update(ctx context.Context, q Query, decide func(Snapshot) (Change, error)) (Relation, error) {
	var relation Relation
	var events []Event
	err := s.ports.Store.Update(ctx, q, func(snapshot Snapshot) (Change, error) {
		change, err := decide(snapshot)
		relation, events = snapshot.Relation, change.Events
		if change.Relation != nil {
			relation = *change.Relation
		}
		return change, err
	})
	if err != nil {
		return Relation{}, err
	}
	if len(events) > 0 {
		s.ports.Publisher.Offer(events...)
	}
	return relation, nil
}

// people fetches the profiles for an answer and its event. Without the user service both show ids alone:
// an answer that was given must not be lost for want of a name.
func (s *Service) people(ctx context.Context, r Request) people {
	p, err := s.ports.Users.Profiles(ctx, []ids.UserID{r.Applicant, r.Respondent})
	if err != nil && !errors.Is(err, context.Canceled) {
		s.logger.WarnContext(ctx, "request is shown without profiles", "error", err)
	}
	return p
}
