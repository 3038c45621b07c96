// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Sizes of a search.
const (
	maxQuery          = 64 // code points
	defaultSearchPage = 20
	maxSearchPage     = 50
)

// Search asks for people.
type Search struct {
	Query    string
	Excluded []ids.UserID
	PageSize int    // 0 means 20, at most 50
	Token    string // of the last page; empty for the first
	Reader   string // who asks; a page token serves nobody else
}

// SearchPage is one page of people.
type SearchPage struct {
	Accounts []Account
	Next     string // empty on the last page
}

// SearchUsers finds the account with exactly this username first, then those whose nickname begins
// with the query. A query that is a whole phone number finds its account only.
func (s *Service) SearchUsers(ctx context.Context, q Search) (SearchPage, error) {
	query := strings.TrimSpace(q.Query)
	if n := utf8.RuneCountInString(query); n == 0 || n > maxQuery {
		return SearchPage{}, fault.InvalidField("query", "length")
	}
	scope := "user.search\x00" + q.Reader + "\x00" + query
	var after place
	if q.Token != "" {
		if err := s.pages.Decode(scope, q.Token, &after); err != nil {
			return SearchPage{}, err
		}
	}
	if number, err := s.Numbers.Parse(query); err == nil && strings.HasPrefix(query, "+") {
		return s.searchPhone(ctx, number.Phone, q)
	}
	hidden := make(map[ids.UserID]bool, len(q.Excluded)+1)
	for _, id := range q.Excluded {
		hidden[id] = true
	}
	accounts, err := s.exact(ctx, query, hidden)
	if err != nil {
		return SearchPage{}, err
	}
	if q.Token != "" {
		accounts = nil // stood on the first page, and stays hidden on the others
	}
	return s.searchNicknames(ctx, accounts, hidden, nameScan{
		scope: scope, prefix: nicknameKey(s.Text, query), after: after.cursor(), size: searchPageSize(q.PageSize),
	})
}

// Searches by phone that one reader may make; part of the product, not settings.
const (
	phoneSearchesPerHour = 20
	phoneSearchesPerDay  = 100
)

// searchPhone finds the account of a whole number, if its owner wishes to be found. A number without an
// account, one that is not to be found and one that is hidden give the same empty page.
func (s *Service) searchPhone(ctx context.Context, phone Phone, q Search) (SearchPage, error) {
	scope := scopeOf("searches by phone", q.Reader)
	err := s.use(ctx, []Quota{
		{scope, time.Hour, phoneSearchesPerHour}, {scope, longestQuota, phoneSearchesPerDay},
	}, func(_ int, wait time.Duration) error {
		return ErrRateLimited.With("limit", "searches_by_phone").After(wait)
	})
	if err != nil {
		return SearchPage{}, err
	}
	found, err := s.Records.ByPhone(ctx, phone)
	switch {
	case errors.Is(err, ErrNotFound):
		return SearchPage{}, nil
	case err != nil:
		return SearchPage{}, err
	case !found.Privacy.FindableByPhone, slices.Contains(q.Excluded, found.Account.ID):
		return SearchPage{}, nil
	default:
		return SearchPage{Accounts: []Account{found.Account}}, nil
	}
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

func searchPageSize(asked int) int {
	if asked <= 0 {
		return defaultSearchPage
	}
	return min(asked, maxSearchPage)
}
