// SPDX-License-Identifier: Apache-2.0

package indexer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/parley-chat/parley/services/internal/searchindex"
)

// How often an index is looked at. One that was lost is missed after lookEvery at the latest.
const (
	lookEvery = 10 * time.Second
	lookAgain = 2 * time.Second // after trouble
)

// maxRefused is how many documents an index may refuse in a fill before it counts as one that does not fit;
// chosen, no evidence.
const maxRefused = 100

// Keeper keeps an index whole: it makes one where there is none, fills it, and only then lets searches
// see it. Several replicas may do so at once; they write the same.
type Keeper struct {
	Index  searchindex.Kept
	From   Scanner
	Logger *slog.Logger
	// After is closed when an Indexer hears of everything: what is said while the index is filled must not
	// be missed by both.
	After <-chan struct{}
	// Saw is told what each look found; nil for an index that is whole.
	Saw func(err error)
	// Follower is the Indexer, which says when events were lost, so that the index must be filled; nil: none.
	Follower *Indexer
}

// Run looks after the index until ctx ends.
func (k Keeper) Run(ctx context.Context) error {
	if !k.begin(ctx) {
		return nil
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	var last error
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		case <-k.wake():
		}
		err := k.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil || k.hears() {
			last = k.see(ctx, err, last)
		}
		pause.Reset(lookEvery)
		if err != nil {
			pause.Reset(lookAgain)
		}
	}
}

// begin waits until an Indexer hears of everything. If its queue is to begin anew the index is withdrawn first.
func (k Keeper) begin(ctx context.Context) bool {
	again := time.NewTimer(lookEvery)
	defer again.Stop()
	var last error
	for {
		select {
		case <-k.After:
			return true
		case <-ctx.Done():
			return false
		case <-again.C:
		case <-k.wake():
		}
		_, err := k.ensure(ctx)
		if ctx.Err() == nil && err != nil {
			last = k.see(ctx, err, last)
		}
		again.Reset(lookAgain)
	}
}

// see tells what a look found.
func (k Keeper) see(ctx context.Context, err, last error) error {
	k.Saw(err)
	if changed := (err == nil) != (last == nil); changed && err != nil {
		k.Logger.WarnContext(ctx, "search is not available", "error", err)
	} else if changed {
		k.Logger.InfoContext(ctx, "search is available")
	}
	return err
}

// wake has one when the Indexer has something to say; nil without one.
func (k Keeper) wake() <-chan struct{} {
	if k.Follower == nil {
		return nil
	}
	return k.Follower.wake
}

// look makes the index whole. While the queue of events is not there it is not filled: what is said then would be
// missed by both.
func (k Keeper) look(ctx context.Context) error {
	whole, err := k.ensure(ctx)
	k.stand(func(s *Standing, _ Cause) { s.Whole = whole && err == nil })
	for err == nil && !whole && k.hears() {
		whole, err = k.fill(ctx)
	}
	return err
}

// ensure makes the index if it is not there, and withdraws it if events were lost.
func (k Keeper) ensure(ctx context.Context) (whole bool, err error) {
	whole, err = k.Index.Ensure(ctx)
	if err != nil || !k.missed() {
		return whole, err
	}
	if err := k.Index.Withdraw(ctx); err != nil {
		return false, err
	}
	k.withdrawn(whole)
	return false, nil
}

func (k Keeper) hears() bool { return k.Follower == nil || k.Follower.hearing.Load() }

// fill writes everything once. It is not enough if events were lost meanwhile.
func (k Keeper) fill(ctx context.Context) (whole bool, err error) {
	n, refused, again := 0, 0, false
	k.Logger.InfoContext(ctx, "the search index is being filled")
	err = Fill(ctx, k.From, k.Index, "", func(b Batch) error {
		n, refused = n+b.Read, refused+len(b.Refused)
		k.leave(ctx, b.Refused)
		if refused > maxRefused {
			return b.Err()
		}
		k.stand(func(s *Standing, _ Cause) { s.Written = n })
		if k.missed() { // nobody reads the index, so what waits may be written to it
			k.withdrawn(true)
			again = true
		}
		return nil
	})
	if err == nil && !again {
		err = k.Index.Publish(ctx)
		k.stand(func(s *Standing, _ Cause) { s.Whole = err == nil })
	}
	k.Logger.InfoContext(ctx, "the search index was filled", "documents", n, "refused", refused, "again", again, "error", err)
	return !again, errors.Join(err, ctx.Err())
}

// leave notes documents that people will not find, rather than keep everybody from searching.
func (k Keeper) leave(ctx context.Context, refused map[string]error) {
	for id, reason := range refused {
		k.Logger.ErrorContext(ctx, "the search index will never take a document", "document", id, "error", reason)
	}
	if k.Follower != nil {
		k.Follower.metrics.documents.WithLabelValues("refused").Add(float64(len(refused)))
	}
}

func (k Keeper) missed() bool { return k.Follower != nil && k.Follower.missed.Load() }

// withdrawn lets the Indexer go on. An index that was not whole before lacks nothing that it had.
func (k Keeper) withdrawn(whole bool) {
	k.stand(func(s *Standing, cause Cause) {
		s.Whole = false
		if whole {
			s.Cause = cause
		}
	})
	k.Follower.made()
}

func (k Keeper) stand(change func(s *Standing, cause Cause)) {
	if k.Follower != nil {
		k.Follower.stand(change)
	}
}
