// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/user"
)

// Findable implements user.Names.
func (s *Store) Findable(_ context.Context, users []ids.UserID, at int64) ([]user.Account, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var found []user.Account
	for id, a := range s.accounts {
		if slices.Contains(users, id) && !a.Account.Deleted && !a.SuspendedAt(at) {
			found = append(found, a.Account)
		}
	}
	return found, nil
}

// Named implements user.Names.
func (s *Store) Named(_ context.Context, users []ids.UserID) ([]user.Named, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.named(func(id ids.UserID) bool { return slices.Contains(users, id) }), nil
}

// ScanNames implements user.Names.
func (s *Store) ScanNames(_ context.Context, after ids.UserID, limit int) ([]user.Named, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	list := s.named(func(id ids.UserID) bool { return id.Compare(after) > 0 })
	return list[:min(limit, len(list))], nil
}

// CountNames implements user.Names.
func (s *Store) CountNames(_ context.Context, after ids.UserID) (int64, error) {
	err := s.enter()
	defer s.mu.Unlock()
	return int64(len(s.named(func(id ids.UserID) bool { return id.Compare(after) > 0 }))), err
}

// named needs mu.
func (s *Store) named(wanted func(ids.UserID) bool) []user.Named {
	var list []user.Named
	for id, a := range s.accounts {
		if wanted(id) {
			list = append(list, user.Named{Account: a.Account, Rev: a.NameRev})
		}
	}
	slices.SortFunc(list, func(a, b user.Named) int { return a.Account.ID.Compare(b.Account.ID) })
	return list
}

// ScanIndex is an index that is always up to date: it looks at every account of a Store.
type ScanIndex struct {
	Store *Store
	Err   error // what Find answers instead, if set
	// Offers is what Find answers instead, if set: an index that lies behind.
	Offers []searchindex.Hit
}

// Find implements user.Finder.
func (x *ScanIndex) Find(_ context.Context, l searchindex.Lookup) ([]searchindex.Hit, error) {
	if x.Err != nil || x.Offers != nil {
		return x.Offers, x.Err
	}
	x.Store.mu.Lock()
	defer x.Store.mu.Unlock()
	var hits []searchindex.Hit
	for _, n := range x.Store.named(func(ids.UserID) bool { return true }) {
		if d := n.Document(); !d.Gone && offers(d, l) {
			hits = append(hits, searchindex.Hit{ID: d.ID, At: d.At})
		}
	}
	slices.Reverse(hits)
	return hits[:min(len(hits), l.Limit)], nil
}

func offers(d searchindex.Document, l searchindex.Lookup) bool {
	for _, gram := range l.Grams {
		if !slices.Contains(d.Grams, gram) {
			return false
		}
	}
	after := l.After == nil || cmp.Or(d.At.Compare(l.After.At), strings.Compare(d.ID, l.After.ID)) < 0
	return after && (len(l.Groups) == 0 || slices.Contains(l.Groups, d.Group))
}

var _ user.Finder = (*ScanIndex)(nil)
