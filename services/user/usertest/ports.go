// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/text/unicode/norm"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

// Hasher is a hasher that costs nothing and counts. Its hashes begin with its Version.
type Hasher struct {
	Version string       // hashes of another version are outdated
	hashes  atomic.Int64 // made or compared
	mu      sync.Mutex   // guards down
	down    error
}

// Fail makes every call answer err, until nil is set.
func (h *Hasher) Fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = err
}

// Hashes is how many hashes were computed.
func (h *Hasher) Hashes() int64 { return h.hashes.Load() }

func (h *Hasher) count() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hashes.Add(1)
	return h.down
}

// Hash appends the password to the version.
func (h *Hasher) Hash(_ context.Context, password string) (string, error) {
	return h.Version + ":" + password, h.count()
}

// Verify compares.
func (h *Hasher) Verify(_ context.Context, password, stored string) (match, outdated bool, err error) {
	version, hashed, _ := strings.Cut(stored, ":")
	return hashed == password, version != h.Version, h.count()
}

// Burn counts.
func (h *Hasher) Burn(context.Context, string) error { return h.count() }

// Text folds case and compatibility forms.
type Text struct{}

// Compose is normalization form C.
func (Text) Compose(text string) string { return norm.NFC.String(text) }

// Fold is enough for names in tests.
func (Text) Fold(text string) string { return strings.ToLower(norm.NFKC.String(text)) }

// Publisher remembers what was offered.
type Publisher struct {
	mu     sync.Mutex // guards what follows
	events []user.Updated
	ended  []user.Revocation
}

// Offer remembers.
func (p *Publisher) Offer(e user.Updated) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
}

// OfferEnded remembers.
func (p *Publisher) OfferEnded(r []user.Revocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = append(p.ended, r...)
}

// Ended are the revocations that were offered.
func (p *Publisher) Ended() []user.Revocation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ended)
}

// Events are those that were offered, but for new accounts.
func (p *Publisher) Events() []user.Updated {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.events), func(e user.Updated) bool { return e.Created })
}

// Created are the new accounts that were offered.
func (p *Publisher) Created() []ids.UserID {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []ids.UserID
	for _, e := range p.events {
		if e.Created {
			list = append(list, e.Account.ID)
		}
	}
	return list
}
