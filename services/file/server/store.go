// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"io"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/folderblob"
)

// Store keeps bytes.
type Store interface {
	blob.Store
	blob.Uploads
}

// openStore opens the store of a configuration. Closed is never nil.
func openStore(cfg Config) (store Store, closed func() error, err error) {
	if cfg.S3.Bucket != "" {
		store, err := cfg.S3.open()
		return store, func() error { return nil }, err
	}
	if cfg.Folder == "" {
		return noStore{}, func() error { return nil }, nil
	}
	folder, err := folderblob.Open(cfg.Folder)
	if err != nil {
		return nil, nil, err
	}
	return folder, folder.Close, nil
}

// presignerOf a store, if clients can reach it.
func presignerOf(cfg Config, store Store) blob.Presigner {
	if cfg.S3.PublicEndpoint == "" {
		return nil
	}
	presigner, _ := store.(blob.Presigner)
	return presigner
}

// errNoStore tells the log why files are not available.
var errNoStore = errors.New("no store of bytes is set: set PARLEY_S3_BUCKET or PARLEY_FILE_DIR")

// noStore stands where nothing is set: all else of Parley works without files.
type noStore struct{}

func (noStore) err() error { return errors.Join(blob.ErrUnavailable, errNoStore) }

// Open fails.
func (n noStore) Open(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return nil, n.err()
}

// Stat fails.
func (n noStore) Stat(context.Context, string) (blob.Object, error) { return blob.Object{}, n.err() }

// Delete fails.
func (n noStore) Delete(context.Context, string) error { return n.err() }

// List fails.
func (n noStore) List(context.Context, string, int) ([]blob.Object, error) { return nil, n.err() }

// Check fails.
func (n noStore) Check(context.Context) error { return n.err() }

// Begin fails.
func (n noStore) Begin(context.Context, string, int64) (blob.Upload, error) {
	return blob.Upload{}, n.err()
}

// Append fails.
func (n noStore) Append(_ context.Context, u blob.Upload, _ io.Reader) (blob.Upload, error) {
	return u, n.err()
}

// Finish fails.
func (n noStore) Finish(context.Context, blob.Upload) (blob.Object, error) {
	return blob.Object{}, n.err()
}

// Abort fails.
func (n noStore) Abort(context.Context, blob.Upload) error { return n.err() }

// Unfinished fails.
func (n noStore) Unfinished(context.Context, string, int) ([]blob.Object, error) {
	return nil, n.err()
}
