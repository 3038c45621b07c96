// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// FileShowing is a file that somebody was said to show.
type FileShowing struct {
	File ids.FileID
	Holder
}

// CheckReadable picks those of some files that a user may read now, because a message or a group shows them
// to the user.
func (s *Service) CheckReadable(ctx context.Context, user ids.UserID, files []ids.FileID) ([]ids.FileID, error) {
	return s.store.ReadableFiles(ctx, user, files)
}

// CheckCitations tells of each holder whether it shows its file now, in its place.
func (s *Service) CheckCitations(ctx context.Context, showings []FileShowing) ([]bool, error) {
	found, err := s.store.Shown(ctx, showings)
	if err != nil {
		return nil, err
	}
	is := make(map[FileShowing]bool, len(found))
	for _, one := range found {
		is[one] = true
	}
	shown := make([]bool, len(showings))
	for i, one := range showings {
		shown[i] = is[one]
	}
	return shown, nil
}
