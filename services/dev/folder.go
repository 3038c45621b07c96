// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/identity"
)

const (
	// folderMode lets only this user in: the folder holds keys and messages.
	folderMode = 0o700
	fileMode   = 0o600
	// probeBytes must be free: the three databases with their logs start below that.
	probeBytes = 4 << 20
	lockName   = "parley.lock"
	keysName   = "keys"
)

// folder is the data folder, locked against a second process.
type folder struct {
	path string
	lock *os.File
}

// openFolder makes the folder, proves that it can be written, and locks it.
func openFolder(path string) (*folder, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the data folder %s: %w", path, err)
	}
	if err := os.MkdirAll(absolute, folderMode); err != nil {
		return nil, folderError(path, err)
	}
	if err := probe(absolute); err != nil {
		return nil, folderError(path, err)
	}
	lock, err := os.OpenFile(filepath.Join(absolute, lockName), os.O_RDWR|os.O_CREATE, fileMode) //nolint:gosec // the user's folder
	if err != nil {
		return nil, folderError(path, err)
	}
	// The system frees the lock when the process ends in any way.
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close() // it was never ours
		return nil, fmt.Errorf("the data folder %s is used by another parley: stop it, or choose another folder with --data", path)
	}
	return &folder{path: absolute, lock: lock}, nil
}

// probe writes a few megabytes and syncs them: a full disk shows here and not in the middle of a message.
func probe(path string) error {
	file, err := os.CreateTemp(path, ".probe-")
	if err != nil {
		return err
	}
	_, err = file.Write(make([]byte, probeBytes))
	return errors.Join(err, file.Sync(), file.Close(), os.Remove(file.Name()))
}

// folderError says what to do about a folder that cannot be used.
func folderError(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the disk of the data folder %s is full: make room, or choose another folder with --data", path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the data folder %s cannot be written: change its permissions, or choose another folder with --data", path)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return fmt.Errorf("the data folder %s is not a folder: choose another with --data", path)
	default:
		return fmt.Errorf("use the data folder %s, or choose another with --data: %w", path, err)
	}
}

func (f *folder) close() { _ = f.lock.Close() } // ends the lock; there is nothing to write

// dsn names the database of a service.
func (f *folder) dsn(name component.Name) string {
	return "sqlite:" + filepath.Join(f.path, string(name)+".db")
}

// index names the folder of a service's search index.
func (f *folder) index(name component.Name) string {
	return filepath.Join(f.path, string(name)+".index")
}

// files names the folder of what people upload.
func (f *folder) files() string { return filepath.Join(f.path, "files") }

func (f *folder) keysPath() string { return filepath.Join(f.path, keysName) }

// keyring is what all components hold.
type keyring struct {
	keys    map[component.Name]identity.Keys
	pageKey []byte
}

// keys reads the keys, and makes them at the first start. They are made beside and moved in one step, so
// that a kill in between leaves no half of them.
func (f *folder) keys() (keyring, error) {
	dir := f.keysPath()
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := f.makeKeys(dir); err != nil {
			return keyring{}, folderError(f.path, err)
		}
	}
	if err := identity.CompleteKeys(dir); err != nil { // a folder of an older version
		return keyring{}, folderError(f.path, err)
	}
	ring := keyring{keys: map[component.Name]identity.Keys{}}
	var err error
	for _, name := range component.All() {
		if ring.keys[name], err = identity.LoadKeys(dir, name); err != nil {
			return keyring{}, fmt.Errorf("the keys in %s are damaged: restore them, or remove that folder to get new ones: %w", dir, err)
		}
	}
	if ring.pageKey, err = identity.LoadPageKey(dir); err != nil {
		return keyring{}, fmt.Errorf("the keys in %s are damaged: restore them, or remove that folder to get new ones: %w", dir, err)
	}
	return ring, nil
}

func (f *folder) makeKeys(dir string) error {
	beside, err := os.MkdirTemp(f.path, ".keys-")
	if err != nil {
		return err
	}
	if err := identity.WriteKeys(beside); err != nil {
		return errors.Join(err, os.RemoveAll(beside))
	}
	return os.Rename(beside, dir)
}
