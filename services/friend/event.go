// SPDX-License-Identifier: Apache-2.0

package friend

import "github.com/parley-chat/parley/services/internal/ids"

// EventKind names what happened.
type EventKind int

// The kinds.
const (
	Requested EventKind = iota + 1 // friend.requested
	Responded                      // friend.responded
	Withdrawn                      // friend.cancelled
	Removed                        // friend.removed
	Updated                        // friend.updated
)

// Event is one committed fact. Both people of the pair hear of it, but for what one keeps about the
// other, and for requests that the respondent must not see.
type Event struct {
	ID   ids.EventID
	Kind EventKind
	At   int64 // ms
	// Request with the profiles of both, for the kinds of requests.
	Request               Request
	Applicant, Respondent Profile
	// Remover ended the friendship with Friend, for Removed.
	Remover, Friend ids.UserID
	// Owner keeps the remark about Friend and blocks Friend or not, for Updated.
	Owner   ids.UserID
	Remark  string
	Blocked bool
}

// Recipients of the event.
func (e Event) Recipients() []ids.UserID {
	switch {
	case e.Kind == Removed:
		return []ids.UserID{e.Friend, e.Remover}
	case e.Kind == Updated:
		return []ids.UserID{e.Owner}
	case e.Request.Hidden:
		return []ids.UserID{e.Request.Applicant}
	}
	return []ids.UserID{e.Request.Applicant, e.Request.Respondent}
}

// people are the profiles of a request's two sides.
type people map[ids.UserID]Profile

// of answers a profile, with the id alone for an account that is gone.
func (p people) of(id ids.UserID) Profile {
	if profile, ok := p[id]; ok {
		return profile
	}
	return Profile{ID: id}
}

func (p people) event(kind EventKind, r Request, now int64) Event {
	return Event{
		ID: ids.NewEvent(), Kind: kind, At: now, Request: r,
		Applicant: p.of(r.Applicant), Respondent: p.of(r.Respondent),
	}
}
