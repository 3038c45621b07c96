// SPDX-License-Identifier: Apache-2.0

package folderblob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/parley-chat/parley/services/internal/blob"
)

// errMoved says that a file is no longer the one that is being written: it was finished, or given up.
var errMoved = errors.New("the upload has ended")

// part is the open file of an upload. A file stays the same when it gets another name, and whoever has it open could
// still write: each write, and each change of its names, happen under the lock of the file, which processes share.
type part struct {
	file *os.File
	root *os.Root
	key  string
}

func (s *Store) openPart(key string) (part, error) {
	file, err := s.root.OpenFile(parts+"/"+key, os.O_RDWR, fileMode)
	return part{file, s.root, key}, err
}

// WriteAt writes as long as the file is the one of the upload, and no blob.
func (p part) WriteAt(b []byte, at int64) (n int, err error) {
	err = p.locked(func() error {
		if p.isBlob() {
			return errMoved
		}
		n, err = p.file.WriteAt(b, at)
		return err
	})
	return n, err
}

// isBlob tells whether the file is the blob already: a process ended between the two steps of Finish.
func (p part) isBlob() bool {
	mine, err := p.file.Stat()
	if err != nil {
		return false
	}
	there, err := p.root.Lstat(whole + "/" + p.key)
	return err == nil && os.SameFile(mine, there)
}

// drop takes an upload away, if it is one of those. None there is no error.
func (s *Store) drop(key string, which func(p part) bool) error {
	for {
		p, err := s.openPart(key)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		err = p.locked(func() error {
			if !which(p) {
				return nil
			}
			return s.root.Remove(parts + "/" + key)
		})
		_ = p.file.Close()             // nothing was written
		if !errors.Is(err, errMoved) { // by somebody else, and then there may be another one
			return err
		}
	}
}

func anyPart(part) bool { return true }

// locked runs something while nobody else writes the file or moves it. It is held for as long as a piece takes that is
// in memory.
func (p part) locked(run func() error) error {
	descriptor := int(p.file.Fd())
	for {
		err := syscall.Flock(descriptor, syscall.LOCK_EX)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock an upload: %w", err)
		}
	}
	defer syscall.Flock(descriptor, syscall.LOCK_UN) //nolint:errcheck // the end of the file unlocks too
	mine, err := p.file.Stat()
	if err != nil {
		return err
	}
	there, err := p.root.Lstat(parts + "/" + p.key)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(mine, there) {
		return errMoved
	}
	if err != nil {
		return err
	}
	return run()
}

// become makes the file a blob, unless there is one: what is whole is never replaced.
func (p part) become(to string, size int64) error {
	name := parts + "/" + p.key
	if _, err := p.root.Lstat(to); err == nil {
		return p.root.Remove(name)
	}
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != size {
		return fmt.Errorf("%w: %d bytes are stored, not %d", blob.ErrDamaged, info.Size(), size)
	}
	if err := p.file.Sync(); err != nil { // another process may have written last
		return err
	}
	if err := p.root.Link(name, to); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return p.root.Remove(name)
}
