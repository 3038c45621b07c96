// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"math"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Privacy is what others may know.
type Privacy struct {
	PhoneForFriends bool // friends see it
	FindableByPhone bool // who types the whole number finds the account
	PresenceHidden  bool // nobody sees whether the person is there
	ReceiptsHidden  bool // nobody sees how far the person reads
}

// Record is an account with all that belongs to its owner.
type Record struct {
	Credentials
	Phone             Phone // zero: none
	Privacy           Privacy
	UsernameChangedAt int64 // ms; 0: never
	DeletedAt         int64 // ms; 0 while it lives
	SuspendedUntil    int64 // ms; nobody can sign in before
	Role              Role
}

// UsernameChangeAt is from when on the username may be changed, ms; 0: now.
func (r Record) UsernameChangeAt() int64 {
	if r.UsernameChangedAt == 0 {
		return 0
	}
	return r.UsernameChangedAt + usernameRest.Milliseconds()
}

// HasPassword is false for an account that can only log in with a code.
func (r Record) HasPassword() bool { return r.PasswordHash != "" }

// forever blocks a username for good.
const forever = math.MaxInt64

// RetiredUsername is a name that its account gave up, and that nobody else may take for a while.
type RetiredUsername struct {
	Username     string
	BlockedUntil int64 // ms
}

// Rewriting is what one change of an account writes, all of it or nothing.
type Rewriting struct {
	Record      Record
	NicknameKey []byte // of the nickname; nil leaves it
	At          int64  // ms: when it was decided, and when Endings end
	Endings     []Ending
	Retired     *RetiredUsername
	Event       *Updated
	Audit       *AuditEntry
}

// Caller is who asks, with the login session that the token proved.
type Caller struct {
	UserID    ids.UserID
	SessionID ids.LoginSessionID
}

// Record answers the caller's own account.
func (s *Service) Record(ctx context.Context, id ids.UserID) (Record, error) {
	return s.Records.Record(ctx, id)
}

// rewrite changes the caller's account and tells what ended and changed. A login session that has ended
// meanwhile changes nothing: a token that was stolen must not win against the owner who ends it.
func (s *Service) rewrite(
	ctx context.Context, caller Caller, decide func(record Record, sessions []LoginSession, now int64) (*Rewriting, error),
) error {
	return s.rewriteAny(ctx, caller.UserID, func(record Record, sessions []LoginSession, now int64) (*Rewriting, error) {
		if !slices.ContainsFunc(sessions, func(l LoginSession) bool { return l.ID == caller.SessionID }) {
			return nil, ended(WhyRevoked)
		}
		return decide(record, sessions, now)
	})
}

// rewriteAny changes an account whose owner proved it by other means than a login session.
func (s *Service) rewriteAny(
	ctx context.Context, id ids.UserID, decide func(record Record, sessions []LoginSession, now int64) (*Rewriting, error),
) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	var written *Rewriting
	now := s.millis()
	err := s.Records.Rewrite(ctx, id, func(record Record, sessions []LoginSession) (*Rewriting, error) {
		written = nil // the transaction may run again
		rewriting, err := decide(record, sessions, now)
		if err == nil {
			written = rewriting
		}
		return rewriting, err
	})
	if err == nil {
		s.announce(id, written)
	}
	return err
}

// announce tells what a rewriting ended and changed; nil is nothing.
func (s *Service) announce(id ids.UserID, written *Rewriting) {
	if written == nil {
		return
	}
	s.tell(id, written.Endings, written.At)
	if written.Event != nil {
		s.Publisher.Offer(*written.Event)
	}
}

// endAll ends all sessions but one; the zero id spares none.
func endAll(sessions []LoginSession, spared ids.LoginSessionID, reason EndReason) []Ending {
	var endings []Ending
	for _, l := range sessions {
		if l.ID != spared {
			endings = append(endings, Ending{l.ID, reason})
		}
	}
	return endings
}
