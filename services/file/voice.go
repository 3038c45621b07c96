// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"fmt"
	"io"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Recording is a voice message as it was uploaded.
type Recording struct {
	// ContentType is what the bytes are.
	ContentType string
	Content     []byte
}

// ReadVoice answers a voice message, for who makes a text of it. ErrNotFound if there is none, ErrUnfit for a
// file that is for something else.
func (s *Service) ReadVoice(ctx context.Context, id ids.FileID) (Recording, error) {
	f, err := s.find(ctx, id)
	switch {
	case err != nil:
		return Recording{}, err
	case f.State != Complete:
		return Recording{}, ErrNotFound
	case f.Purpose != Voice:
		return Recording{}, ErrUnfit
	}
	reader, err := s.ports.Blobs.Open(ctx, f.Upload.Key, 0, -1)
	if err != nil {
		return Recording{}, storeError(err)
	}
	defer func() { _ = reader.Close() }()
	content := make([]byte, f.Size)
	if _, err := io.ReadFull(reader, content); err != nil {
		return Recording{}, storeError(fmt.Errorf("read a voice message: %w", err))
	}
	return Recording{ContentType: f.ContentType, Content: content}, nil
}
