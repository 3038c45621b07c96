// SPDX-License-Identifier: Apache-2.0

package filetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
)

// Blobs is a store of bytes in memory. It is safe for concurrent use.
type Blobs struct {
	// Fail is asked before each call, by its name, and may fail it; nil: nothing fails. Set it before the first call.
	Fail func(call string) error

	mu      sync.Mutex // guards all below
	whole   map[string][]byte
	parts   map[string][]byte
	allowed map[string]blob.PresignedPut // by address
}

// NewBlobs makes an empty store.
func NewBlobs() *Blobs {
	return &Blobs{whole: map[string][]byte{}, parts: map[string][]byte{}, allowed: map[string]blob.PresignedPut{}}
}

var (
	_ blob.Store   = (*Blobs)(nil)
	_ blob.Uploads = (*Blobs)(nil)
)

// enter locks, unless the call is to fail.
func (b *Blobs) enter(call string) error {
	if b.Fail != nil {
		if err := b.Fail(call); err != nil {
			return err
		}
	}
	b.mu.Lock()
	return nil
}

// Keys lists all that the store holds, whole or not.
func (b *Blobs) Keys() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var keys []string
	for key := range b.whole {
		keys = append(keys, key)
	}
	for key := range b.parts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Content is a whole blob.
func (b *Blobs) Content(key string) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	content, there := b.whole[key]
	return bytes.Clone(content), there
}

// Damage changes the last byte of a blob.
func (b *Blobs) Damage(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.whole[key][len(b.whole[key])-1] ^= 1
}

// LoseParts forgets what was written of blobs that are not whole.
func (b *Blobs) LoseParts() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.parts)
}

// Open reads.
func (b *Blobs) Open(_ context.Context, key string, from, length int64) (io.ReadCloser, error) {
	if err := b.enter("open"); err != nil {
		return nil, err
	}
	defer b.mu.Unlock()
	content, there := b.whole[key]
	if !there {
		return nil, blob.ErrNotFound
	}
	content = content[min(from, int64(len(content))):]
	if length >= 0 {
		content = content[:min(length, int64(len(content)))]
	}
	return io.NopCloser(bytes.NewReader(bytes.Clone(content))), nil
}

// Stat tells the size.
func (b *Blobs) Stat(_ context.Context, key string) (blob.Object, error) {
	if err := b.enter("stat"); err != nil {
		return blob.Object{}, err
	}
	defer b.mu.Unlock()
	content, there := b.whole[key]
	if !there {
		return blob.Object{}, blob.ErrNotFound
	}
	return blob.Object{Key: key, Size: int64(len(content))}, nil
}

// Delete removes.
func (b *Blobs) Delete(_ context.Context, key string) error {
	if err := b.enter("delete"); err != nil {
		return err
	}
	defer b.mu.Unlock()
	delete(b.whole, key)
	delete(b.parts, key)
	return nil
}

// List is not needed by the file service.
func (b *Blobs) List(context.Context, string, int) ([]blob.Object, error) { return nil, nil }

// Check is good.
func (b *Blobs) Check(context.Context) error { return nil }

// Begin announces.
func (b *Blobs) Begin(_ context.Context, key string, size int64) (blob.Upload, error) {
	if err := b.enter("begin"); err != nil {
		return blob.Upload{}, err
	}
	defer b.mu.Unlock()
	return blob.Upload{Key: key, Size: size}, nil
}

// Append keeps what comes, also of a reader that breaks.
func (b *Blobs) Append(_ context.Context, u blob.Upload, r io.Reader) (blob.Upload, error) {
	came, cut := io.ReadAll(io.LimitReader(r, u.Size-u.Offset))
	if err := b.enter("append"); err != nil {
		return u, err
	}
	defer b.mu.Unlock()
	if int64(len(b.parts[u.Key])) < u.Offset {
		u.Offset = 0
		return u, blob.ErrNotFound
	}
	b.parts[u.Key] = append(bytes.Clone(b.parts[u.Key][:u.Offset]), came...)
	u.Offset += int64(len(came))
	if cut != nil {
		return u, errors.Join(blob.ErrCut, cut)
	}
	return u, nil
}

// Finish makes whole.
func (b *Blobs) Finish(_ context.Context, u blob.Upload) (blob.Object, error) {
	if err := b.enter("finish"); err != nil {
		return blob.Object{}, err
	}
	defer b.mu.Unlock()
	if _, there := b.whole[u.Key]; there {
		return blob.Object{Key: u.Key, Size: u.Size}, nil
	}
	if u.Offset < u.Size {
		return blob.Object{}, blob.ErrIncomplete
	}
	if int64(len(b.parts[u.Key])) < u.Size {
		return blob.Object{}, blob.ErrNotFound
	}
	b.whole[u.Key] = b.parts[u.Key][:u.Size]
	delete(b.parts, u.Key)
	return blob.Object{Key: u.Key, Size: u.Size}, nil
}

// Abort forgets.
func (b *Blobs) Abort(_ context.Context, u blob.Upload) error {
	if err := b.enter("abort"); err != nil {
		return err
	}
	defer b.mu.Unlock()
	delete(b.parts, u.Key)
	return nil
}

// Unfinished lists keys with parts, of a time long ago.
func (b *Blobs) Unfinished(_ context.Context, after string, limit int) ([]blob.Object, error) {
	if err := b.enter("unfinished"); err != nil {
		return nil, err
	}
	defer b.mu.Unlock()
	var found []blob.Object
	for key := range b.parts {
		if key > after {
			found = append(found, blob.Object{Key: key, ModifiedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
		}
	}
	slices.SortFunc(found, func(x, y blob.Object) int { return bytes.Compare([]byte(x.Key), []byte(y.Key)) })
	return found[:min(limit, len(found))], nil
}
