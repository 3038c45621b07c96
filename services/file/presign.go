// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/services/internal/blob"
)

// Presigned is a request that a client may send to the store itself.
type Presigned struct {
	Method, URL string
	// Headers are sent as they are.
	Headers map[string]string
}

// Presign allows an upload to go to the store itself, as a whole. Nil where it has to go through Parley: the
// store is out of reach, or the upload was begun here.
func (s *Service) Presign(ctx context.Context, f File) *Presigned {
	if s.ports.Presigner == nil || f.State != Uploading || f.Upload.Offset > 0 {
		return nil
	}
	put := blob.PresignedPut{Key: f.Upload.Key, Size: f.Size, SHA256: f.Hash, Lifetime: putLife}
	request, err := s.ports.Presigner.PresignPut(ctx, put)
	if err != nil {
		s.logger.WarnContext(ctx, "an upload goes through Parley instead", "file", f.ID.String(), "error", err)
		return nil
	}
	return &Presigned{Method: request.Method, URL: request.URL, Headers: request.Headers}
}

// arrived looks for the bytes of an upload that did not come through Parley. An object of the announced size
// counts as all of them: what they are is checked as ever.
func (s *Service) arrived(ctx context.Context, f File) error {
	object, err := s.ports.Blobs.Stat(ctx, f.Upload.Key)
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return incomplete(f)
	case err != nil:
		return storeError(err)
	case object.Size != f.Size:
		return ErrChecksum
	default:
		return nil
	}
}

// dropParts removes what came through Parley before the whole came past it. If the process ends before that
// is noted, the parts are missed by whoever goes on, and not needed.
func (s *Service) dropParts(ctx context.Context, f File, isPast bool) error {
	if !isPast || f.Upload.Offset == 0 && f.Upload.State == "" {
		return nil
	}
	return storeError(s.ports.Writes.Abort(ctx, f.Upload))
}

// presignGet is a link that leads to the store.
func (s *Service) presignGet(ctx context.Context, b Bytes) (Link, error) {
	expires := s.now().Add(linkLife).UnixMilli()
	request, err := s.ports.Presigner.PresignGet(ctx, blob.PresignedGet{
		Key: b.key, Type: b.Served(), Disposition: b.Disposition(), Lifetime: linkLife,
	})
	return Link{URL: request.URL, ExpiresAt: expires, Presigned: true}, err
}
