// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// The pace of changing a username; part of the product, not settings.
const (
	usernameRest    = 30 * 24 * time.Hour
	usernameBlocked = 90 * 24 * time.Hour
)

// PrivacyChange names new values; nil leaves a field as it is.
type PrivacyChange struct {
	PhoneForFriends *bool
	FindableByPhone *bool
	PresenceHidden  *bool
	ReceiptsHidden  *bool
}

// SetUsername changes the login name, once in 30 days, and blocks the old one for others for 90. The same
// name again changes nothing.
func (s *Service) SetUsername(ctx context.Context, caller Caller, username string) (Record, error) {
	username, err := CheckUsername(username)
	if err != nil {
		return Record{}, err
	}
	var result Record
	err = s.rewrite(ctx, caller, func(record Record, _ []LoginSession, now int64) (*Rewriting, error) {
		result = record
		if record.Account.Username == username {
			return nil, nil
		}
		if wait := record.UsernameChangeAt() - now; wait > 0 {
			return nil, ErrRateLimited.With("limit", "changes_of_username").After(time.Duration(wait) * time.Millisecond)
		}
		old := record.Account.Username
		result.Account.Username, result.UsernameChangedAt = username, now
		return &Rewriting{
			Record: result, At: now,
			Retired: &RetiredUsername{Username: old, BlockedUntil: now + usernameBlocked.Milliseconds()},
			Event:   &Updated{ID: ids.NewEvent(), At: now, Account: result.Account},
		}, nil
	})
	return result, err
}

// SetPrivacy changes what is named. A presence that is hidden or shown is told like a changed profile, so
// that those who watch it are looked at again.
func (s *Service) SetPrivacy(ctx context.Context, caller Caller, p PrivacyChange) (Record, error) {
	var result Record
	err := s.rewrite(ctx, caller, func(record Record, _ []LoginSession, now int64) (*Rewriting, error) {
		result = record
		if p.PhoneForFriends != nil {
			result.Privacy.PhoneForFriends = *p.PhoneForFriends
		}
		if p.FindableByPhone != nil {
			result.Privacy.FindableByPhone = *p.FindableByPhone
		}
		if p.PresenceHidden != nil {
			result.Privacy.PresenceHidden = *p.PresenceHidden
		}
		if p.ReceiptsHidden != nil {
			result.Privacy.ReceiptsHidden = *p.ReceiptsHidden
		}
		if result == record {
			return nil, nil
		}
		rewriting := &Rewriting{Record: result, At: now}
		if result.Privacy.PresenceHidden != record.Privacy.PresenceHidden {
			rewriting.Event = &Updated{ID: ids.NewEvent(), At: now, Account: result.Account, PrivacyChanged: true}
		}
		return rewriting, nil
	})
	return result, err
}

// SetPassword changes the password, or gives one to an account that has none, and ends all other login
// sessions. It is no way around what proves the owner elsewhere: who has no password shows a code for the
// number, or has just signed in with one.
func (s *Service) SetPassword(ctx context.Context, caller Caller, proof Proof, password string) error {
	known, err := s.Records.Record(ctx, caller.UserID)
	if err != nil {
		return err
	}
	if err := s.passwords.Check(password, known.Account.Username); err != nil {
		return err
	}
	bySession := proof.Code == nil && !known.HasPassword() && !known.Phone.IsZero()
	if !bySession {
		err = s.proveOwner(ctx, known, proof)
	}
	if err != nil {
		return err
	}
	hash, err := s.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.rewrite(ctx, caller, func(record Record, sessions []LoginSession, now int64) (*Rewriting, error) {
		switch {
		case record.Rev != known.Rev:
			return nil, ErrPasswordWrong // changed since it was looked at
		case bySession && !justOpened(sessions, caller.SessionID, now):
			return nil, ErrCodeInvalid
		}
		record.PasswordHash = hash
		record.Rev++
		return &Rewriting{Record: record, At: now, Endings: endAll(sessions, caller.SessionID, Revoked)}, nil
	})
}

// freshSession is for how long signing in proves the owner. Chosen, no evidence.
const freshSession = 10 * time.Minute

// justOpened tells whether a login session is fresh.
func justOpened(sessions []LoginSession, id ids.LoginSessionID, now int64) bool {
	return slices.ContainsFunc(sessions, func(l LoginSession) bool {
		return l.ID == id && now-l.CreatedAt < freshSession.Milliseconds()
	})
}

// DeleteAccount ends all login sessions and removes what the account says of the person. The row stays, so
// that messages and friend lists can name a deleted user; the username is blocked for good.
func (s *Service) DeleteAccount(ctx context.Context, caller Caller, proof Proof) error {
	known, err := s.Records.Record(ctx, caller.UserID)
	if err != nil {
		return err
	}
	if err := s.proveOwner(ctx, known, proof); err != nil {
		return err
	}
	act := Act{Actor: caller, Target: caller.UserID}
	return s.act(ctx, act, func(role Role, scene Scene, now int64) (*Rewriting, error) {
		switch {
		case scene.Target.Rev != known.Rev:
			return nil, ErrPasswordWrong
		case role == Owner && !scene.hasOtherOwner(now):
			return nil, ErrLastOwner
		}
		gone := erase(scene.Target, scene.Sessions, now)
		audit := s.entry(ctx, AuditEntry{At: now, Actor: caller.UserID, Action: ActionDeleteAccount, Target: caller.UserID})
		gone.Audit = &audit
		return gone, nil
	})
}

// erase is the deletion of an account by its owner.
func erase(record Record, sessions []LoginSession, now int64) *Rewriting {
	id := record.Account.ID
	gone := Record{
		Credentials: Credentials{
			Account: Account{ID: id, Nickname: deletedNickname, CreatedAt: record.Account.CreatedAt, Deleted: true},
			Rev:     record.Rev + 1,
		},
		DeletedAt: now,
	}
	return &Rewriting{
		Record: gone, NicknameKey: []byte{}, At: now,
		Endings: endAll(sessions, ids.LoginSessionID{}, Deleted),
		Retired: &RetiredUsername{Username: record.Account.Username, BlockedUntil: forever},
		Event:   &Updated{ID: ids.NewEvent(), At: now, Account: gone.Account},
	}
}

// prove checks the password of somebody who is logged in already. Guessing is slowed down as at a login,
// but counted apart, so that a stolen token does not lock its owner out. An account without a password has
// nothing to prove.
func (s *Service) prove(ctx context.Context, known Record, password string) error {
	if !known.HasPassword() {
		return nil
	}
	if !fitsPassword(password) {
		return ErrPasswordWrong
	}
	key := proofKey(known.Account.ID)
	now := s.millis()
	err := s.Attempts.Charge(ctx, []AttemptKey{key}, func(counters []Attempt) ([]Attempt, error) {
		charged, wait := chargeAccount(counters[0], now)
		if wait > 0 {
			return nil, ErrRateLimited.With("limit", "passwords").After(wait)
		}
		return []Attempt{charged}, nil
	})
	if err != nil {
		return err
	}
	err = s.verify(ctx, true, known.Credentials, password)
	if errors.Is(err, ErrInvalidCredentials) {
		return ErrPasswordWrong
	}
	if err != nil {
		s.refund(ctx, key)
		return err
	}
	return s.Attempts.Clear(ctx, key)
}

func proofKey(owner ids.UserID) AttemptKey {
	return sha256.Sum256([]byte("proof\x00" + owner.String()))
}
