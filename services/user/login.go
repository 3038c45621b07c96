// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"errors"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Registration is a wish for an account.
type Registration struct {
	Username string
	Nickname string
	Password string
	Device   Device
}

// Credential is an attempt to log in.
type Credential struct {
	Username string
	Password string
	Device   Device
	Address  string // of the client; empty if unknown, then no limit per address applies
}

// Login is a login session that just began, with the only copy of its token.
type Login struct {
	Record

	Session LoginSession
	Token   string
}

// Register makes an account and logs it in.
func (s *Service) Register(ctx context.Context, r Registration) (Login, error) {
	account, err := s.checkRegistration(r)
	if err != nil {
		return Login{}, err
	}
	// A taken name is refused before the costly hash; the store decides races.
	if _, err := s.Accounts.ByUsername(ctx, account.Username); err == nil {
		return Login{}, ErrUsernameTaken
	} else if !errors.Is(err, ErrNotFound) {
		return Login{}, err
	}
	hash, err := s.Hasher.Hash(ctx, r.Password)
	if err != nil {
		return Login{}, err
	}
	session, token := s.newSession(account.ID, r.Device)
	account.CreatedAt = session.CreatedAt
	record := Record{Credentials: Credentials{Account: account, PasswordHash: hash}}
	event := created(account)
	err = s.Accounts.Create(ctx, NewAccount{
		Credentials: record.Credentials,
		NicknameKey: nicknameKey(s.Text, account.Nickname), Event: &event,
	}, session)
	if err != nil {
		return Login{}, err
	}
	s.Publisher.Offer(event)
	return Login{Record: record, Session: session, Token: token}, nil
}

// created is the event of a new account.
func created(a Account) Updated {
	return Updated{ID: ids.NewEvent(), At: a.CreatedAt, Account: a, Created: true}
}

func (s *Service) checkRegistration(r Registration) (Account, error) {
	username, err := CheckUsername(r.Username)
	if err != nil {
		return Account{}, err
	}
	nickname, err := CheckNickname(s.Text, r.Nickname)
	if err != nil {
		return Account{}, err
	}
	if err := s.passwords.Check(r.Password, username); err != nil {
		return Account{}, err
	}
	return Account{ID: ids.NewUser(), Username: username, Nickname: nickname}, nil
}

// Login opens a login session. Every way to be wrong costs the same: the same statements and one hash.
func (s *Service) Login(ctx context.Context, c Credential) (Login, error) {
	if !fitsPassword(c.Password) {
		return Login{}, ErrInvalidCredentials // no stored password looks like this
	}
	username := FoldUsername(c.Username)
	found, err := s.Accounts.ByUsername(ctx, username)
	known := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Login{}, err
	}
	login, err := s.logIn(ctx, known, found, c)
	if _, told := fault.Of(err); told && !errors.Is(err, fault.ErrUnavailable) {
		s.noteFailedLogin(ctx, accountKey(username), found.Account.ID, c, err)
	}
	return login, err
}

// logIn counts, looks at the password and opens the session.
func (s *Service) logIn(ctx context.Context, known bool, found Record, c Credential) (Login, error) {
	key, err := s.charge(ctx, FoldUsername(c.Username), found.Account.ID, c)
	if err != nil {
		return Login{}, err
	}
	if err := s.verify(ctx, known, found.Credentials, c.Password); err != nil {
		if !errors.Is(err, ErrInvalidCredentials) {
			s.refund(ctx, key)
		}
		return Login{}, err
	}
	if err := s.Attempts.Clear(ctx, key); err != nil {
		return Login{}, err
	}
	return s.open(ctx, found, c.Device)
}

