// SPDX-License-Identifier: Apache-2.0

package filetest

import (
	"context"
	"errors"
	"sync"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/ids"
)

// ErrCrash is what calls of a process that has ended answer.
var ErrCrash = errors.New("the process has ended")

// Crash ends a process at one of its calls: that call and all later ones do nothing. It is safe for concurrent use.
type Crash struct {
	mu    sync.Mutex // guards all below
	left  int        // calls until something happens; 0: nothing will
	stays bool       // the process has ended; else one call fails
	dead  bool
}

// Arm makes the nth call from now fail, and all later ones too if the process ends.
func (c *Crash) Arm(n int, ends bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.stays, c.dead = n, ends, false
}

// Heal is a new process without faults.
func (c *Crash) Heal() { c.Arm(0, false) }

// Try is one call: what it answers is the error of the call.
func (c *Crash) Try() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return ErrCrash
	}
	if c.left == 0 {
		return nil
	}
	if c.left--; c.left > 0 {
		return nil
	}
	c.dead = c.stays
	return ErrCrash
}

// Guard makes calls of a store pass a Crash.
func Guard(s Storage, c *Crash) Storage { return guarded{s, c} }

type guarded struct {
	inner Storage
	crash *Crash
}

func guard[T any](c *Crash, call func() (T, error)) (T, error) {
	if err := c.Try(); err != nil {
		var none T
		return none, err
	}
	return call()
}

func guardError(c *Crash, call func() error) error {
	if err := c.Try(); err != nil {
		return err
	}
	return call()
}

func (g guarded) Create(ctx context.Context, f file.File, day int64, decide func(file.Usage) error) (file.File, error) {
	return guard(g.crash, func() (file.File, error) { return g.inner.Create(ctx, f, day, decide) })
}

func (g guarded) Find(ctx context.Context, files ...ids.FileID) ([]file.File, error) {
	return guard(g.crash, func() ([]file.File, error) { return g.inner.Find(ctx, files...) })
}

func (g guarded) Advance(ctx context.Context, id ids.FileID, from, to blob.Upload) error {
	return guardError(g.crash, func() error { return g.inner.Advance(ctx, id, from, to) })
}

func (g guarded) Finish(ctx context.Context, f file.File) (file.File, error) {
	return guard(g.crash, func() (file.File, error) { return g.inner.Finish(ctx, f) })
}

func (g guarded) Remove(ctx context.Context, r file.Removal) (file.File, error) {
	return guard(g.crash, func() (file.File, error) { return g.inner.Remove(ctx, r) })
}

func (g guarded) Cite(ctx context.Context, cited []file.Cited, accept func(int, file.File) bool) ([]*file.File, error) {
	return guard(g.crash, func() ([]*file.File, error) { return g.inner.Cite(ctx, cited, accept) })
}

func (g guarded) Holders(ctx context.Context, files ...ids.FileID) ([]file.Citation, error) {
	return guard(g.crash, func() ([]file.Citation, error) { return g.inner.Holders(ctx, files...) })
}

func (g guarded) Due(ctx context.Context, now int64, limit int) ([]file.Cited, error) {
	return guard(g.crash, func() ([]file.Cited, error) { return g.inner.Due(ctx, now, limit) })
}

func (g guarded) Postpone(ctx context.Context, cited []file.Cited, due int64) error {
	return guardError(g.crash, func() error { return g.inner.Postpone(ctx, cited, due) })
}

func (g guarded) Withdraw(ctx context.Context, cited []file.Cited, now int64) error {
	return guardError(g.crash, func() error { return g.inner.Withdraw(ctx, cited, now) })
}

func (g guarded) Expired(ctx context.Context, before int64, limit int) ([]ids.FileID, error) {
	return guard(g.crash, func() ([]ids.FileID, error) { return g.inner.Expired(ctx, before, limit) })
}

func (g guarded) Uncited(ctx context.Context, before int64, limit int) ([]ids.FileID, error) {
	return guard(g.crash, func() ([]ids.FileID, error) { return g.inner.Uncited(ctx, before, limit) })
}

func (g guarded) Ended(ctx context.Context, state file.State, before int64, limit int) ([]file.File, error) {
	return guard(g.crash, func() ([]file.File, error) { return g.inner.Ended(ctx, state, before, limit) })
}

func (g guarded) Emptied(ctx context.Context, id ids.FileID) error {
	return guardError(g.crash, func() error { return g.inner.Emptied(ctx, id) })
}

func (g guarded) Forget(ctx context.Context, files []ids.FileID, day int64) error {
	return guardError(g.crash, func() error { return g.inner.Forget(ctx, files, day) })
}
