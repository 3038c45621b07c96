// SPDX-License-Identifier: Apache-2.0

package indexer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/parley-chat/parley/services/internal/searchindex"
)

// fillPause is how long a fill waits for an index that takes nothing now; chosen, no evidence.
const fillPause = time.Second

// Batch tells how far a fill is.
type Batch struct {
	UpTo    string // id of the last document
	Read    int
	Refused map[string]error // documents that the index will never take
}

// ErrRefused says that the index will never take a document.
var ErrRefused = errors.New("the index refuses a document")

// Err names a document that was refused.
func (b Batch) Err() error {
	for _, id := range slices.Sorted(maps.Keys(b.Refused)) {
		return fmt.Errorf("%w: %s: %w", ErrRefused, id, b.Refused[id])
	}
	return nil
}

// Fill writes all documents after the one with an id to an index, and tells after each batch how far it is.
// What arrives meanwhile is the Indexer's: whichever writes last, the higher version stays. It goes on through
// pauses of the index until ctx ends, or told answers an error.
func Fill(ctx context.Context, from Scanner, index Putter, after string, told func(Batch) error) error {
	for {
		documents, err := from.Scan(ctx, after, maxBatch)
		if err != nil || len(documents) == 0 {
			return err
		}
		refused := map[string]error{}
		if err := putAll(ctx, index, documents, refused); err != nil {
			return err
		}
		after = documents[len(documents)-1].ID
		if err := told(Batch{UpTo: after, Read: len(documents), Refused: refused}); err != nil {
			return err
		}
	}
}

// putAll writes documents until all are written or refused for ever.
func putAll(ctx context.Context, index Putter, documents []searchindex.Document, refused map[string]error) error {
	for {
		err := index.Put(ctx, documents)
		partial, ok := errors.AsType[*searchindex.PutError](err)
		switch {
		case err == nil:
			return nil
		case ok:
			maps.Copy(refused, partial.Refused)
			if documents = only(documents, partial.Retry); len(documents) == 0 {
				return nil
			}
		case !errors.Is(err, searchindex.ErrUnavailable):
			return err
		}
		if !pause(ctx, fillPause) {
			return errors.Join(ctx.Err(), err)
		}
	}
}
