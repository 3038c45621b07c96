// SPDX-License-Identifier: Apache-2.0

// Package folderblob keeps blobs in a folder, a file each, for an instance without an object store. What it
// answers for is on the disk. Nothing outside of the folder is touched, whatever lies in it. The file system has to
// know hard links, by which a blob comes to its place and never over another, and locks.
package folderblob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"github.com/parley-chat/parley/services/internal/blob"
)

// Folders below the one of the store.
const (
	whole = "blobs"   // blobs, by their keys
	parts = "uploads" // what is written until it is whole, by keys too
)

// Access of folders and files: nobody else reads what people send.
const (
	folderMode = 0o700
	fileMode   = 0o600
)

// Store is a blob.Store and takes blob.Uploads.
type Store struct {
	root *os.Root
}

// Interfaces that a folder offers; clients cannot reach it, so it presigns nothing.
var (
	_ blob.Store   = (*Store)(nil)
	_ blob.Uploads = (*Store)(nil)
)

// Open takes a folder, which is made if it is not there.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return nil, classify(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, classify(err)
	}
	for _, folder := range []string{whole, parts} {
		if err := root.MkdirAll(folder, folderMode); err != nil {
			return nil, errors.Join(classify(err), root.Close())
		}
	}
	return &Store{root: root}, nil
}

// Close gives the folder up; readers that are open go on.
func (s *Store) Close() error { return s.root.Close() }

// Open reads from the file, which Delete does not take from an open reader.
func (s *Store) Open(ctx context.Context, key string, from, length int64) (io.ReadCloser, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	if from < 0 {
		return nil, fmt.Errorf("%w: a range begins at %d", blob.ErrUnfit, from)
	}
	file, err := s.root.Open(whole + "/" + key)
	if err != nil {
		return nil, s.missing(err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(classify(err), file.Close())
	}
	rest := max(0, info.Size()-from)
	if length >= 0 {
		rest = min(rest, length)
	}
	return &reader{file: file, section: io.NewSectionReader(file, from, rest), rest: rest}, nil
}

// reader is a range of a file.
type reader struct {
	file    *os.File
	section *io.SectionReader
	rest    int64
}

// Read tells a file that became shorter from the end of the range.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.section.Read(p)
	r.rest -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, classify(err)
	case r.rest > 0:
		return n, fmt.Errorf("%w: %d bytes are missing", blob.ErrDamaged, r.rest)
	default:
		return n, io.EOF
	}
}

// Close closes the file.
func (r *reader) Close() error { return r.file.Close() }

// Stat looks at the file.
func (s *Store) Stat(ctx context.Context, key string) (blob.Object, error) {
	if err := check(ctx, key); err != nil {
		return blob.Object{}, err
	}
	info, err := s.root.Lstat(whole + "/" + key)
	if err != nil {
		return blob.Object{}, s.missing(err)
	}
	return blob.Object{Key: key, Size: info.Size(), ModifiedAt: info.ModTime()}, nil
}

// Delete removes both files that a key may have.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if err := s.Abort(ctx, blob.Upload{Key: key}); err != nil {
		return err
	}
	if err := s.root.Remove(whole + "/" + key); err != nil && !errors.Is(s.missing(err), blob.ErrNotFound) {
		return s.missing(err)
	}
	return nil
}

// List reads one folder after the other.
func (s *Store) List(ctx context.Context, after string, limit int) ([]blob.Object, error) {
	return s.list(ctx, whole, after, limit)
}

// Unfinished lists what is written now, or was begun once.
func (s *Store) Unfinished(ctx context.Context, after string, limit int) ([]blob.Object, error) {
	return s.list(ctx, parts, after, limit)
}

func (s *Store) list(ctx context.Context, top, after string, limit int) (found []blob.Object, err error) {
	folders, err := s.names(top)
	if err != nil {
		return nil, s.missing(err)
	}
	for _, folder := range folders {
		if folder < after[:min(len(after), len(folder))] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		names, err := s.names(top + "/" + folder)
		if err != nil {
			return nil, s.missing(err)
		}
		for _, name := range names {
			key := folder + "/" + name
			if key <= after || blob.CheckKey(key) != nil {
				continue
			}
			if len(found) == limit {
				return found, nil
			}
			info, err := s.root.Lstat(top + "/" + key)
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed since
			}
			if err != nil {
				return nil, classify(err)
			}
			found = append(found, blob.Object{Key: key, Size: info.Size(), ModifiedAt: info.ModTime()})
		}
	}
	return found, nil
}

// names of what is in a folder, in order.
func (s *Store) names(folder string) ([]string, error) {
	dir, err := s.root.Open(folder)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// Check looks whether the folders are there.
func (s *Store) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, folder := range []string{whole, parts} {
		if _, err := s.root.Lstat(folder); err != nil {
			return s.missing(err)
		}
	}
	return nil
}

func check(ctx context.Context, key string) error {
	return errors.Join(ctx.Err(), blob.CheckKey(key))
}

// missing tells a blob that is not there from a folder that is not.
func (s *Store) missing(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return classify(err)
	}
	if _, gone := s.root.Lstat(whole); gone != nil {
		return fmt.Errorf("%w: %w", blob.ErrUnfit, gone)
	}
	return fmt.Errorf("%w: %w", blob.ErrNotFound, err)
}

// classify says what an error of the file system means to who uses a store.
func classify(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", blob.ErrForbidden, err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrClosed), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", blob.ErrUnfit, err)
	default:
		return fmt.Errorf("%w: %w", blob.ErrUnavailable, err)
	}
}
