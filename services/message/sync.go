// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Limits of sync, as promised to clients.
const (
	MaxSyncHeads = 500
	// MaxBatchHeads bounds the answer of one SyncBatch to about 600 KiB on the wire, below the 1 MiB
	// that components read; whoever gets less than what moved asks again with the cursor.
	MaxBatchHeads = 10_000
	MaxCursorAge  = 30 * 24 * time.Hour
	// cursorOverlap is how far a cursor lies behind the clock. It covers clocks of pods that differ and
	// transactions that commit late: a head may be announced twice, but none is missed.
	cursorOverlap = 10 * time.Minute
	// cursorPrefix is the version of the form.
	cursorPrefix = "c1."
)

// SyncQuery asks what moved for one user since a cursor.
type SyncQuery struct {
	User   ids.UserID
	Cursor string // empty on a new device
}

// SyncResult is what moved.
type SyncResult struct {
	// Reset says that the cursor says nothing: reload everything. Heads are empty then.
	Reset bool
	// Complete is false if more heads follow with the cursor.
	Complete bool
	Heads    []Head // newest activity first
	Cursor   string // for the next call
}

// cursor is what the text of a cursor holds.
type cursor struct {
	// Since is compared with when a conversation moved, ms.
	Since int64 `json:"s"`
	// Next is the Since of the cursor that follows when all heads were announced, and After the last
	// head announced; only between the pages of one sync.
	Next  int64     `json:"n,omitempty"`
	After *Position `json:"p,omitempty"`
}

// Sync answers the heads that moved since a cursor.
func (s *Service) Sync(ctx context.Context, q SyncQuery) (SyncResult, error) {
	results, err := s.SyncBatch(ctx, []SyncQuery{q})
	if err != nil {
		return SyncResult{}, err
	}
	return results[0], nil
}

// SyncBatch is Sync for many users, with one result for each query in its place.
func (s *Service) SyncBatch(ctx context.Context, queries []SyncQuery) ([]SyncResult, error) {
	var (
		results = make([]SyncResult, len(queries))
		asked   []HeadsQuery
		cursors []cursor
		place   []int // of asked in results
		fresh   = s.nowMillis() - cursorOverlap.Milliseconds()
	)
	for i, q := range queries {
		c, ok := s.readCursor(q)
		if !ok {
			results[i] = SyncResult{Reset: true, Complete: true}
			if err := s.fresh(q.User, &results[i].Cursor); err != nil {
				return nil, err
			}
			continue
		}
		if c.Next == 0 {
			c.Next = fresh
		}
		asked = append(asked, HeadsQuery{User: q.User, Since: c.Since, Before: c.After, Limit: MaxSyncHeads + 1})
		cursors, place = append(cursors, c), append(place, i)
	}
	if len(asked) == 0 {
		return results, nil
	}
	moved, err := s.store.Heads(ctx, asked)
	if err != nil {
		return nil, err
	}
	left := MaxBatchHeads
	for i, at := range place {
		if results[at], err = s.syncResult(asked[i].User, cursors[i], moved[i], min(left, MaxSyncHeads)); err != nil {
			return nil, err
		}
		left -= len(results[at].Heads)
	}
	return results, nil
}

// syncResult announces at most limit heads, and has the cursor go on behind the last of them.
func (s *Service) syncResult(user ids.UserID, c cursor, moved []MovedHead, limit int) (SyncResult, error) {
	r := SyncResult{Complete: len(moved) <= limit}
	next := cursor{Since: c.Next}
	if !r.Complete {
		moved = moved[:limit]
		next = c
	}
	if !r.Complete && limit > 0 {
		last := moved[limit-1]
		next.After = &Position{ActiveAt: last.ActiveAt, ID: last.Conversation}
	}
	for _, m := range moved {
		r.Heads = append(r.Heads, m.Head)
	}
	return r, s.writeCursor(user, next, &r.Cursor)
}

// fresh writes a cursor that announces what moves from now on.
func (s *Service) fresh(user ids.UserID, text *string) error {
	return s.writeCursor(user, cursor{Since: s.nowMillis() - cursorOverlap.Milliseconds()}, text)
}

func (s *Service) writeCursor(user ids.UserID, c cursor, text *string) error {
	token, err := s.tokens.Encode(cursorScope(user), c)
	*text = cursorPrefix + token
	return err
}

// readCursor is false for what is empty, not ours, of another user, or too old.
func (s *Service) readCursor(q SyncQuery) (c cursor, ok bool) {
	token, ok := strings.CutPrefix(q.Cursor, cursorPrefix)
	if !ok || s.tokens.Decode(cursorScope(q.User), token, &c) != nil {
		return cursor{}, false
	}
	return c, s.nowMillis()-c.Since <= MaxCursorAge.Milliseconds()
}

func cursorScope(user ids.UserID) string { return "sync:" + user.String() }
