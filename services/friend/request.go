// SPDX-License-Identifier: Apache-2.0

package friend

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Rules of requests; part of the product, not settings.
const (
	maxText            = 100 // code points
	maxOutgoingPending = 100
	requestLife        = 30 * 24 * time.Hour
	refusalPause       = 24 * time.Hour
)

// State of a request. The numbers are stored.
type State int

// The states.
const (
	Pending State = iota + 1
	Accepted
	Refused
	Cancelled
	Expired
)

// Request is one wish to become friends. Times are ms.
type Request struct {
	ID         ids.FriendRequestID
	Applicant  ids.UserID
	Respondent ids.UserID
	Text       string // may be empty
	State      State
	CreatedAt  int64
	DecidedAt  int64 // 0 while pending
	Key        ids.IdempotencyKey
	// Hidden from the respondent, who blocked the applicant while it waited. It stays hidden after that
	// block, and the applicant cannot tell.
	Hidden bool
}

// at is the request as it stands at a time: one that waited for thirty days has expired.
func (r Request) at(now int64) Request {
	if end := r.CreatedAt + requestLife.Milliseconds(); r.State == Pending && now >= end {
		r.State, r.DecidedAt = Expired, end
	}
	return r
}

// decided is the request with its outcome.
func (r Request) decided(state State, now int64) Request {
	r.State, r.DecidedAt = state, now
	return r
}

// Wish is what an applicant sends.
type Wish struct {
	Applicant  ids.UserID
	Respondent ids.UserID
	Text       string
	Key        ids.IdempotencyKey
}

// checked trims the text and applies the rules that need no state.
func (w Wish) checked() (Wish, error) {
	w.Text = strings.TrimSpace(w.Text)
	switch {
	case w.Applicant == w.Respondent:
		return w, fault.InvalidField("user_id", "self")
	case utf8.RuneCountInString(w.Text) > maxText:
		return w, fault.InvalidField("text", "length")
	case strings.ContainsFunc(w.Text, isControl):
		return w, fault.InvalidField("text", "characters")
	default:
		return w, nil
	}
}

// isControl tells controls other than the line break, and what turns the direction of text around.
func isControl(r rune) bool {
	return unicode.IsControl(r) && r != '\n' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// asks tells whether a stored request is this wish.
func (w Wish) asks(r Request) bool { return r.Respondent == w.Respondent && r.Text == w.Text }

func (w Wish) request(state State, now int64) Request {
	r := Request{
		ID: ids.NewFriendRequest(), Applicant: w.Applicant, Respondent: w.Respondent, Text: w.Text,
		State: state, CreatedAt: now, Key: w.Key,
	}
	if state != Pending {
		r.DecidedAt = now
	}
	return r
}
