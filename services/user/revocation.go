// SPDX-License-Identifier: Apache-2.0

package user

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
)

// The list of revocations. An entry is at most pollEvery late here, and a gateway that asks every
// second hears of it within two.
const (
	pollEvery   = 500 * time.Millisecond
	pollTimeout = 5 * time.Second
	// overlap is read twice: a transaction that took its time before another process read may commit
	// after it. It is larger than writeTimeout plus the difference between two clocks.
	overlap = 10 * time.Second
	// reach is how far back the list goes.
	reach = 15 * time.Minute
	// maxRevocations bounds one poll. Chosen; no evidence.
	maxRevocations = 20_000
	// maxAnswer bounds one answer: 5,000 entries of some 90 bytes are half of what a client reads.
	maxAnswer = 5_000

	revocationScope = "user.revocations"
)

// Revocation is one login session that ended.
type Revocation struct {
	SessionID ids.LoginSessionID
	UserID    ids.UserID
	Reason    EndReason
	At        int64 // ms
}

// RevocationPage is one answer.
type RevocationPage struct {
	Revocations []Revocation // oldest first; may repeat those of an earlier answer
	Position    string       // for the next call
	Reset       bool         // the list does not reach back to what was asked, or is not whole
}

// Revocations is the list of login sessions that ended in the last quarter of an hour, in memory. It
// answers while the store is away. It is safe for concurrent use.
type Revocations struct {
	store  EndedSessions
	pages  page.Codec
	now    func() time.Time
	logger *slog.Logger

	mu      sync.Mutex // guards what follows
	entries map[ids.LoginSessionID]Revocation
	from    int64 // ms; every ending since then is in entries, up to polled
	polled  int64 // ms; start of the last poll that succeeded, 0 before the first
}

func newRevocations(store EndedSessions, options Options) *Revocations {
	return &Revocations{
		store: store, pages: options.Pages, now: options.Now, logger: options.Logger,
		entries: map[ids.LoginSessionID]Revocation{},
	}
}

// Run polls the store until ctx ends.
func (r *Revocations) Run(ctx context.Context) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	failing := false
	for {
		err := r.Poll(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			r.logger.WarnContext(ctx, "revocations are answered from memory", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Poll reads what ended since the last poll, with an overlap.
func (r *Revocations) Poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	start := r.now().UnixMilli()
	r.mu.Lock()
	since := max(r.polled-overlap.Milliseconds(), start-reach.Milliseconds())
	r.mu.Unlock()
	list, err := r.store.EndedSince(ctx, since, maxRevocations)
	if err != nil {
		return err
	}
	r.merge(list, since, start)
	return nil
}

func (r *Revocations) merge(list []Revocation, since, start int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// The first poll, and one after a pause longer than the reach, has nothing to join on.
	if r.polled == 0 || since > r.polled {
		r.from = since
	}
	if len(list) == maxRevocations {
		r.from = list[len(list)-1].At + 1 // what is older may have been cut off
	}
	for _, e := range list {
		r.entries[e.SessionID] = e
	}
	r.polled = start
	r.from = max(r.from, start-reach.Milliseconds())
	for id, e := range r.entries {
		if e.At < r.from {
			delete(r.entries, id)
		}
	}
}

// add enters what this process ended itself, at once.
func (r *Revocations) add(e Revocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[e.SessionID] = e
}

// Since answers what ended after a position. An empty, unknown or too old position gives everything,
// with Reset. Before the first poll there is nothing to answer from: fault.ErrUnavailable.
func (r *Revocations) Since(position string) (RevocationPage, error) {
	asked, known := r.decode(position)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.polled == 0 {
		return RevocationPage{}, fault.ErrUnavailable
	}
	next, err := r.pages.Encode(revocationScope, r.polled)
	if err != nil {
		return RevocationPage{}, err
	}
	after := asked - overlap.Milliseconds()
	answer := RevocationPage{Position: next, Reset: !known || after < r.from}
	for _, e := range r.entries {
		if answer.Reset || e.At >= after {
			answer.Revocations = append(answer.Revocations, e)
		}
	}
	slices.SortFunc(answer.Revocations, func(a, b Revocation) int {
		return cmp.Or(cmp.Compare(a.At, b.At), a.SessionID.Compare(b.SessionID))
	})
	if n := len(answer.Revocations); n > maxAnswer {
		// Who verifies everything again needs no list; the newest only make it faster.
		answer.Revocations, answer.Reset = answer.Revocations[n-maxAnswer:], true
	}
	return answer, nil
}

func (r *Revocations) decode(position string) (at int64, known bool) {
	err := r.pages.Decode(revocationScope, position, &at)
	return at, err == nil
}
