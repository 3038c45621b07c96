// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/ids"
)

// saveTimeout bounds the note of where a write stands after its client has gone.
const saveTimeout = 5 * time.Second

// Part is bytes of an upload.
type Part struct {
	Owner ids.UserID
	File  ids.FileID
	// Offset at which they belong; negative for the whole file.
	Offset int64
	// Size of the part; negative if nobody knows.
	Size int64
}

// Progress answers the upload of an owner, for how far it has come.
func (s *Service) Progress(ctx context.Context, owner ids.UserID, id ids.FileID) (File, error) {
	return s.upload(ctx, owner, id)
}

// Receive writes a part and answers how far the upload has come, also with an error.
func (s *Service) Receive(ctx context.Context, p Part, r io.Reader) (File, error) {
	if !s.enter(p.File) {
		return File{}, ErrBusy
	}
	defer s.leave(p.File)
	f, err := s.upload(ctx, p.Owner, p.File)
	if err != nil || f.State == Complete && p.Offset < 0 {
		return f, err // what is complete needs no bytes
	}
	if p.Offset < 0 && f.Upload.Offset > 0 && f.Upload.Offset < f.Size {
		if f, err = s.restart(ctx, f); err != nil {
			return f, err
		}
	}
	switch {
	case p.Offset >= 0 && p.Offset != f.Upload.Offset:
		return f, ErrOffset.With("offset", strconv.FormatInt(f.Upload.Offset, 10))
	case p.Size > f.Size-max(p.Offset, 0):
		return f, ErrTooMuch
	case f.Upload.Offset == f.Size:
		return f, nil
	}
	f, err = s.write(ctx, f, r)
	if err == nil && p.Offset < 0 && f.Upload.Offset < f.Size {
		err = incomplete(f)
	}
	return f, err
}

// incomplete is ErrIncomplete with how far an upload has come.
func incomplete(f File) error {
	return ErrIncomplete.With("offset", strconv.FormatInt(f.Upload.Offset, 10))
}

// restart forgets what has come: whoever sends the whole file knows nothing of it.
func (s *Service) restart(ctx context.Context, f File) (File, error) {
	if err := s.ports.Writes.Abort(ctx, f.Upload); err != nil {
		return f, storeError(err)
	}
	fresh, err := s.ports.Writes.Begin(ctx, f.Upload.Key, f.Size)
	if err != nil {
		return f, storeError(err)
	}
	if err := s.ports.Uploads.Advance(ctx, f.ID, f.Upload, fresh); err != nil {
		return f, err
	}
	f.Upload = fresh
	return f, nil
}

// write appends step by step, and notes after each where the write stands.
func (s *Service) write(ctx context.Context, f File, r io.Reader) (File, error) {
	counted := &counter{inner: r}
	for f.Upload.Offset < f.Size {
		before := counted.bytes
		next, err := s.ports.Writes.Append(ctx, f.Upload, io.LimitReader(counted, blob.StepBytes))
		if died := failpoint.Hit(failpoint.AfterBytes); died != nil {
			return f, died
		}
		if saved := s.save(ctx, f, next); saved != nil {
			return f, errors.Join(saved, s.undo(ctx, f, saved))
		}
		f.Upload = next
		switch {
		case errors.Is(err, blob.ErrCut):
			return f, incomplete(f)
		case err != nil:
			return f, storeError(err)
		case counted.bytes == before:
			return f, nil // the part has ended
		}
	}
	var more [1]byte
	if n, _ := io.ReadFull(counted, more[:]); n > 0 {
		return f, ErrTooMuch
	}
	return f, nil
}

// save notes where a write stands; the client may have gone.
func (s *Service) save(ctx context.Context, f File, next blob.Upload) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	return s.ports.Uploads.Advance(ctx, f.ID, f.Upload, next)
}

// undo removes bytes of an upload that has ended while they came. If it has become a file meanwhile, by what
// others have sent, that stays.
func (s *Service) undo(ctx context.Context, f File, cause error) error {
	if !errors.Is(cause, ErrNotFound) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	now, err := s.find(ctx, f.ID)
	switch {
	case err == nil && now.State == Complete:
		return storeError(s.ports.Writes.Abort(ctx, f.Upload))
	case err == nil, errors.Is(err, ErrNotFound):
		return storeError(s.ports.Blobs.Delete(ctx, f.Upload.Key))
	default:
		return err
	}
}

// enter lets one request of a process write an upload at a time. Of two processes one is told ErrBusy when it notes
// where it stands, so that there is one write of which a blob can be made. What comes later is no part of a blob.
func (s *Service) enter(id ids.FileID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receiving[id] {
		return false
	}
	s.receiving[id] = true
	return true
}

func (s *Service) leave(id ids.FileID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.receiving, id)
}

// counter counts what was read.
type counter struct {
	inner io.Reader
	bytes int64
}

// Read reads and counts.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.inner.Read(p)
	c.bytes += int64(n)
	return n, err
}