// charge counts the login before its password is looked at, and answers the key that a success clears.
func (s *Service) charge(ctx context.Context, username string, owner ids.UserID, c Credential) (AttemptKey, error) {
	key := accountKey(username)
	// Asked for unknown names too, about the zero id, so that the statements are the same.
	switch known, err := s.Sessions.KnowsDevice(ctx, owner, c.Device.ID); {
	case err != nil:
		return key, err
	case known:
		key = deviceKey(owner, c.Device.ID)
	}
	keys := []AttemptKey{key}
	if address, ok := addressKey(c.Address); ok && s.addressLogins > 0 {
		keys = append(keys, address)
	}
	now := s.millis()
	err := s.Attempts.Charge(ctx, keys, func(counters []Attempt) ([]Attempt, error) {
		var wait, more time.Duration
		counters[0], wait = chargeAccount(counters[0], now)
		if len(counters) > 1 {
			counters[1], more = chargeAddress(counters[1], s.addressLogins, now)
		}
		limit := "logins"
		if more > wait {
			limit, wait = "logins_of_address", more
		}
		if wait > 0 {
			return nil, ErrRateLimited.With("limit", limit).After(wait)
		}
		return counters, nil
	})
	return key, err
}

// refund takes the charge back where the password was not looked at; if that fails too, the charge
// stands and only costs a second or so.
func (s *Service) refund(ctx context.Context, key AttemptKey) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	err := s.Attempts.Charge(ctx, []AttemptKey{key}, func(counters []Attempt) ([]Attempt, error) {
		return []Attempt{refundAccount(counters[0])}, nil
	})
	if err != nil {
		s.logger.WarnContext(ctx, "refund of a login attempt failed", "error", err)
	}
}

// verify runs exactly one hash, and another one only to store a right password anew.
func (s *Service) verify(ctx context.Context, known bool, found Credentials, password string) error {
	if !known || found.PasswordHash == "" {
		if err := s.Hasher.Burn(ctx, password); err != nil {
			return err
		}
		return ErrInvalidCredentials
	}
	match, outdated, err := s.Hasher.Verify(ctx, password, found.PasswordHash)
	if err != nil {
		return err
	}
	if !match {
		return ErrInvalidCredentials
	}
	if outdated {
		s.rehash(ctx, found, password)
	}
	return nil
}

// rehash is a chance, not a duty: the old hash still proves the password.
func (s *Service) rehash(ctx context.Context, found Credentials, password string) {
	hash, err := s.Hasher.Hash(ctx, password)
	if err == nil {
		err = s.Accounts.ReplacePasswordHash(ctx, found.Account.ID, found.PasswordHash, hash)
	}
	if err != nil {
		s.logger.WarnContext(ctx, "password was not hashed anew", "user_id", found.Account.ID.String(), "error", err)
	}
}

// open stores the new session and ends those that give way to it. A password that was changed since it was
// looked at opens nothing.
func (s *Service) open(ctx context.Context, found Record, device Device) (Login, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	session, token := s.newSession(found.Account.ID, device)
	var endings []Ending
	err := s.Sessions.Open(ctx, session, found.Rev, func(suspendedUntil int64, existing []LoginSession) (Opening, error) {
		if suspendedUntil > session.CreatedAt {
			return Opening{}, suspended(suspendedUntil)
		}
		endings = makeRoom(existing, device.ID, session.CreatedAt)
		entry := s.entry(ctx, AuditEntry{
			At: session.CreatedAt, Actor: found.Account.ID, Action: ActionLogin, Target: found.Account.ID,
		})
		return Opening{Endings: endings, Audit: &entry}, nil
	})
	if errors.Is(err, ErrNotFound) {
		return Login{}, ErrInvalidCredentials
	}
	if err != nil {
		return Login{}, err
	}
	s.tell(found.Account.ID, endings, session.CreatedAt)
	return Login{Record: found, Session: session, Token: token}, nil
}

func (s *Service) newSession(owner ids.UserID, device Device) (LoginSession, string) {
	token, hash := newToken()
	now := s.millis()
	device.Name = cleanDeviceName(s.Text, device.Name)
	return LoginSession{
		ID: ids.NewLoginSession(), UserID: owner, Device: device, TokenHash: hash,
		CreatedAt: now, LastUsedAt: now,
	}, token
}
