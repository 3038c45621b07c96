// SPDX-License-Identifier: Apache-2.0

package friend

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// Sizes of a search. Chosen, no evidence, but for the page.
const (
	maxFound = 20 // on a page; part of the product
	// searchWindow is how many strangers are put in order at once, and the most that may be asked for companions.
	searchWindow = 200
	// searchWindows are looked through for companions. Who stands behind them counts as anybody else.
	searchWindows = 5
	// searchCalls bounds how often the user service is asked for nicknames for one page.
	searchCalls = 5
)

// FoundPage is one page of people.
type FoundPage struct {
	Found []Found
	Next  string // empty on the last page
	// NamesUnavailable tells that nicknames could not be searched, and that there may be more.
	NamesUnavailable bool
}

// Found is a person, what matched in their nickname, and whether they are a friend.
type Found struct {
	Profile Profile
	Spans   []textmatch.Span
	Friend  bool
}

// tier is a group of people who are found, in their order.
type tier int

const (
	friends tier = iota
	companions
	others
	nobody // there is no more
)

// searchPlace is how far a search is, inside a page token.
type searchPlace struct {
	Tier   tier
	Window int    // how many of the tier lie behind
	Token  string // of the window, the user service's
	Last   string // who was shown last of the window; empty: nobody yet
}

// next is the start of the next tier.
func (p searchPlace) next() searchPlace { return searchPlace{Tier: p.Tier + 1} }

// searching is a search under way.
type searching struct {
	s      *Service
	caller ids.UserID
	search UserSearch
	place  searchPlace
	size   int
	calls  int
	// windows that were read for this page, by their tokens.
	windows map[string]window
	page    FoundPage
}

// window is a part of the strangers who match, in the order of the user service.
type window struct {
	hits       []UserHit // without friends and whom a block keeps apart
	companions map[ids.UserID]bool
	next       string
}

// SearchUsers finds people: the one of exactly this username or phone number, then by nickname friends, who is in a
// group with the caller, and others. The caller is left out, and so is everybody whom a block keeps apart from
// them. While nicknames cannot be searched, the exact one is found, else it is ErrSearchUnavailable.
func (s *Service) SearchUsers(ctx context.Context, caller ids.UserID, search UserSearch) (FoundPage, error) {
	search.Excluded = []ids.UserID{caller}
	r := searching{s: s, caller: caller, search: search, size: maxFound, windows: map[string]window{}}
	if search.PageSize > 0 {
		r.size = min(search.PageSize, maxFound)
	}
	scope := "friend.search\x00" + caller.String() + "\x00" + search.Query
	if search.Token != "" {
		if err := s.pages.Decode(scope, search.Token, &r.place); err != nil {
			return FoundPage{}, err
		}
	} else if err := r.exact(ctx); err != nil {
		return FoundPage{}, err
	}
	err := r.names(ctx)
	switch {
	case errors.Is(err, ErrSearchUnavailable) && len(r.page.Found) > 0:
		r.page.NamesUnavailable = true
		return r.page, nil
	case err != nil:
		return FoundPage{}, err
	case r.place.Tier != nobody:
		r.page.Next, err = s.pages.Encode(scope, r.place)
	}
	return r.page, err
}

// exact finds who has exactly this username or phone number; it stands on the first page.
func (r *searching) exact(ctx context.Context) error {
	search := r.search
	search.Part, search.PageSize = OnlyExact, 1
	found, err := r.s.ports.Users.Search(ctx, search)
	if err != nil || len(found.Hits) == 0 {
		return err
	}
	known, err := r.s.CheckRelations(ctx, r.caller, []ids.UserID{found.Hits[0].Profile.ID})
	if err == nil && len(known.Blocked) == 0 {
		r.page.Found = append(r.page.Found, Found{Profile: found.Hits[0].Profile, Friend: len(known.Friends) > 0})
	}
	return err
}

// names fills the page, tier by tier.
func (r *searching) names(ctx context.Context) error {
	r.search.Part = OnlyNames
	for len(r.page.Found) < r.size && r.place.Tier != nobody {
		if r.place.Tier == friends {
			if err := r.friends(ctx); err != nil {
				return err
			}
			continue
		}
		w, known := r.windows[r.place.Token]
		if !known {
			if r.calls == searchCalls {
				return nil // the page is short, and the next one goes on
			}
			var err error
			if w, err = r.window(ctx); err != nil {
				return err
			}
			r.windows[r.place.Token] = w
		}
		r.take(w)
	}
	return nil
}

// friends searches among the friends of the caller.
func (r *searching) friends(ctx context.Context) error {
	list, err := r.s.ports.Lists.FriendIDs(ctx, r.caller)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		r.place = r.place.next()
		return nil
	}
	search := r.search
	search.Among, search.PageSize, search.Token = list, r.size-len(r.page.Found), r.place.Token
	found, err := r.s.ports.Users.Search(ctx, search)
	if err != nil {
		return err
	}
	for _, hit := range found.Hits {
		r.page.Found = append(r.page.Found, Found{Profile: hit.Profile, Spans: hit.Spans, Friend: true})
	}
	r.place.Token = found.Next
	if found.Next == "" {
		r.place = r.place.next()
	}
	return nil
}

// window reads the strangers of the place, and who of them is in a group with the caller. Without the message
// service all are others: people who are found are worth more than their order.
func (r *searching) window(ctx context.Context) (window, error) {
	r.calls++
	search := r.search
	search.PageSize, search.Token = searchWindow, r.place.Token
	found, err := r.s.ports.Users.Search(ctx, search)
	if err != nil || len(found.Hits) == 0 {
		return window{next: found.Next}, err
	}
	ask := make([]ids.UserID, len(found.Hits))
	for i, hit := range found.Hits {
		ask[i] = hit.Profile.ID
	}
	known, err := r.s.CheckRelations(ctx, r.caller, ask)
	if err != nil {
		return window{}, err
	}
	w := window{next: found.Next}
	left := set(append(known.Friends, known.Blocked...))
	for _, hit := range found.Hits {
		if !left[hit.Profile.ID] {
			w.hits = append(w.hits, hit)
		}
	}
	together, err := r.s.ports.Companions.Companions(ctx, r.caller, ask)
	if err != nil {
		r.s.logger.WarnContext(ctx, "people are found without who is in a group with them first", "error", err)
	}
	w.companions = set(together)
	return w, nil
}

// take adds those of a window who belong to the tier, from the place on, until the page is full. The user service
// answers the highest id first.
func (r *searching) take(w window) {
	near := r.place.Window < searchWindows // else companions count as others
	for _, hit := range w.hits {
		id := hit.Profile.ID.String()
		companion := near && w.companions[hit.Profile.ID]
		if companion != (r.place.Tier == companions) || r.place.Last != "" && id >= r.place.Last {
			continue
		}
		if len(r.page.Found) == r.size {
			return
		}
		r.page.Found = append(r.page.Found, Found{Profile: hit.Profile, Spans: hit.Spans})
		r.place.Last = id
	}
	r.place.Last, r.place.Token = "", w.next
	r.place.Window++
	if w.next == "" || r.place.Tier == companions && r.place.Window == searchWindows {
		r.place = r.place.next()
	}
}
