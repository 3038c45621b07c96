// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/message"
)

// Readable implements message.Searches.
func (s *Store) Readable(_ context.Context, user ids.UserID, limit int) ([]ids.ConversationID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []ids.ConversationID
	for id, c := range s.conversations {
		if _, ok := c.Membership(user); ok {
			list = append(list, id)
		}
	}
	return list[:min(limit, len(list))], nil
}

// Scan implements message.Searches.
func (s *Store) Scan(_ context.Context, after message.Place, limit int) ([]message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []message.Message
	for _, rows := range s.messages {
		for _, row := range rows {
			m := row.Message
			if cmp.Or(m.Conversation.Compare(after.Conversation), cmp.Compare(m.Seq, after.Seq)) > 0 {
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b message.Message) int {
		return cmp.Or(a.Conversation.Compare(b.Conversation), cmp.Compare(a.Seq, b.Seq))
	})
	return all[:min(len(all), limit)], nil
}

// ScanIndex is an index that is always up to date: it looks at every message of a Store.
type ScanIndex struct {
	Store *Store
	Err   error // what Find answers instead, if set
	// Offers is what Find answers once, if set: an index that lies behind.
	Offers []searchindex.Hit
}

// Find implements message.Finder.
func (x *ScanIndex) Find(_ context.Context, l searchindex.Lookup) ([]searchindex.Hit, error) {
	if x.Err != nil {
		return nil, x.Err
	}
	x.Store.mu.Lock()
	defer x.Store.mu.Unlock()
	hits := slices.Clone(x.Offers)
	if x.Offers != nil && l.After == nil {
		return hits, nil
	}
	hits = nil
	for _, rows := range x.Store.messages {
		for _, row := range rows {
			if d := row.Document(); !d.Gone && offers(d, l) {
				hits = append(hits, searchindex.Hit{ID: d.ID, At: d.At})
			}
		}
	}
	slices.SortFunc(hits, func(a, b searchindex.Hit) int { return later(b, a) })
	if l.After != nil {
		hits = slices.DeleteFunc(hits, func(h searchindex.Hit) bool { return later(h, *l.After) >= 0 })
	}
	return hits[:min(len(hits), l.Limit)], nil
}

func later(a, b searchindex.Hit) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) }

func offers(d searchindex.Document, l searchindex.Lookup) bool {
	for _, gram := range l.Grams {
		if !slices.Contains(d.Grams, gram) {
			return false
		}
	}
	return (len(l.Groups) == 0 || slices.Contains(l.Groups, d.Group)) && (l.Author == "" || l.Author == d.Author) &&
		(len(l.Kinds) == 0 || slices.Contains(l.Kinds, d.Kind)) && (l.From.IsZero() || !d.At.Before(l.From)) && (l.Until.IsZero() || d.At.Before(l.Until))
}

var _ message.Finder = (*ScanIndex)(nil)
