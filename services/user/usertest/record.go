// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

// Record reads an account.
func (s *Store) Record(_ context.Context, id ids.UserID) (user.Record, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return user.Record{}, err
	}
	a, ok := s.accounts[id]
	if !ok || a.Account.Deleted {
		return user.Record{}, user.ErrNotFound
	}
	return a.Record, nil
}

// ByPhone finds an account.
func (s *Store) ByPhone(_ context.Context, phone user.Phone) (user.Record, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return user.Record{}, err
	}
	for _, a := range s.accounts {
		if a.Phone == phone && !phone.IsZero() {
			return a.Record, nil
		}
	}
	return user.Record{}, user.ErrNotFound
}

// Unhidden picks who lives and does not hide.
func (s *Store) Unhidden(_ context.Context, people []ids.UserID) ([]ids.UserID, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var list []ids.UserID
	for _, id := range people {
		a, ok := s.accounts[id]
		if ok && !a.Account.Deleted && !a.Privacy.PresenceHidden && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list, nil
}

// FriendPhones picks who lives and shows a number.
func (s *Store) FriendPhones(_ context.Context, people []ids.UserID) (map[ids.UserID]user.Phone, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	phones := map[ids.UserID]user.Phone{}
	for _, id := range people {
		if a, ok := s.accounts[id]; ok && !a.Account.Deleted && a.Privacy.PhoneForFriends && !a.Phone.IsZero() {
			phones[id] = a.Phone
		}
	}
	return phones, nil
}

// phoneTaken needs mu.
func (s *Store) phoneTaken(phone user.Phone, id ids.UserID) bool {
	for other, a := range s.accounts {
		if other != id && a.Phone == phone && !phone.IsZero() {
			return true
		}
	}
	return false
}

// Rewrite changes an account.
func (s *Store) Rewrite(
	_ context.Context, id ids.UserID, decide func(user.Record, []user.LoginSession) (*user.Rewriting, error),
) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	a, ok := s.accounts[id]
	if !ok || a.Account.Deleted {
		return user.ErrNotFound
	}
	r, err := decide(a.Record, s.live(id))
	if err != nil || r == nil {
		return err
	}
	if s.phoneTaken(r.Record.Phone, id) {
		return user.ErrPhoneTaken
	}
	if r.Record.Account.Username != a.Account.Username {
		if s.taken(r.Record.Account, r.At) {
			return user.ErrUsernameTaken
		}
		if r.Retired != nil {
			s.retired[r.Retired.Username] = retired{owner: id, until: r.Retired.BlockedUntil}
		}
	}
	s.write(id, a, r)
	return nil
}

// write needs mu.
func (s *Store) write(id ids.UserID, a stored, r *user.Rewriting) {
	a.Record = r.Record
	if r.NicknameKey != nil {
		a.NicknameKey = r.NicknameKey
		a.NameRev++
	}
	s.accounts[id] = a
	s.end(r.Endings, r.At)
	if r.Event != nil {
		s.events = append(s.events, *r.Event)
	}
	if r.Audit != nil {
		s.audit = append(s.audit, *r.Audit)
	}
}
