// SPDX-License-Identifier: Apache-2.0

// Package argon2hasher hashes passwords with Argon2id.
//
// At most 2 × cores hashes run at once and 32 callers wait; who comes then gets user.ErrOverloaded, so
// that a storm of logins takes neither all memory nor all time. Stored texts are PHC strings, which
// carry their parameters.
package argon2hasher

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/parley-chat/parley/services/user"
)

// Bounds of the gate, and what who is turned away hears.
const (
	hashesPerCore = 2
	maxWaiting    = 32
	retryAfter    = time.Second
)

// Options set a Hasher; the zero value is what production runs.
type Options struct {
	// Memory in KiB and Iterations of one hash; 0 means 19456 and 2, the second choice of the OWASP
	// Password Storage Cheat Sheet, which fits many logins at once.
	Memory, Iterations uint32
	// Parallel is how many hashes run at once; 0 means 2 × cores.
	Parallel int
}

// Hasher implements the port of the same name. It is safe for concurrent use.
type Hasher struct {
	params  argon2id.Params
	slots   chan struct{}
	waiting atomic.Int64
	hashes  atomic.Int64
	dummy   string
}

// New makes a Hasher.
func New(o Options) (*Hasher, error) {
	params := argon2id.Params{
		Memory: orElse(o.Memory, 19456), Iterations: orElse(o.Iterations, 2), Parallelism: 1,
		SaltLength: 16, KeyLength: 32,
	}
	parallel := o.Parallel
	if parallel <= 0 {
		parallel = hashesPerCore * runtime.GOMAXPROCS(0)
	}
	dummy, err := argon2id.CreateHash("no password is stored as this", &params)
	if err != nil {
		return nil, fmt.Errorf("make the dummy hash: %w", err)
	}
	return &Hasher{params: params, slots: make(chan struct{}, parallel), dummy: dummy}, nil
}

func orElse(value, standard uint32) uint32 {
	if value == 0 {
		return standard
	}
	return value
}

// Hash makes a PHC string with a salt of its own.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	var stored string
	err := h.run(ctx, func() (err error) {
		stored, err = argon2id.CreateHash(password, &h.params)
		return err
	})
	return stored, err
}

// Verify compares in constant time.
func (h *Hasher) Verify(ctx context.Context, password, stored string) (match, outdated bool, err error) {
	err = h.run(ctx, func() error {
		var params *argon2id.Params
		var err error
		match, params, err = argon2id.CheckHash(password, stored)
		outdated = err == nil && h.isOutdated(*params)
		return err
	})
	return match, outdated, err
}

// Burn verifies against a hash that fits no password.
func (h *Hasher) Burn(ctx context.Context, password string) error {
	_, _, err := h.Verify(ctx, password, h.dummy)
	return err
}

// Waiting is how many callers stand in the queue, for metrics.
func (h *Hasher) Waiting() int { return int(h.waiting.Load()) }

// Hashes is how many hashes have been made, for metrics.
func (h *Hasher) Hashes() int64 { return h.hashes.Load() }

func (h *Hasher) isOutdated(stored argon2id.Params) bool {
	return stored.Memory < h.params.Memory || stored.Iterations < h.params.Iterations
}

// run waits for a slot. The work itself cannot be interrupted; it takes some 20 ms.
func (h *Hasher) run(ctx context.Context, work func() error) error {
	if err := h.enter(ctx); err != nil {
		return err
	}
	defer func() { <-h.slots }()
	h.hashes.Add(1)
	if err := work(); err != nil {
		// The library repeats the stored text in some errors; only its kind may go on.
		return fmt.Errorf("hash a password: %s", strings.SplitN(err.Error(), "$", 2)[0])
	}
	return nil
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	if h.waiting.Add(1) > maxWaiting {
		h.waiting.Add(-1)
		return user.ErrOverloaded.After(retryAfter)
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
