// SPDX-License-Identifier: Apache-2.0

// Package blob is the port of a store of bytes. A blob is written once, in as many parts as it takes, is
// never changed, and lies under a key that says nothing about it. Who shows it to whom is decided elsewhere.
//
// Package folderblob keeps blobs in a folder, package s3blob in a bucket. Package blobtest has the suite
// that both pass, and a store with faults.
package blob

import (
	"context"
	"errors"
	"io"
	"time"
)

// StepBytes is what a caller should Append at once at most, and save the Upload after: a crash then costs a
// step. It is the smallest part that S3 takes in the middle of an object.
const StepBytes = 5 << 20

// MaxStateBytes bounds Upload.State for blobs up to MaxBytes.
const MaxStateBytes = 16 << 10

// MaxBytes is the largest blob: what S3 takes in MaxStateBytes of our notes.
const MaxBytes = 1 << 30

// Object is a blob that is whole.
type Object struct {
	Key        string
	Size       int64     // in bytes
	ModifiedAt time.Time // by the clock of the store
}

// Upload is where a write stands: a plain value, to be saved after each call that answers one. Whoever has
// the last one goes on with the write, in this process or another.
type Upload struct {
	Key    string // the blob to be
	Size   int64  // of the blob to be, in bytes
	Offset int64  // bytes that are safe; the next one belongs here
	State  string // the adapter's notes, opaque, at most MaxStateBytes of ASCII; empty as long as nothing has come
}

// Store gives blobs out and removes them. It is safe for concurrent use, as all of this package is. Each
// method may answer ErrUnavailable, ErrForbidden, ErrClock, ErrCertificate and ErrUnfit.
type Store interface {
	// Open gives the bytes [from, from+length) of a blob, all from there on if length is negative, as far as
	// there are any. The caller closes the reader and reads it before ctx ends. A connection that breaks is
	// taken up again; what cannot be is an error of Read, never an early EOF. ErrNotFound; ErrDamaged, from
	// Read too, if the store knows that it no longer has what was written.
	Open(ctx context.Context, key string, from, length int64) (io.ReadCloser, error)
	// Stat answers what is known of a blob. ErrNotFound if the store is there and the blob is not.
	Stat(ctx context.Context, key string) (Object, error)
	// Delete removes a blob and every write under its key, finished or not. None there is no error.
	Delete(ctx context.Context, key string) error
	// List answers up to limit blobs with keys after the given one, in order of keys; fewer than limit only
	// at the end. What is written or removed meanwhile may be in it or not.
	List(ctx context.Context, after string, limit int) ([]Object, error)
	// Check tells whether the store is there and can be used, without changing it.
	Check(ctx context.Context) error
}

// Uploads take blobs in. Errors as with Store. An Upload has one caller at a time; two that append the same
// bytes do no harm, of different ones either stays. Append never changes a blob that is whole, however late its
// bytes come: they are unfinished. What Finish makes of two Uploads of one key that both have all their bytes is
// either of them, so that a caller with many processes has to see to it that one is finished.
type Uploads interface {
	// Begin announces a blob of 0 to MaxBytes bytes under a key of NewKey. It leaves nothing in the store.
	Begin(ctx context.Context, key string, size int64) (Upload, error)
	// Append reads r to its end, but not beyond the size, and writes it at the offset. Whatever the error,
	// the Upload that it answers is to be saved: what came before is kept. ErrCut if r failed, or ctx ended
	// while it was read: storing what came goes on for a few seconds then. With ErrNotFound the store has
	// lost some or all, and the offset went back. A full set of buffers is waited for until ctx ends.
	Append(ctx context.Context, u Upload, r io.Reader) (Upload, error)
	// Finish makes the blob of an Upload whose offset is its size. Again is no error. ErrIncomplete;
	// ErrNotFound if the store has lost what was appended: begin again.
	Finish(ctx context.Context, u Upload) (Object, error)
	// Abort removes all that is unfinished under the key of an Upload; no more of it is needed. Nothing there
	// is no error. A blob that was finished stays.
	Abort(ctx context.Context, u Upload) error
	// Unfinished answers up to limit keys after the given one under which the store has parts of unfinished
	// writes, in order, with the time of the oldest; fewer than limit only at the end. They may be under keys
	// of finished blobs too, where a process died at the wrong moment. Abort removes them.
	Unfinished(ctx context.Context, after string, limit int) ([]Object, error)
}

// Presigner lets clients that can reach the store send and fetch bytes there.
type Presigner interface {
	// PresignPut allows one write of exactly these bytes under a key.
	PresignPut(ctx context.Context, put PresignedPut) (Request, error)
	// PresignGet allows reads of one blob.
	PresignGet(ctx context.Context, get PresignedGet) (Request, error)
}

// PresignedPut is what a client may write.
type PresignedPut struct {
	Key      string
	Size     int64
	SHA256   [32]byte
	Lifetime time.Duration // whole seconds
}

// PresignedGet is what a client may read, and how the store describes it.
type PresignedGet struct {
	Key         string
	Type        string        // Content-Type of the answer
	Disposition string        // Content-Disposition of the answer
	Lifetime    time.Duration // whole seconds
}

// Request is what a client sends to the store as it is.
type Request struct {
	Method  string
	URL     string
	Headers map[string]string // signed: all have to be sent
}

// Errors of a store, to be asked for with errors.Is.
var (
	// ErrUnavailable: it does not answer, is overloaded or full. Try again later.
	ErrUnavailable = errors.New("the object store is not available now")
	// ErrNotFound: the blob or the upload is not there.
	ErrNotFound = errors.New("the object store has no such blob")
	// ErrDamaged: what is stored is not what was written.
	ErrDamaged = errors.New("the blob is damaged")
	// ErrCut: the bytes that were to be appended ended too early. What came is kept.
	ErrCut = errors.New("the bytes broke off")
	// ErrIncomplete: bytes are missing.
	ErrIncomplete = errors.New("the upload is not complete")
	// ErrForbidden: the store refuses the credentials, or they may not do what is needed.
	ErrForbidden = errors.New("the object store refuses its user")
	// ErrClock: the clocks of this machine and of the store differ too much.
	ErrClock = errors.New("the clock differs from that of the object store")
	// ErrCertificate: its certificate is not one to be trusted.
	ErrCertificate = errors.New("the certificate of the object store does not fit")
	// ErrUnfit: there is no such bucket or folder, or what answers is no object store.
	ErrUnfit = errors.New("the object store does not fit")
	// ErrKey: a mistake of the caller; keys come from NewKey.
	ErrKey = errors.New("not a key of a blob")
)
