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
	select {
	case <-k.After:
	case <-ctx.Done():
		return nil
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	var wake <-chan struct{}
	if k.Follower != nil {
		wake = k.Follower.wake
	}
	var last error
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		case <-wake:
		}
		err := k.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		k.Saw(err)
		if changed := (err == nil) != (last == nil); changed && err != nil {
			k.Logger.WarnContext(ctx, "search is not available", "error", err)
		} else if changed {
			k.Logger.InfoContext(ctx, "search is available")
		}
		last = err
		pause.Reset(lookEvery)
		if err != nil {
			pause.Reset(lookAgain)
		}
	}
}

// look makes the index whole.
func (k Keeper) look(ctx context.Context) error {
	whole, err := k.Index.Ensure(ctx)
	if err == nil && k.missed() {
		whole, err = false, k.Index.Withdraw(ctx)
		if err == nil {
			k.Follower.made()
		}
	}
	k.tell(whole && err == nil)
	for err == nil && !whole {
		whole, err = k.fill(ctx)
	}
	return err
}

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
		if k.missed() { // nobody reads the index, so what waits may be written to it
			k.Follower.made()
			again = true
		}
		return nil
	})
	if err == nil && !again {
		err = k.Index.Publish(ctx)
		k.tell(err == nil)
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

func (k Keeper) tell(whole bool) {
	if k.Follower == nil {
		return
	}
	k.Follower.metrics.whole.Set(0)
	if whole {
		k.Follower.metrics.whole.Set(1)
	}
}
