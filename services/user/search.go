// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// Sizes of a search.
const (
	maxQuery          = 64 // code points
	defaultSearchPage = 20
	maxSearchPage     = searchindex.MaxHits
	// searchRounds bounds how often the index is asked for one page, where it offers much that does not match or
	// may not be seen; chosen, no evidence. The page is then shorter and has a next one.
	searchRounds = 5
	// searchPatience is how long the index may take over one page, in all rounds.
	searchPatience = 2 * time.Second
)

// Part is what a search looks at.
type Part int

// The parts.
const (
	Everything Part = iota
	OnlyExact       // username or phone number
	OnlyNames       // nicknames, without the account of exactly this username
)

// Search asks for people.
type Search struct {
	Query    string
	Part     Part
	Among    []ids.UserID // of nicknames only those of these people; empty: of everybody
	Excluded []ids.UserID
	PageSize int    // 0 means 20, at most 200
	Token    string // of the last page; empty for the first
	Reader   string // who asks; a page token serves nobody else
}

// FoundName is a person, and what matched in their nickname.
type FoundName struct {
	Account Account
	Spans   []textmatch.Span // in code points; none of who was found by username or phone
}

// FoundPage is one page of people.
type FoundPage struct {
	Found []FoundName
	Next  string // empty on the last page
}

// SearchUsers finds the account with exactly this username first, then those whose nickname has in it what was
// typed, the newest first. A query that is a whole phone number finds its account only. What the index of names
// offers is read from the store before it counts: who is deleted or suspended is not found, whatever the index
// knows. ErrSearchUnavailable while nicknames cannot be searched.
func (s *Service) SearchUsers(ctx context.Context, q Search) (FoundPage, error) {
	query := strings.TrimSpace(q.Query)
	if n := utf8.RuneCountInString(query); n == 0 || n > maxQuery {
		return FoundPage{}, fault.InvalidField("query", "length")
	}
	typed, err := textmatch.Parse(query)
	if err != nil {
		return FoundPage{}, fault.InvalidField("query", "words").Because(err)
	}
	r := searching{s: s, q: q, query: typed, size: searchPageSize(q.PageSize), hidden: idSet(q.Excluded)}
	if q.Token != "" {
		r.lookup.After = &searchindex.Hit{}
		if err := s.pages.Open(q.scope(), q.Token, r.lookup.After); err != nil {
			return FoundPage{}, err
		}
	}
	if number, err := s.Numbers.Parse(query); err == nil && strings.HasPrefix(query, "+") {
		if q.Part == OnlyNames {
			return FoundPage{}, nil
		}
		return s.searchPhone(ctx, number.Phone, q)
	}
	if err := r.exact(ctx, query); err != nil || q.Part == OnlyExact {
		return FoundPage{Found: r.found}, err
	}
	return r.names(ctx)
}

// scope makes a page token good for the same question of the same reader only.
func (q Search) scope() string {
	return strings.Join([]string{"user.search", q.Reader, strconv.Itoa(int(q.Part)), strings.TrimSpace(q.Query)}, "\x00")
}

func idSet(users []ids.UserID) map[ids.UserID]bool {
	set := make(map[ids.UserID]bool, len(users))
	for _, id := range users {
		set[id] = true
	}
	return set
}

// searching is a search under way.
type searching struct {
	s      *Service
	q      Search
	query  textmatch.Query
	lookup searchindex.Lookup
	size   int
	hidden map[ids.UserID]bool
	among  map[ids.UserID]bool // empty: everybody
	found  []FoundName
}

// exact finds the account with this username, and hides it from the search of nicknames. It stands on the first
// page and on no other.
func (r *searching) exact(ctx context.Context, query string) error {
	found, err := r.s.Accounts.ByUsername(ctx, FoldUsername(query))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil || r.hidden[found.Account.ID] || found.SuspendedAt(r.s.millis()) {
		return err
	}
	r.hidden[found.Account.ID] = true
	if r.q.Part != OnlyNames && r.q.Token == "" {
		r.found = append(r.found, FoundName{Account: found.Account})
	}
	return nil
}

