// SPDX-License-Identifier: Apache-2.0

package friend_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

func usernames(found []friend.Found) []string {
	names := []string{}
	for _, f := range found {
		names = append(names, f.Profile.Username)
	}
	return names
}

func TestF11_SearchMarksFriendsAndLeavesTheCallerOut(t *testing.T) {
	t.Parallel()
	c := newCouple()
	anna, anne := c.Users.Add("anna"), c.Users.Add("anne")
	c.Befriend(t, c.ann, anna)
	marked := []textmatch.Span{{Start: 0, End: 2}}
	for query, want := range map[string]friend.FoundPage{
		"an":     {Found: []friend.Found{{Profile: anna, Friend: true, Spans: marked}, {Profile: anne, Spans: marked}}},
		"anna":   {Found: []friend.Found{{Profile: anna, Friend: true}}},
		"nobody": {},
	} {
		got, err := c.SearchUsers(t.Context(), c.ann.ID, friend.UserSearch{Query: query})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", query, err, diff)
		}
	}
}

// The exact username is first, then friends, who is in a group with the caller, and others, each the newest first,
// whatever the size of the pages is.
func TestF11_FriendsComeFirstThenCompanionsThenOthers(t *testing.T) {
	t.Parallel()
	c := newCouple()
	exact := c.Users.Add("x")
	var want, others, companions, friends []string
	for i := range 450 {
		p := c.Users.Add(fmt.Sprintf("x%03d", i))
		switch {
		case i%50 == 7:
			c.Befriend(t, c.ann, p)
			friends = append(friends, p.Username)
		case i%20 == 3:
			c.Companions.Group(c.ann.ID, p.ID, ids.NewUser())
			companions = append(companions, p.Username)
		case i%100 == 50:
			c.block(t, c.ann, p)
		default:
			others = append(others, p.Username)
		}
	}
	for _, tier := range [][]string{friends, companions, others} {
		slices.Reverse(tier)
		want = append(want, tier...)
	}
	want = append([]string{exact.Username}, want...)
	for _, size := range []int{0, 1, 7, 50} {
		var got []string
		search := friend.UserSearch{Query: "x", PageSize: size}
		for pages := 0; ; pages++ {
			page, err := c.SearchUsers(t.Context(), c.ann.ID, search)
			if err != nil || len(page.Found) > 20 || size > 0 && len(page.Found) > size || pages > len(want)+10 {
				t.Fatalf("size %d: %d on page %d, %v", size, len(page.Found), pages, err)
			}
			got = append(got, usernames(page.Found)...)
			if search.Token = page.Next; page.Next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("size %d (-want +got):\n%s", size, diff)
		}
	}
}

func TestF11_ASearchTokenServesOneSearchOfOneReader(t *testing.T) {
	t.Parallel()
	c := newCouple()
	c.Users.Add("anna")
	c.Users.Add("anne")
	page, err := c.SearchUsers(t.Context(), c.ann.ID, friend.UserSearch{Query: "an", PageSize: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("first page: %+v, %v", page, err)
	}
	for name, ask := range map[string]struct {
		who    friend.Profile
		search friend.UserSearch
	}{
		"another reader": {c.bob, friend.UserSearch{Query: "an", Token: page.Next}},
		"another query":  {c.ann, friend.UserSearch{Query: "ann", Token: page.Next}},
		"a changed one":  {c.ann, friend.UserSearch{Query: "an", Token: page.Next + "A"}},
	} {
		if _, err := c.SearchUsers(t.Context(), ask.who.ID, ask.search); !errors.Is(err, fault.ErrPageToken) {
			t.Errorf("%s: %v, want PAGE_TOKEN_INVALID", name, err)
		}
	}
}

// Without the index of names the exact username is found; without the message service people are found in another
// order.
func TestF55_SearchesOfPeopleDegrade(t *testing.T) {
	t.Parallel()
	c := newCouple()
	anna := c.Users.Add("anna")
	anne := c.Users.Add("anne")
	c.Companions.Group(c.ann.ID, anna.ID)
	search := func(query string) (friend.FoundPage, error) {
		return c.SearchUsers(t.Context(), c.ann.ID, friend.UserSearch{Query: query})
	}
	c.Companions.Fail(fault.ErrUnavailable)
	if page, err := search("an"); err != nil || !slices.Equal(usernames(page.Found), []string{"anne", "anna"}) && !slices.Equal(usernames(page.Found), []string{"anna", "anne"}) {
		t.Errorf("without the message service: %v, %v", page, err)
	}
	c.Users.FailNames(friend.ErrSearchUnavailable)
	if page, err := search("anne"); err != nil || !page.NamesUnavailable || page.Next != "" || !slices.Equal(usernames(page.Found), []string{anne.Username}) {
		t.Errorf("the exact username: %+v, %v", page, err)
	}
	if _, err := search("an"); !errors.Is(err, friend.ErrSearchUnavailable) {
		t.Errorf("a nickname: %v, want SEARCH_UNAVAILABLE", err)
	}
	c.Users.Fail(fault.ErrUnavailable)
	if _, err := search("anne"); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("without the user service: %v, want UNAVAILABLE", err)
	}
}
