// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/parley-chat/parley/services/internal/ids"
)

// maxMadeUp bounds the tries to find a free made-up username; the second is hardly ever needed.
const maxMadeUp = 3

// Proof shows that the owner asks: the password, or a code for the phone number of the account.
type Proof struct {
	Password string
	Code     *PhoneCode // nil: none
}

// PhoneLogin is an attempt to log in or register by a code.
type PhoneLogin struct {
	Phone    string // as the client sent it
	Code     PhoneCode
	Device   Device
	Nickname string // of a new account; empty: its username
}

// RegisterByPhone makes an account for a number and logs it in. Whether the number has one is told only to
// who holds the phone.
func (s *Service) RegisterByPhone(ctx context.Context, r PhoneLogin) (Login, error) {
	number, err := s.Numbers.Parse(r.Phone)
	if err != nil {
		return Login{}, err
	}
	if r.Nickname != "" { // before the code is used up
		if r.Nickname, err = CheckNickname(s.Text, r.Nickname); err != nil {
			return Login{}, err
		}
	}
	if err := s.redeem(ctx, r.Code, number.Phone, ToRegister); err != nil {
		return Login{}, err
	}
	return s.createByPhone(ctx, number.Phone, r)
}

// LoginByPhone opens a login session. Created tells that the account is new, which it can only be with
// createIfAbsent.
func (s *Service) LoginByPhone(ctx context.Context, r PhoneLogin, createIfAbsent bool) (login Login, created bool, err error) {
	number, err := s.Numbers.Parse(r.Phone)
	if err != nil {
		return Login{}, false, err
	}
	if err := s.redeem(ctx, r.Code, number.Phone, ToLogin); err != nil {
		return Login{}, false, err
	}
	found, err := s.Records.ByPhone(ctx, number.Phone)
	if errors.Is(err, ErrNotFound) {
		if !createIfAbsent {
			return Login{}, false, ErrPhoneNotRegistered
		}
		login, err = s.createByPhone(ctx, number.Phone, r)
		if !errors.Is(err, ErrPhoneTaken) {
			return login, err == nil, err
		}
		found, err = s.Records.ByPhone(ctx, number.Phone) // made by another call at this moment
	}
	if err != nil {
		return Login{}, false, err
	}
	login, err = s.open(ctx, found, r.Device)
	return login, false, err
}

// createByPhone makes an account without a password, under a made-up username.
func (s *Service) createByPhone(ctx context.Context, phone Phone, r PhoneLogin) (Login, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for tries := 1; ; tries++ {
		account := Account{ID: ids.NewUser(), Username: madeUpUsername(), Nickname: r.Nickname}
		if account.Nickname == "" {
			account.Nickname = account.Username
		}
		session, token := s.newSession(account.ID, r.Device)
		account.CreatedAt = session.CreatedAt
		record := Record{Credentials: Credentials{Account: account}, Phone: phone}
		event := created(account)
		err := s.Accounts.Create(ctx, NewAccount{
			Credentials: record.Credentials, NicknameKey: nicknameKey(s.Text, account.Nickname), Phone: phone, Event: &event,
		}, session)
		if errors.Is(err, ErrUsernameTaken) && tries < maxMadeUp {
			continue
		}
		if err != nil {
			return Login{}, err
		}
		s.Publisher.Offer(event)
		return Login{Record: record, Session: session, Token: token}, nil
	}
}

// madeUpUsername has 50 random bits, and says nothing of the phone number.
func madeUpUsername() string { return "user-" + strings.ToLower(rand.Text()[:10]) }

// ResetPassword gives the account of a number a new password and ends all its login sessions.
func (s *Service) ResetPassword(ctx context.Context, phone string, code PhoneCode, password string) error {
	number, err := s.Numbers.Parse(phone)
	if err != nil {
		return err
	}
	if err := s.passwords.Check(password, ""); err != nil { // before the code is used up
		return err
	}
	if err := s.redeem(ctx, code, number.Phone, ToResetPassword); err != nil {
		return err
	}
	found, err := s.Records.ByPhone(ctx, number.Phone)
	if errors.Is(err, ErrNotFound) {
		return ErrPhoneNotRegistered
	}
	if err != nil {
		return err
	}
	if err := s.passwords.Check(password, found.Account.Username); err != nil {
		return err
	}
	hash, err := s.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	err = s.rewriteAny(ctx, found.Account.ID, func(record Record, sessions []LoginSession, now int64) (*Rewriting, error) {
		if record.Phone != number.Phone {
			return nil, ErrPhoneNotRegistered // it moved to another account meanwhile
		}
		if record.SuspendedAt(now) {
			return nil, suspended(record.SuspendedUntil)
		}
		record.PasswordHash = hash
		record.Rev++
		return &Rewriting{Record: record, At: now, Endings: endAll(sessions, ids.LoginSessionID{}, Revoked)}, nil
	})
	if errors.Is(err, ErrNotFound) {
		return ErrPhoneNotRegistered
	}
	return err
}

// SetPhone gives the account a number and ends all other login sessions. The proof of the owner is used up
// first: a right code for a number tells whether it is taken, and only its holder may ask.
func (s *Service) SetPhone(ctx context.Context, caller Caller, phone string, code PhoneCode, proof Proof) (Record, error) {
	number, err := s.Numbers.Parse(phone)
	if err != nil {
		return Record{}, err
	}
	known, err := s.Records.Record(ctx, caller.UserID)
	if err != nil {
		return Record{}, err
	}
	if err := s.proveOwner(ctx, known, proof); err != nil {
		return Record{}, err
	}
	if err := s.redeem(ctx, code, number.Phone, ToSetPhone); err != nil {
		return Record{}, err
	}
	var result Record
	err = s.rewrite(ctx, caller, func(record Record, sessions []LoginSession, now int64) (*Rewriting, error) {
		if record.Rev != known.Rev {
			return nil, ErrPasswordWrong // what was proved counts no more
		}
		result = record
		result.Phone = number.Phone
		result.Rev++
		return &Rewriting{Record: result, At: now, Endings: endAll(sessions, caller.SessionID, Revoked)}, nil
	})
	return result, err
}

// proveOwner takes a code for the number of the account in place of the password. An account with neither
// has nothing to prove.
func (s *Service) proveOwner(ctx context.Context, known Record, proof Proof) error {
	switch {
	case proof.Code != nil && !known.Phone.IsZero():
		return s.redeem(ctx, *proof.Code, known.Phone, ToConfirmOldPhone)
	case proof.Code != nil, !known.HasPassword() && !known.Phone.IsZero():
		return ErrCodeInvalid
	default:
		return s.prove(ctx, known, proof.Password)
	}
}
