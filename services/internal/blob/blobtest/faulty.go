// SPDX-License-Identifier: Apache-2.0

package blobtest

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/parley-chat/parley/services/internal/blob"
)

// Call is a method of a store.
type Call string

// The calls that Faulty can let fail.
const (
	Open       Call = "open"
	Read       Call = "read" // of what Open gave
	Stat       Call = "stat"
	Delete     Call = "delete"
	List       Call = "list"
	Check      Call = "check"
	Append     Call = "append"
	Finish     Call = "finish"
	Abort      Call = "abort"
	Unfinished Call = "unfinished"
)

// Faulty is a store that fails when it is told to. It is safe for concurrent use.
type Faulty struct {
	Kept
	mu     sync.Mutex
	faults map[Call]error
	lost   map[Call]error
}

// NewFaulty makes one of a store that does not fail by itself.
func NewFaulty(kept Kept) *Faulty {
	return &Faulty{Kept: kept, faults: map[Call]error{}, lost: map[Call]error{}}
}

// Fail lets calls fail from now on, before they do anything; with a nil error they work again. Append fails
// after it read everything, and keeps nothing of it.
func (f *Faulty) Fail(err error, calls ...Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, call := range calls {
		f.faults[call] = err
	}
}

// Lose lets calls do what they do and fail all the same, as if their answer was lost.
func (f *Faulty) Lose(err error, calls ...Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, call := range calls {
		f.lost[call] = err
	}
}

func (f *Faulty) before(call Call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.faults[call]
}

func (f *Faulty) after(call Call, err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(err, f.lost[call])
}

// Open can fail.
func (f *Faulty) Open(ctx context.Context, key string, from, length int64) (io.ReadCloser, error) {
	if err := f.before(Open); err != nil {
		return nil, err
	}
	r, err := f.Kept.Open(ctx, key, from, length)
	if err != nil {
		return nil, err
	}
	return &faultyReader{ReadCloser: r, faulty: f}, nil
}

type faultyReader struct {
	io.ReadCloser
	faulty *Faulty
}

// Read can fail.
func (r *faultyReader) Read(p []byte) (int, error) {
	if err := r.faulty.before(Read); err != nil {
		return 0, err
	}
	return r.ReadCloser.Read(p)
}

// Stat can fail.
func (f *Faulty) Stat(ctx context.Context, key string) (blob.Object, error) {
	if err := f.before(Stat); err != nil {
		return blob.Object{}, err
	}
	return f.Kept.Stat(ctx, key)
}

// Delete can fail.
func (f *Faulty) Delete(ctx context.Context, key string) error {
	if err := f.before(Delete); err != nil {
		return err
	}
	return f.after(Delete, f.Kept.Delete(ctx, key))
}

// List can fail.
func (f *Faulty) List(ctx context.Context, after string, limit int) ([]blob.Object, error) {
	if err := f.before(List); err != nil {
		return nil, err
	}
	return f.Kept.List(ctx, after, limit)
}

// Check can fail.
func (f *Faulty) Check(ctx context.Context) error {
	if err := f.before(Check); err != nil {
		return err
	}
	return f.Kept.Check(ctx)
}

// Append can fail.
func (f *Faulty) Append(ctx context.Context, u blob.Upload, r io.Reader) (blob.Upload, error) {
	if err := f.before(Append); err != nil {
		_, readErr := io.Copy(io.Discard, io.LimitReader(r, u.Size-u.Offset))
		return u, errors.Join(err, readErr)
	}
	before := u
	u, err := f.Kept.Append(ctx, u, r)
	if err = f.after(Append, err); err != nil && f.lostOne(Append) {
		return before, err
	}
	return u, err
}

func (f *Faulty) lostOne(call Call) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost[call] != nil
}

// Finish can fail.
func (f *Faulty) Finish(ctx context.Context, u blob.Upload) (blob.Object, error) {
	if err := f.before(Finish); err != nil {
		return blob.Object{}, err
	}
	object, err := f.Kept.Finish(ctx, u)
	if err = f.after(Finish, err); err != nil {
		return blob.Object{}, err
	}
	return object, nil
}

// Abort can fail.
func (f *Faulty) Abort(ctx context.Context, u blob.Upload) error {
	if err := f.before(Abort); err != nil {
		return err
	}
	return f.after(Abort, f.Kept.Abort(ctx, u))
}

// Unfinished can fail.
func (f *Faulty) Unfinished(ctx context.Context, after string, limit int) ([]blob.Object, error) {
	if err := f.before(Unfinished); err != nil {
		return nil, err
	}
	return f.Kept.Unfinished(ctx, after, limit)
}
