// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	// firstLook is when a holder is asked for the first time whether it shows what it cited: by then its
	// commit is long done, or will never be.
	firstLook = time.Hour
	// nextLook is the least time between two questions about one citation.
	nextLook = 24 * time.Hour
)

// Wish is a citation that somebody wants.
type Wish struct {
	Citation
	// User wants it, and Purpose is what the file must have been uploaded for.
	User    ids.UserID
	Purpose Purpose
	// Forwarded files need not be the user's: the holder has seen that the user may read them.
	Forwarded bool
}

// Cite notes that holders are about to show files, and answers these in their places; nil for one that cannot be
// shown.
func (s *Service) Cite(ctx context.Context, wishes []Wish) ([]*File, error) {
	now := s.now()
	cited := make([]Cited, len(wishes))
	for i, w := range wishes {
		cited[i] = Cited{Citation: w.Citation, CitedAt: now.UnixMilli(), DueAt: now.Add(firstLook).UnixMilli()}
	}
	return s.ports.Citations.Cite(ctx, cited, func(place int, f File) bool {
		w := wishes[place]
		return f.State == Complete && f.Purpose == w.Purpose && (f.Owner == w.User || w.Forwarded)
	})
}