// names asks the index until the page is full.
func (r *searching) names(ctx context.Context) (FoundPage, error) {
	if r.s.Index == nil {
		return FoundPage{}, ErrSearchUnavailable
	}
	r.among = idSet(r.q.Among)
	r.lookup.Groups = ids.Texts(r.q.Among)
	r.lookup.Grams, r.lookup.Limit = r.query.NameGrams(), min(searchindex.MaxHits, 2*r.size)
	asking, cancel := context.WithTimeout(ctx, searchPatience)
	defer cancel()
	more := true
	for range searchRounds {
		offered, err := r.s.Index.Find(asking, r.lookup)
		if err != nil {
			return FoundPage{}, ErrSearchUnavailable.Because(err)
		}
		more = len(offered) == r.lookup.Limit
		full, err := r.take(ctx, offered)
		if err != nil {
			return FoundPage{}, err
		}
		if more = more || full; full || !more {
			break
		}
	}
	if !more {
		return FoundPage{Found: r.found}, nil
	}
	if r.lookup.After == nil { // the exact one filled the page: before the first nickname
		r.lookup.After = &searchindex.Hit{At: namesAt().Add(time.Millisecond)}
	}
	next, err := r.s.pages.Seal(r.q.scope(), r.lookup.After) // the place may be of somebody who is not to be found
	return FoundPage{Found: r.found, Next: next}, err
}

// take adds what matches of an offer, and moves the place on; full tells that the page is, and that some of the
// offer may be left.
func (r *searching) take(ctx context.Context, offered []searchindex.Hit) (full bool, err error) {
	asked := make([]ids.UserID, 0, len(offered))
	for _, o := range offered {
		if id, err := ids.ParseUser("", o.ID); err == nil {
			asked = append(asked, id)
		}
	}
	read, err := r.s.Names.Findable(ctx, asked, r.s.millis())
	if err != nil {
		return false, err
	}
	stored := make(map[string]Account, len(read))
	for _, a := range read {
		stored[a.ID.String()] = a
	}
	for i, o := range offered {
		if len(r.found) >= r.size {
			return true, nil
		}
		r.lookup.After = &offered[i]
		a, ok := stored[o.ID]
		if !ok || r.hidden[a.ID] || len(r.among) > 0 && !r.among[a.ID] {
			continue
		}
		if spans, ok := r.query.MatchName(a.Nickname); ok {
			r.found = append(r.found, FoundName{Account: a, Spans: spans})
		}
	}
	return len(r.found) >= r.size && len(offered) == r.lookup.Limit, nil
}

// namesAt is the time of every name in the index: their order is that of ids, the highest first.
func namesAt() time.Time { return time.UnixMilli(0) }

// Document is the account as the index of names keeps it; one that is deleted is gone there.
func (n Named) Document() searchindex.Document {
	id := n.Account.ID.String()
	d := searchindex.Document{ID: id, Version: n.Rev, Group: id, At: namesAt(), Gone: n.Account.Deleted}
	if !d.Gone {
		d.Grams = textmatch.NameGrams(n.Account.Nickname)
	}
	return d
}

// Searches by phone that one reader may make; part of the product, not settings.
const (
	phoneSearchesPerHour = 20
	phoneSearchesPerDay  = 100
)

// searchPhone finds the account of a whole number, if its owner wishes to be found. A number without an
// account, one that is not to be found and one that is hidden give the same empty page.
func (s *Service) searchPhone(ctx context.Context, phone Phone, q Search) (FoundPage, error) {
	scope := scopeOf("searches by phone", q.Reader)
	err := s.use(ctx, []Quota{
		{scope, time.Hour, phoneSearchesPerHour}, {scope, longestQuota, phoneSearchesPerDay},
	}, func(_ int, wait time.Duration) error {
		return ErrRateLimited.With("limit", "searches_by_phone").After(wait)
	})
	if err != nil {
		return FoundPage{}, err
	}
	found, err := s.Records.ByPhone(ctx, phone)
	switch {
	case errors.Is(err, ErrNotFound):
		return FoundPage{}, nil
	case err != nil:
		return FoundPage{}, err
	case !found.Privacy.FindableByPhone, found.SuspendedAt(s.millis()), slices.Contains(q.Excluded, found.Account.ID):
		return FoundPage{}, nil
	default:
		return FoundPage{Found: []FoundName{{Account: found.Account}}}, nil
	}
}

func searchPageSize(asked int) int {
	if asked <= 0 {
		return defaultSearchPage
	}
	return min(asked, maxSearchPage)
}
