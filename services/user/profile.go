// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// ProfileChange names new values; nil leaves a field as it is.
type ProfileChange struct {
	Nickname    *string
	Description *string
	Avatar      *ids.FileID // zero removes it
}

// Account answers one account; ErrNotFound.
func (s *Service) Account(ctx context.Context, id ids.UserID) (Account, error) {
	found, err := s.Accounts.ByIDs(ctx, []ids.UserID{id})
	if err != nil {
		return Account{}, err
	}
	if len(found) == 0 {
		return Account{}, ErrNotFound
	}
	return found[0], nil
}

// List answers accounts in the order of the ids, each once, and the ids that nobody has.
func (s *Service) List(ctx context.Context, users []ids.UserID) (found []Account, missing []ids.UserID, err error) {
	unique := make([]ids.UserID, 0, len(users))
	seen := map[ids.UserID]bool{}
	for _, id := range users {
		if !seen[id] {
			seen[id] = true
			unique = append(unique, id)
		}
	}
	accounts, err := s.Accounts.ByIDs(ctx, unique)
	if err != nil {
		return nil, nil, err
	}
	byID := make(map[ids.UserID]Account, len(accounts))
	for _, a := range accounts {
		byID[a.ID] = a
	}
	for _, id := range unique {
		if a, ok := byID[id]; ok {
			found = append(found, a)
		} else {
			missing = append(missing, id)
		}
	}
	return found, missing, nil
}

// CheckPresence picks those of some people who let others see their presence, each once.
func (s *Service) CheckPresence(ctx context.Context, people []ids.UserID) ([]ids.UserID, error) {
	return s.Records.Unhidden(ctx, people)
}

// FriendPhones answers the numbers of those of some people who show them to friends.
func (s *Service) FriendPhones(ctx context.Context, people []ids.UserID) (map[ids.UserID]Phone, error) {
	return s.Records.FriendPhones(ctx, people)
}

// UpdateProfile changes what is named and tells friends by user.updated. Values that are the same as
// before write nothing and tell nobody.
func (s *Service) UpdateProfile(ctx context.Context, caller Caller, p ProfileChange) (Record, error) {
	p, err := s.checkProfile(p)
	if err != nil {
		return Record{}, err
	}
	if err := s.cite(ctx, caller.UserID, p); err != nil {
		return Record{}, err
	}
	var result Record
	err = s.rewrite(ctx, caller, func(record Record, _ []LoginSession, now int64) (*Rewriting, error) {
		result = record
		if p.Nickname != nil {
			result.Account.Nickname = *p.Nickname
		}
		if p.Description != nil {
			result.Account.Description = *p.Description
		}
		if p.Avatar != nil {
			result.Account.Avatar = *p.Avatar
		}
		if result == record {
			return nil, nil
		}
		return &Rewriting{
			Record: result, NicknameKey: nicknameKey(s.Text, result.Account.Nickname), At: now,
			Event: &Updated{ID: ids.NewEvent(), At: now, Account: result.Account},
		}, nil
	})
	return result, err
}

func (s *Service) checkProfile(p ProfileChange) (ProfileChange, error) {
	checked := ProfileChange{Avatar: p.Avatar}
	if p.Nickname != nil {
		nickname, err := CheckNickname(s.Text, *p.Nickname)
		if err != nil {
			return checked, err
		}
		checked.Nickname = &nickname
	}
	if p.Description != nil {
		description, err := CheckDescription(s.Text, *p.Description)
		if err != nil {
			return checked, err
		}
		checked.Description = &description
	}
	return checked, nil
}
