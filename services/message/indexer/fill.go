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
	"github.com/parley-chat/parley/services/message"
)

// Scanner reads all messages.
type Scanner interface {
	// Scan is message.Searches.Scan.
	Scan(ctx context.Context, after message.Place, limit int) ([]message.Message, error)
}

// fillPause is how long a fill waits for an index that takes nothing now; chosen, no evidence.
const fillPause = time.Second

// Fill writes all messages after a place to an index, and tells after each batch how far it is. Messages
// that arrive meanwhile are the Indexer's: whichever writes last, the higher version stays. It goes on
// through pauses of the index until ctx ends.
func Fill(ctx context.Context, from Scanner, index Putter, after message.Place, told func(upTo message.Place, n int) error) error {
	for {
		messages, err := from.Scan(ctx, after, maxBatch)
		if err != nil || len(messages) == 0 {
			return err
		}
		documents := make([]searchindex.Document, len(messages))
		for i, m := range messages {
			documents[i] = m.Document()
		}
		if err := putAll(ctx, index, documents); err != nil {
			return err
		}
		last := messages[len(messages)-1]
		after = message.Place{Conversation: last.Conversation, Seq: last.Seq}
		if err := told(after, len(messages)); err != nil {
			return err
		}
	}
}

// putAll writes documents until all are written. One that the index will never take ends it.
func putAll(ctx context.Context, index Putter, documents []searchindex.Document) error {
	for {
		err := index.Put(ctx, documents)
		partial, ok := errors.AsType[*searchindex.PutError](err)
		switch {
		case err == nil:
			return nil
		case ok && len(partial.Refused) > 0:
			id := slices.Sorted(maps.Keys(partial.Refused))[0]
			return fmt.Errorf("the index refuses message %s: %w", id, partial.Refused[id])
		case ok:
			documents = slices.DeleteFunc(documents, func(d searchindex.Document) bool { return !slices.Contains(partial.Retry, d.ID) })
		case !errors.Is(err, searchindex.ErrUnavailable):
			return err
		}
		pause := time.NewTimer(fillPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(ctx.Err(), err)
		}
	}
}
