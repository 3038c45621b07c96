// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/picture"
)

// checksAtOnce bounds how many uploads are checked at the same time; chosen, with the memory of thumbnails.
const checksAtOnce = 4

// Ports are what the service needs of its surroundings.
type Ports struct {
	Uploads   Uploads
	Citations Citations
	Leftovers Leftovers
	Holders   Holders
	// Blobs holds bytes, and Writes takes them in.
	Blobs  blob.Store
	Writes blob.Uploads
	// Presigner lets clients reach the store themselves; nil: they cannot.
	Presigner blob.Presigner
	// Thumbnails makes smaller pictures.
	Thumbnails *picture.Maker
}

// Options set a Service.
type Options struct {
	Limits Limits
	// Links makes and checks links.
	Links Links
	// Now is the clock.
	Now func() time.Time
	// Logger hears of damage, and of background work that failed.
	Logger *slog.Logger
}

// Service is the domain of files. It is safe for concurrent use.
type Service struct {
	ports  Ports
	limits Limits
	links  Links
	now    func() time.Time
	logger *slog.Logger
	checks chan struct{} // holds one element per running check

	mu        sync.Mutex // guards receiving
	receiving map[ids.FileID]bool
}

// New makes a Service. RunCollector has to be run by the caller.
func New(ports Ports, options Options) *Service {
	return &Service{
		ports: ports, limits: options.Limits.withDefaults(), links: options.Links, now: options.Now, logger: options.Logger,
		checks: make(chan struct{}, checksAtOnce), receiving: map[ids.FileID]bool{},
	}
}

func (s *Service) millis() int64 { return s.now().UnixMilli() }

// find answers one file, ErrNotFound if there is none.
func (s *Service) find(ctx context.Context, id ids.FileID) (File, error) {
	found, err := s.ports.Uploads.Find(ctx, id)
	if err != nil {
		return File{}, err
	}
	if len(found) == 0 {
		return File{}, ErrNotFound
	}
	return found[0], nil
}

// upload answers an upload of the owner that can go on, or was completed. One that failed answers with
// what ended it.
func (s *Service) upload(ctx context.Context, owner ids.UserID, id ids.FileID) (File, error) {
	f, err := s.find(ctx, id)
	switch {
	case err != nil:
		return File{}, err
	case f.Owner != owner:
		return File{}, ErrNotFound
	}
	return f, f.usable(s.millis())
}

// usable is nil for a complete file and for an upload that can go on.
func (f File) usable(now int64) error {
	switch {
	case f.State == Complete, f.State == Uploading && f.ExpiresAt > now:
		return nil
	case f.Failure != "":
		return failure(f.Failure)
	default:
		return ErrNotFound
	}
}

// failure is the error that ended an upload.
func failure(reason string) error {
	for _, known := range []*fault.Error{ErrChecksum, ErrContentType, ErrUnfit} {
		if known.Reason() == reason {
			return known
		}
	}
	return ErrNotFound
}

// storeError makes an error of the blob store one that a client may see. A store that is too slow is not available.
func storeError(err error) error {
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if err == nil || ended && !errors.Is(err, blob.ErrUnavailable) {
		return err
	}
	return ErrUnavailable.Because(err)
}
