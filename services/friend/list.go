// SPDX-License-Identifier: Apache-2.0

package friend

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Sizes of pages.
const (
	defaultRequests = 50
	defaultFriends  = 100
	maxPage         = 100
)

// RequestPage is one page of pending requests, newest first.
type RequestPage struct {
	Requests []Outcome
	Next     string // empty on the last page
}

// Page is one page of friends, oldest friendship first.
type Page struct {
	Friends []Friend
	Next    string // empty on the last page
}

// Friend is a friendship with the profile of the other person.
type Friend struct {
	Friendship
	Profile Profile
	// Phone is the number, if the other person shows it to friends.
	Phone Phone
}

// placeToken is a Place inside a page token.
type placeToken struct {
	At int64
	ID []byte
}

// ListRequests lists pending requests of the caller.
func (s *Service) ListRequests(ctx context.Context, caller ids.UserID, side Side, size int, token string) (RequestPage, error) {
	scope := fmt.Sprintf("friend.requests\x00%s\x00%d", caller, side)
	before, err := s.place(scope, token)
	if err != nil {
		return RequestPage{}, err
	}
	size = pageSize(size, defaultRequests)
	list, err := s.ports.Lists.Requests(ctx, RequestQuery{
		User: caller, Side: side, MadeAfter: s.millis() - requestLife.Milliseconds(), Before: before, Limit: size + 1,
	})
	if err != nil {
		return RequestPage{}, err
	}
	var page RequestPage
	if len(list) > size {
		list = list[:size]
		last := list[size-1]
		if page.Next, err = s.pages.Encode(scope, placeToken{last.CreatedAt, last.ID.Bytes()}); err != nil {
			return RequestPage{}, err
		}
	}
	page.Requests, err = s.withPeople(ctx, list)
	return page, err
}

func (s *Service) withPeople(ctx context.Context, list []Request) ([]Outcome, error) {
	ask := make([]ids.UserID, 0, 2*len(list))
	for _, r := range list {
		ask = append(ask, r.Applicant, r.Respondent)
	}
	p, err := s.profiles(ctx, ask)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(list))
	for i, r := range list {
		outcomes[i] = Outcome{Request: r, Applicant: p.of(r.Applicant), Respondent: p.of(r.Respondent)}
	}
	return outcomes, nil
}

// ListFriends lists the friends of the caller. A friend whose account is gone has an id only.
func (s *Service) ListFriends(ctx context.Context, caller ids.UserID, size int, token string) (Page, error) {
	scope := "friend.friends\x00" + caller.String()
	after, err := s.place(scope, token)
	if err != nil {
		return Page{}, err
	}
	size = pageSize(size, defaultFriends)
	list, err := s.ports.Lists.Friends(ctx, ListQuery{User: caller, After: after, Limit: size + 1})
	if err != nil {
		return Page{}, err
	}
	var page Page
	if len(list) > size {
		list = list[:size]
		last := list[size-1]
		if page.Next, err = s.pages.Encode(scope, placeToken{last.Since, last.FriendID.Bytes()}); err != nil {
			return Page{}, err
		}
	}
	ask := make([]ids.UserID, len(list))
	for i, f := range list {
		ask[i] = f.FriendID
	}
	p, err := s.profiles(ctx, ask)
	if err != nil {
		return Page{}, err
	}
	phones := s.phones(ctx, ask)
	for _, f := range list {
		page.Friends = append(page.Friends, Friend{Friendship: f, Profile: p.of(f.FriendID), Phone: phones[f.FriendID]})
	}
	return page, nil
}

// phones asks once for a page of friends: who is one was decided by the list. A list without numbers is
// worth more than none.
func (s *Service) phones(ctx context.Context, friends []ids.UserID) map[ids.UserID]Phone {
	if len(friends) == 0 {
		return nil
	}
	phones, err := s.ports.Users.Phones(ctx, friends)
	if err != nil {
		s.logger.WarnContext(ctx, "friends are listed without phone numbers", "error", err)
	}
	return phones
}

// ListFriendIDs answers all friends of a user.
func (s *Service) ListFriendIDs(ctx context.Context, user ids.UserID) ([]ids.UserID, error) {
	return s.ports.Lists.FriendIDs(ctx, user)
}

// CheckFriends picks the friends of a user out of some people, each once and in their order. Nobody who
// is blocked, in either direction, is among them: a block ends the friendship in its own transaction.
func (s *Service) CheckFriends(ctx context.Context, user ids.UserID, candidates []ids.UserID) ([]ids.UserID, error) {
	candidates = unique(candidates)
	friends, err := s.ports.Lists.FriendsAmong(ctx, user, candidates)
	if err != nil {
		return nil, err
	}
	isFriend := set(friends)
	return slices.DeleteFunc(candidates, func(id ids.UserID) bool { return !isFriend[id] }), nil
}

// Relations is what some people are to a user; nobody is in both lists.
type Relations struct {
	Friends []ids.UserID
	Blocked []ids.UserID // in either direction
}

// CheckRelations tells who of some people is a friend of a user and whom a block keeps apart from them. A
// block that is made meanwhile counts.
func (s *Service) CheckRelations(ctx context.Context, user ids.UserID, candidates []ids.UserID) (Relations, error) {
	friends, err := s.CheckFriends(ctx, user, candidates)
	if err != nil {
		return Relations{}, err
	}
	blocked, err := s.ports.Blocks.BlockedAmong(ctx, user, unique(candidates))
	if err != nil {
		return Relations{}, err
	}
	isBlocked := set(blocked)
	return Relations{
		Friends: slices.DeleteFunc(friends, func(id ids.UserID) bool { return isBlocked[id] }), Blocked: unique(blocked),
	}, nil
}

// profiles asks for each person once; nobody is no call.
func (s *Service) profiles(ctx context.Context, ask []ids.UserID) (people, error) {
	if len(ask) == 0 {
		return nil, nil
	}
	return s.ports.Users.Profiles(ctx, unique(ask))
}

func set(people []ids.UserID) map[ids.UserID]bool {
	m := make(map[ids.UserID]bool, len(people))
	for _, id := range people {
		m[id] = true
	}
	return m
}

// unique keeps the first of each person.
func unique(people []ids.UserID) []ids.UserID {
	once := make([]ids.UserID, 0, len(people))
	seen := make(map[ids.UserID]bool, len(people))
	for _, id := range people {
		if !seen[id] {
			seen[id] = true
			once = append(once, id)
		}
	}
	return once
}

// place reads a page token; an empty one is the start.
func (s *Service) place(scope, token string) (Place, error) {
	if token == "" {
		return Place{}, nil
	}
	var t placeToken
	if err := s.pages.Decode(scope, token, &t); err != nil {
		return Place{}, err
	}
	p := Place{At: t.At}
	copy(p.ID[:], t.ID)
	return p, nil
}

func pageSize(asked, standard int) int {
	if asked <= 0 {
		return standard
	}
	return min(asked, maxPage)
}
