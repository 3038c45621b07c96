// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"errors"
	"io"

	"github.com/parley-chat/parley/services/internal/blob"
)

// noteDamage reports bytes that are gone or have changed in the store, and answers what a client may see.
func (s *Service) noteDamage(ctx context.Context, b Bytes, err error) error {
	if errors.Is(err, blob.ErrDamaged) || errors.Is(err, blob.ErrNotFound) {
		s.logger.ErrorContext(ctx, "file is damaged in the store", "file", b.File.String(), "error", err)
		return ErrDamaged.Because(err)
	}
	return storeError(err)
}

// watched tells of an error of a reader.
type watched struct {
	io.ReadCloser
	failed func(err error) error
}

// Read reads.
func (w watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = w.failed(err)
	}
	return n, err
}
