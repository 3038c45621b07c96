// SPDX-License-Identifier: Apache-2.0

package indexer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/message"
)

// How often an index is looked at. One that was lost is missed after lookEvery at the latest.
const (
	lookEvery = 10 * time.Second
	lookAgain = 2 * time.Second // after trouble
)

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
	var last error
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
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
	if err != nil || whole {
		return err
	}
	n := 0
	k.Logger.InfoContext(ctx, "the search index is being filled")
	err = Fill(ctx, k.From, k.Index, message.Place{}, func(_ message.Place, more int) error {
		n += more
		return nil
	})
	if err == nil {
		err = k.Index.Publish(ctx)
	}
	k.Logger.InfoContext(ctx, "the search index was filled", "messages", n, "error", err)
	return errors.Join(err, ctx.Err())
}
