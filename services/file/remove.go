// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Delete removes a file or an upload of its owner that nothing shows.
func (s *Service) Delete(ctx context.Context, owner ids.UserID, id ids.FileID) error {
	f, err := s.find(ctx, id)
	if err != nil {
		return err
	}
	if f.Owner != owner {
		return ErrNotFound
	}
	for f.State == Uploading || f.State == Complete {
		before := f.State
		f, err = s.ports.Uploads.Remove(ctx, Removal{File: id, From: before, KeepUntil: s.now().Add(rowLife).UnixMilli()})
		switch {
		case err != nil:
			return err
		case f.State == before:
			return ErrInUse
		}
	}
	s.emptyNow(ctx, f)
	return nil
}

// emptyNow removes the bytes of a removed file; what fails is done by the collector.
func (s *Service) emptyNow(ctx context.Context, f File) {
	if f.State != Removing {
		return
	}
	if err := s.empty(ctx, f); err != nil {
		s.logger.WarnContext(ctx, "bytes of a removed file are removed later", "file", f.ID.String(), "error", err)
	}
}

// empty removes the bytes of a file that nobody can see any more, and then notes it.
func (s *Service) empty(ctx context.Context, f File) error {
	if err := s.deleteBytes(ctx, f); err != nil {
		return err
	}
	return s.ports.Leftovers.Emptied(ctx, f.ID)
}

// deleteBytes removes all that the store may hold of a file.
func (s *Service) deleteBytes(ctx context.Context, f File) error {
	var errs []error
	for _, key := range f.keys() {
		errs = append(errs, s.ports.Blobs.Delete(ctx, key))
	}
	return storeError(errors.Join(errs...))
}
