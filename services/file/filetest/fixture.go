// SPDX-License-Identifier: Apache-2.0

// Package filetest has doubles of what the file service needs, and the suite that its stores pass.
package filetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/picture"
)

// Storage is what keeps files.
type Storage interface {
	file.Uploads
	file.Citations
	file.Leftovers
}

// Clock is a clock that a test moves.
type Clock struct{ ms atomic.Int64 }

// NewClock starts at a fixed time.
func NewClock() *Clock {
	c := &Clock{}
	c.ms.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

// Now is the time.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.ms.Load()).UTC() }

// Advance moves the time on.
func (c *Clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// Holders are messages, people and groups that show files. It is safe for concurrent use.
type Holders struct {
	mu       sync.Mutex // guards all below
	shown    map[file.Citation]bool
	readable map[ids.UserID][]ids.FileID
	asked    int
	down     error
}

// NewHolders show nothing.
func NewHolders() *Holders {
	return &Holders{shown: map[file.Citation]bool{}, readable: map[ids.UserID][]ids.FileID{}}
}

// Show makes a holder show a file, or not.
func (h *Holders) Show(c file.Citation, shown bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shown[c] = shown
}

// Let makes files readable to a user.
func (h *Holders) Let(user ids.UserID, files ...ids.FileID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readable[user] = files
}

// Down makes all calls fail; nil ends that.
func (h *Holders) Down(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = err
}

// Asked counts calls of Readable.
func (h *Holders) Asked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}

// Readable answers what Let has set.
func (h *Holders) Readable(_ context.Context, user ids.UserID, files []ids.FileID) ([]ids.FileID, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	var may []ids.FileID
	for _, id := range files {
		if slices.Contains(h.readable[user], id) {
			may = append(may, id)
		}
	}
	return may, h.down
}

// Shown answers what Show has set.
func (h *Holders) Shown(_ context.Context, citations []file.Citation) ([]bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	shown := make([]bool, len(citations))
	for i, c := range citations {
		shown[i] = h.shown[c]
	}
	return shown, h.down
}

// Fixture is a Service on doubles.
type Fixture struct {
	*file.Service
	Clock   *Clock
	Storage Storage
	Blobs   *Blobs
	Holders *Holders
	Log     *bytes.Buffer // of what the service logs
	// Presigns lets clients reach the store; it is for processes that start later.
	Presigns bool
}

// Key seals the links of fixtures.
const Key = "thirty-two bytes for file links!"

// New makes a fixture on a store.
func New(t testing.TB, storage Storage, limits file.Limits) *Fixture {
	t.Helper()
	f := &Fixture{Clock: NewClock(), Storage: storage, Blobs: NewBlobs(), Holders: NewHolders(), Log: &bytes.Buffer{}}
	f.Service = f.Restart(t, limits)
	return f
}

// Restart is one more process on the same stores.
func (f *Fixture) Restart(t testing.TB, limits file.Limits) *file.Service {
	t.Helper()
	links, err := file.NewLinks("", []byte(Key))
	if err != nil {
		t.Fatal(err)
	}
	ports := file.Ports{
		Uploads: f.Storage, Citations: f.Storage, Leftovers: f.Storage, Holders: f.Holders, Blobs: f.Blobs, Writes: f.Blobs,
		Thumbnails: picture.NewMaker(picture.DefaultBudget, picture.DefaultTimeout),
	}
	if f.Presigns {
		ports.Presigner = f.Blobs
	}
	return file.New(ports, file.Options{Limits: limits, Links: links, Now: f.Clock.Now, Logger: slog.New(slog.NewTextHandler(f.Log, nil))})
}

// Announce is what somebody says of a content.
func Announce(owner ids.UserID, purpose file.Purpose, content []byte) file.Announcement {
	return file.Announcement{
		Owner: owner, Purpose: purpose, Name: "a name", Size: int64(len(content)), Hash: sha256.Sum256(content), Key: ids.NewIdempotencyKey(),
	}
}

// Upload announces a content and sends it.
func (f *Fixture) Upload(t testing.TB, a file.Announcement, content []byte) file.File {
	t.Helper()
	made, err := f.Create(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	part := file.Part{Owner: a.Owner, File: made.ID, Offset: -1, Size: int64(len(content))}
	if made, err = f.Receive(t.Context(), part, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	return made
}

// Make makes a file.
func (f *Fixture) Make(t testing.TB, owner ids.UserID, purpose file.Purpose, content []byte) file.File {
	t.Helper()
	sent := f.Upload(t, Announce(owner, purpose, content), content)
	made, err := f.Complete(t.Context(), owner, sent.ID)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Message is a citation by a message of somebody.
func Message(sender ids.UserID, id ids.FileID) file.Citation {
	return file.Citation{File: id, Kind: file.ByMessage, Holder: sender, Message: ids.NewClientMessage()}
}
