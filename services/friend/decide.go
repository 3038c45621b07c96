// SPDX-License-Identifier: Apache-2.0

package friend

import (
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// The decisions. Each is a pure function of what is under the lock, the wish and the time.

// decideWish settles a new request: what the key stands for, an acceptance if the other side has asked,
// or a request that waits.
func decideWish(s Snapshot, w Wish, p people, now int64) (Change, Request, error) {
	if s.Keyed != nil {
		if !w.asks(*s.Keyed) {
			return Change{}, Request{}, ErrKeyReused
		}
		return Change{}, s.Keyed.at(now), nil
	}
	if s.Relation.Friends {
		return Change{}, Request{}, ErrAlreadyFriends
	}
	if s.blockedBy(w.Applicant) {
		return Change{}, Request{}, ErrBlocked
	}
	for _, r := range s.Requests {
		// Before everything that refuses: who was refused a day ago and is now asked may say yes.
		if r.at(now).State == Pending && r.Applicant == w.Respondent {
			return cross(s, r, w, p, now)
		}
	}
	for _, r := range s.Requests {
		if err := checkEarlier(r.at(now), w, now); err != nil {
			return Change{}, Request{}, err
		}
	}
	if s.OutgoingPending >= maxOutgoingPending {
		return Change{}, Request{}, ErrQuotaExceeded.With("limit", "pending_requests")
	}
	if err := s.checkRoom(); err != nil {
		return Change{}, Request{}, err
	}
	request := w.request(Pending, now)
	request.Hidden = s.blockedBy(w.Respondent)
	return Change{
		Insert:  &request,
		Decided: expired(s.Requests, now),
		Events:  []Event{p.event(Requested, request, now)},
	}, request, nil
}

// checkEarlier refuses a wish because of an earlier request of the same direction.
func checkEarlier(r Request, w Wish, now int64) error {
	if r.Applicant != w.Applicant {
		return nil
	}
	if r.State == Pending {
		return ErrRequestPending
	}
	if wait := r.DecidedAt + refusalPause.Milliseconds() - now; r.State == Refused && wait > 0 {
		return ErrRateLimited.With("limit", "requests_after_refusal").After(time.Duration(wait) * time.Millisecond)
	}
	return nil
}

// cross makes friends of two people who asked each other. Both requests are accepted; the event tells of
// the one that both know: theirs, unless it was hidden.
func cross(s Snapshot, theirs Request, w Wish, p people, now int64) (Change, Request, error) {
	if err := s.checkRoom(); err != nil {
		return Change{}, Request{}, err
	}
	theirs = theirs.decided(Accepted, now)
	mine := w.request(Accepted, now)
	relation := s.Relation.befriended(now)
	events := []Event{p.event(Responded, theirs, now)}
	if theirs.Hidden {
		events = append(events, p.event(Responded, mine, now))
	}
	return Change{
		Relation: &relation,
		Insert:   &mine,
		Decided:  []Request{theirs},
		Events:   events,
	}, mine, nil
}

// decideAnswer settles an acceptance or a refusal. One that was given already stays.
func decideAnswer(s Snapshot, id ids.FriendRequestID, accept bool, p people, now int64) (Change, Request, error) {
	request, ok := s.find(id)
	if !ok || request.Hidden {
		return Change{}, Request{}, ErrRequestNotFound
	}
	switch request = request.at(now); request.State {
	case Accepted, Refused:
		return Change{}, request, nil
	case Cancelled, Expired:
		return Change{}, Request{}, ErrRequestNotFound
	case Pending:
	}
	if !accept {
		request = request.decided(Refused, now)
		return Change{Decided: []Request{request}, Events: []Event{p.event(Responded, request, now)}}, request, nil
	}
	request = request.decided(Accepted, now)
	change := Change{Decided: []Request{request}, Events: []Event{p.event(Responded, request, now)}}
	if !s.Relation.Friends {
		if err := s.checkRoom(); err != nil {
			return Change{}, Request{}, err
		}
		relation := s.Relation.befriended(now)
		change.Relation = &relation
	}
	return change, request, nil
}

// decideCancel settles a withdrawal. Repeating it changes nothing.
func decideCancel(s Snapshot, id ids.FriendRequestID, p people, now int64) (Change, error) {
	request, ok := s.find(id)
	if !ok {
		return Change{}, ErrRequestNotFound
	}
	switch request = request.at(now); request.State {
	case Cancelled:
		return Change{}, nil
	case Accepted, Refused, Expired:
		return Change{}, ErrRequestNotFound
	case Pending:
	}
	request = request.decided(Cancelled, now)
	return Change{Decided: []Request{request}, Events: []Event{p.event(Withdrawn, request, now)}}, nil
}

// decideRemoval ends a friendship if there is one.
func decideRemoval(s Snapshot, remover, friend ids.UserID, now int64) Change {
	if !s.Relation.Friends {
		return Change{}
	}
	relation := s.Relation.parted(now)
	return Change{
		Relation: &relation,
		Events:   []Event{{ID: ids.NewEvent(), Kind: Removed, At: now, Remover: remover, Friend: friend}},
	}
}

// decideBlock ends the friendship and keeps requests away: the blocker's own are withdrawn, those of the
// other side go on for the applicant alone.
func decideBlock(s Snapshot, b Block, p people, now int64) (Change, error) {
	if s.blockedBy(b.Owner) {
		return Change{}, nil
	}
	if s.Blocks >= maxBlocks {
		return Change{}, ErrQuotaExceeded.With("limit", "blocks")
	}
	change := decideRemoval(s, b.Owner, b.Blocked, now)
	change.Block = &b
	for _, r := range s.Requests {
		switch r = r.at(now); {
		case r.State != Pending:
		case r.Applicant == b.Owner:
			r = r.decided(Cancelled, now)
			change.Decided = append(change.Decided, r)
			change.Events = append(change.Events, p.event(Withdrawn, r, now))
		default:
			r.Hidden = true
			change.Decided = append(change.Decided, r)
		}
	}
	change.Events = append(change.Events, b.event(true, now))
	return change, nil
}

// decideUnblock takes a block back, if there is one.
func decideUnblock(s Snapshot, b Block, now int64) Change {
	if !s.blockedBy(b.Owner) {
		return Change{}
	}
	return Change{Unblock: &b, Events: []Event{b.event(false, now)}}
}

// decideRemark keeps a remark about a friend.
func decideRemark(s Snapshot, r Remark, now int64) (Change, error) {
	switch {
	case !s.Relation.Friends:
		return Change{}, ErrNotFriends
	case s.Remark == r.Text:
		return Change{}, nil
	default:
		return Change{Remark: &r, Events: []Event{{
			ID: ids.NewEvent(), Kind: Updated, At: now, Owner: r.Owner, Friend: r.Friend, Remark: r.Text,
		}}}, nil
	}
}

// blockedBy tells whether one of the pair blocks the other.
func (s Snapshot) blockedBy(owner ids.UserID) bool {
	if owner == s.Relation.Pair.Low {
		return s.BlockedByLow
	}
	return s.BlockedByHigh
}

func (s Snapshot) find(id ids.FriendRequestID) (Request, bool) {
	for _, r := range s.Requests {
		if r.ID == id {
			return r, true
		}
	}
	return Request{}, false
}

// checkRoom refuses one friendship too many on either side.
func (s Snapshot) checkRoom() error {
	if s.FriendsOfLow >= maxFriends || s.FriendsOfHigh >= maxFriends {
		return ErrQuotaExceeded.With("limit", "friends")
	}
	return nil
}

// expired are the requests whose rows do not know yet that they have expired.
func expired(requests []Request, now int64) []Request {
	var list []Request
	for _, r := range requests {
		if late := r.at(now); late.State != r.State {
			list = append(list, late)
		}
	}
	return list
}
