// SPDX-License-Identifier: Apache-2.0

package folderblob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/parley-chat/parley/services/internal/blob"
)

// Begin checks what was asked.
func (s *Store) Begin(ctx context.Context, key string, size int64) (blob.Upload, error) {
	if err := check(ctx, key); err != nil {
		return blob.Upload{}, err
	}
	if size < 0 || size > blob.MaxBytes {
		return blob.Upload{}, fmt.Errorf("%w: a blob of %d bytes", blob.ErrUnfit, size)
	}
	return blob.Upload{Key: key, Size: size}, nil
}

// Append writes into the file of the upload.
func (s *Store) Append(ctx context.Context, u blob.Upload, r io.Reader) (blob.Upload, error) {
	if err := check(ctx, u.Key); err != nil {
		return u, err
	}
	if u.Offset >= u.Size {
		return u, nil
	}
	name := parts + "/" + u.Key
	if u.Offset == 0 {
		if err := s.root.MkdirAll(path.Dir(name), folderMode); err != nil {
			return u, classify(err)
		}
		if err := s.drop(u.Key, part.isBlob); err != nil {
			return u, s.missing(err)
		}
	}
	flags := os.O_WRONLY
	if u.Offset == 0 {
		flags |= os.O_CREATE
	}
	file, err := s.root.OpenFile(name, flags, fileMode)
	if err != nil {
		err = s.missing(err)
		if errors.Is(err, blob.ErrNotFound) {
			u.Offset = 0
		}
		return u, err
	}
	defer file.Close() // what was synced needs no more
	info, err := file.Stat()
	if err != nil {
		return u, classify(err)
	}
	if info.Size() < u.Offset {
		u.Offset = info.Size()
		return u, fmt.Errorf("%w: the file was cut", blob.ErrNotFound)
	}
	return write(ctx, part{file, s.root, u.Key}, u, r)
}

// write copies and syncs; the offset moves over what is on the disk.
func write(ctx context.Context, to part, u blob.Upload, r io.Reader) (blob.Upload, error) {
	from := &body{ctx: ctx.Err, r: io.LimitReader(r, u.Size-u.Offset)}
	n, err := io.Copy(io.NewOffsetWriter(to, u.Offset), from)
	if syncErr := to.file.Sync(); syncErr != nil {
		return u, errors.Join(classify(syncErr), err)
	}
	u.Offset += n
	switch {
	case errors.Is(err, errMoved):
		u.Offset = 0
		return u, fmt.Errorf("%w: %w", blob.ErrNotFound, err)
	case from.err != nil:
		return u, fmt.Errorf("%w after %d bytes: %w", blob.ErrCut, n, from.err)
	case err != nil:
		return u, classify(err)
	default:
		return u, nil
	}
}

// body reads what a client sends, and tells its errors from those of the disk.
type body struct {
	ctx func() error
	r   io.Reader
	err error
}

// Read ends with the context.
func (b *body) Read(p []byte) (int, error) {
	if b.err = b.ctx(); b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// Finish moves the file to its place.
func (s *Store) Finish(ctx context.Context, u blob.Upload) (blob.Object, error) {
	if err := check(ctx, u.Key); err != nil {
		return blob.Object{}, err
	}
	if u.Offset != u.Size {
		return blob.Object{}, fmt.Errorf("%w: %d of %d bytes", blob.ErrIncomplete, u.Offset, u.Size)
	}
	to := whole + "/" + u.Key
	written, err := s.openPart(u.Key)
	if errors.Is(err, fs.ErrNotExist) {
		// It was finished before, or there was nothing to append.
		if done, err := s.Stat(ctx, u.Key); err == nil || u.Size > 0 || !errors.Is(err, blob.ErrNotFound) {
			return done, err
		}
		return s.empty(ctx, u.Key)
	}
	if err != nil {
		return blob.Object{}, classify(err)
	}
	defer written.file.Close() // it is synced
	if err := s.root.MkdirAll(path.Dir(to), folderMode); err != nil {
		return blob.Object{}, classify(err)
	}
	err = written.locked(func() error { return written.become(to, u.Size) })
	switch {
	case err == nil, errors.Is(err, errMoved): // by who finishes it too
	case errors.Is(err, blob.ErrDamaged):
		return blob.Object{}, err
	default:
		return blob.Object{}, s.missing(err)
	}
	for _, folder := range []string{path.Dir(to), whole} {
		if err := s.syncFolder(folder); err != nil {
			return blob.Object{}, err
		}
	}
	return s.Stat(ctx, u.Key)
}

// empty makes a blob of no bytes.
func (s *Store) empty(ctx context.Context, key string) (blob.Object, error) {
	to := whole + "/" + key
	if err := s.root.MkdirAll(path.Dir(to), folderMode); err != nil {
		return blob.Object{}, classify(err)
	}
	if err := s.root.WriteFile(to, nil, fileMode); err != nil {
		return blob.Object{}, classify(err)
	}
	if err := s.syncFolder(path.Dir(to)); err != nil {
		return blob.Object{}, err
	}
	return s.Stat(ctx, key)
}

// syncFolder brings the names in a folder to the disk.
func (s *Store) syncFolder(name string) error {
	dir, err := s.root.Open(name)
	if err != nil {
		return classify(err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return classify(err)
	}
	return nil
}

// Abort removes the file of the upload.
func (s *Store) Abort(ctx context.Context, u blob.Upload) error {
	if err := check(ctx, u.Key); err != nil {
		return err
	}
	if _, err := s.root.Lstat(parts); err != nil {
		return s.missing(err)
	}
	if err := s.drop(u.Key, anyPart); err != nil {
		return classify(err)
	}
	return nil
}
