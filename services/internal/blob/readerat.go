// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"errors"
	"io"
)

// window is what a ReaderAt fetches at once: headers lie close together, and each fetch is a request.
const window = 64 << 10

// NewReaderAt reads a blob of known size here and there, as those do who look into headers. It is for one
// goroutine, and until ctx ends.
func NewReaderAt(ctx context.Context, store Store, key string, size int64) io.ReaderAt {
	return &readerAt{size: size, open: func(from, length int64) (io.ReadCloser, error) {
		return store.Open(ctx, key, from, length)
	}}
}

type readerAt struct {
	open func(from, length int64) (io.ReadCloser, error)
	size int64
	at   int64  // where the window begins
	held []byte // the window
}

// ReadAt fetches a window at a time.
func (r *readerAt) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("read before the begin of a blob")
	}
	for n < len(p) {
		at := off + int64(n)
		if at >= r.size {
			return n, io.EOF
		}
		if at < r.at || at >= r.at+int64(len(r.held)) {
			if err := r.fetch(at); err != nil {
				return n, err
			}
		}
		n += copy(p[n:], r.held[at-r.at:])
	}
	return n, nil
}

func (r *readerAt) fetch(at int64) error {
	want := min(window, r.size-at)
	from, err := r.open(at, want)
	if err != nil {
		return err
	}
	defer from.Close() // it was read
	held := make([]byte, want)
	if _, err := io.ReadFull(from, held); err != nil {
		return err
	}
	r.at, r.held = at, held
	return nil
}
