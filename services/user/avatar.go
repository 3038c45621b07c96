// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Pictures is the file service.
type Pictures interface {
	// Cite notes that a person is about to show a picture; ErrFileNotReady if it is no finished upload of theirs for
	// avatars, ErrFilesUnavailable if nobody can tell.
	Cite(ctx context.Context, person ids.UserID, picture ids.FileID) error
}

// Avatar says that a person has a picture.
type Avatar struct {
	Person  ids.UserID
	Picture ids.FileID
}

// CheckAvatars tells for each whether the person has the picture now.
func (s *Service) CheckAvatars(ctx context.Context, avatars []Avatar) ([]bool, error) {
	people := make([]ids.UserID, len(avatars))
	for i, a := range avatars {
		people[i] = a.Person
	}
	accounts, err := s.Accounts.ByIDs(ctx, people)
	if err != nil {
		return nil, err
	}
	has := map[Avatar]bool{}
	for _, a := range accounts {
		has[Avatar{a.ID, a.Avatar}] = true
	}
	shown := make([]bool, len(avatars))
	for i, a := range avatars {
		shown[i] = has[a]
	}
	return shown, nil
}

// cite makes sure that a picture can be shown, before the change that shows it is committed.
func (s *Service) cite(ctx context.Context, person ids.UserID, p ProfileChange) error {
	if p.Avatar == nil || p.Avatar.IsZero() {
		return nil
	}
	if s.Pictures == nil {
		return ErrFilesUnavailable
	}
	return s.Pictures.Cite(ctx, person, *p.Avatar)
}
