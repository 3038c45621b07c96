// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/services/internal/ids"
)

// SearchPage is one page of accounts.
type SearchPage struct {
	Accounts []Account
	Next     string // empty on the last page
}

// exact finds the account with this username, and hides it from the scan of nicknames.
func (s *Service) exact(ctx context.Context, query string, hidden map[ids.UserID]bool) ([]Account, error) {
	found, err := s.Accounts.ByUsername(ctx, FoldUsername(query))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil || hidden[found.Account.ID] {
		return nil, err
	}
	hidden[found.Account.ID] = true
	return []Account{found.Account}, nil
}

// place is a NameCursor inside a page token; it may be the start, whose zero id has no text form.
type place struct{ Key, ID []byte }

func (p place) cursor() NameCursor {
	c := NameCursor{Key: p.Key}
	copy(c.ID[:], p.ID)
	return c
}

// nameScan is where a scan of nicknames starts and how much it gives.
type nameScan struct {
	scope  string
	prefix []byte
	after  NameCursor
	size   int
}

// searchNicknames fills a page that may have its first entry already.
func (s *Service) searchNicknames(ctx context.Context, page []Account, hidden map[ids.UserID]bool, scan nameScan) (SearchPage, error) {
	if len(scan.prefix) == 0 {
		return SearchPage{Accounts: page}, nil
	}
	limit := scan.size + 1 + len(hidden) // enough, whatever is hidden
	found, err := s.Accounts.SearchByNickname(ctx, NameQuery{Prefix: scan.prefix, After: scan.after, Limit: limit})
	if err != nil {
		return SearchPage{}, err
	}
	last := scan.after
	for _, f := range found {
		if hidden[f.Account.ID] {
			continue
		}
		if len(page) == scan.size {
			next, err := s.pages.Encode(scan.scope, place{Key: last.Key, ID: last.ID[:]})
			return SearchPage{Accounts: page, Next: next}, err
		}
		page = append(page, f.Account)
		last = f.Place
	}
	return SearchPage{Accounts: page}, nil
}
