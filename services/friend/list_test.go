// SPDX-License-Identifier: Apache-2.0

package friend_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestF8_ListRequestsShowsBothSides(t *testing.T) {
	t.Parallel()
	c := newCouple()
	var in, out, both []string
	for i := range 6 {
		other := c.Users.Add(fmt.Sprintf("user%d", i))
		c.Clock.Advance(time.Second)
		if i%2 == 0 {
			c.Ask(t, other, c.ann)
			in = append(in, other.Username)
		} else {
			c.Ask(t, c.ann, other)
			out = append(out, other.Username)
		}
		both = append(both, other.Username)
	}
	c.Ask(t, c.bob, c.Users.Add("stranger"))
	for _, row := range []struct {
		side friend.Side
		want []string
	}{{friend.BothSides, both}, {friend.Incoming, in}, {friend.Outgoing, out}} {
		slices.Reverse(row.want)
		for _, size := range []int{1, 2, 3, 6, 0} {
			var got []string
			token := ""
			for {
				calls := c.Users.Calls()
				page, err := c.ListRequests(t.Context(), c.ann.ID, row.side, size, token)
				if err != nil || c.Users.Calls() != calls+1 {
					t.Fatalf("page: %v after %d calls of the user service, want one", err, c.Users.Calls()-calls)
				}
				for _, o := range page.Requests {
					other := o.Applicant
					if o.Request.Applicant == c.ann.ID {
						other = o.Respondent
					}
					got = append(got, other.Username)
				}
				if token = page.Next; token == "" {
					break
				}
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("side %d in pages of %d: %v, want %v", row.side, size, got, row.want)
			}
		}
	}
}

func TestF9_AMissingAccountNeverFailsAList(t *testing.T) {
	t.Parallel()
	c := newCouple()
	carl, dora := c.Users.Add("carl"), c.Users.Add("dora")
	c.Befriend(t, c.ann, c.bob)
	c.Clock.Advance(time.Second)
	c.Befriend(t, c.ann, carl)
	c.Ask(t, dora, c.ann)
	c.Users.Delete(c.bob.ID)
	c.Users.Delete(dora.ID)
	friends, err := c.ListFriends(t.Context(), c.ann.ID, 0, "")
	if err != nil || len(friends.Friends) != 2 || friends.Friends[0].Profile != (friend.Profile{ID: c.bob.ID}) || friends.Friends[1].Profile != carl {
		t.Errorf("friends %+v, %v; want who is gone by id alone", friends.Friends, err)
	}
	requests, err := c.ListRequests(t.Context(), c.ann.ID, friend.Incoming, 0, "")
	if err != nil || len(requests.Requests) != 1 || requests.Requests[0].Applicant != (friend.Profile{ID: dora.ID}) {
		t.Errorf("requests %+v, %v; want who is gone by id alone", requests.Requests, err)
	}
	c.Users.Fail(fault.ErrUnavailable)
	if _, err := c.ListFriends(t.Context(), c.ann.ID, 0, ""); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("friends without the user service: %v, want UNAVAILABLE", err)
	}
}

func TestF6_FriendsSeeANumberThatIsShownToThem(t *testing.T) {
	t.Parallel()
	c := newCouple()
	shows, hides, stranger := c.Users.Add("shows"), c.Users.Add("hides"), c.Users.Add("stranger")
	c.Befriend(t, c.ann, shows)
	c.Befriend(t, c.ann, hides)
	c.Users.ShowPhone(shows.ID, "+8613800000001")
	c.Users.ShowPhone(stranger.ID, "+8613800000003")
	numbers := func() (list []string) {
		calls := c.Users.Calls()
		page, err := c.ListFriends(t.Context(), c.ann.ID, 0, "")
		if err != nil || c.Users.Calls() != calls+2 {
			t.Fatalf("%v after %d calls of the user service, want two for a page", err, c.Users.Calls()-calls)
		}
		for _, f := range page.Friends {
			list = append(list, f.Phone.Reveal())
		}
		return list
	}
	if diff := cmp.Diff([]string{"+8613800000001", ""}, numbers()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.Users.FailPhones(fault.ErrUnavailable)
	if diff := cmp.Diff([]string{"", ""}, numbers()); diff != "" {
		t.Errorf("without an answer (-want +got):\n%s", diff)
	}
}

func TestF9_ListFriendsIsOldestFirstInPages(t *testing.T) {
	t.Parallel()
	c := newCouple()
	var want []string
	for i := range 5 {
		other := c.Users.Add(fmt.Sprintf("user%d", i))
		c.Befriend(t, other, c.ann)
		c.Clock.Advance(time.Second)
		want = append(want, other.Username)
	}
	for _, size := range []int{1, 2, 5, 0} {
		var got []string
		token := ""
		for {
			page, err := c.ListFriends(t.Context(), c.ann.ID, size, token)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range page.Friends {
				got = append(got, f.Profile.Username)
				if f.ConversationID != c.Conversations.Of(c.ann.ID, f.FriendID).ID || f.Since == 0 {
					t.Errorf("friend %+v, want the conversation and a time", f)
				}
			}
			if token = page.Next; token == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %v, want %v", size, got, want)
		}
	}
	if page, err := c.ListFriends(t.Context(), c.bob.ID, 0, ""); err != nil || len(page.Friends) != 0 {
		t.Errorf("friends of a loner: %+v, %v", page, err)
	}
}

func TestF9_APageTokenServesOneListOfOneReader(t *testing.T) {
	t.Parallel()
	c := newCouple()
	for i := range 2 {
		c.Befriend(t, c.ann, c.Users.Add(fmt.Sprintf("friend%d", i)))
		c.Ask(t, c.ann, c.Users.Add(fmt.Sprintf("other%d", i)))
	}
	friends, err := c.ListFriends(t.Context(), c.ann.ID, 1, "")
	requests, requestsErr := c.ListRequests(t.Context(), c.ann.ID, friend.Outgoing, 1, "")
	if err != nil || requestsErr != nil || friends.Next == "" || requests.Next == "" {
		t.Fatalf("first pages: %v, %v", err, requestsErr)
	}
	list := func(user ids.UserID, token string) error {
		_, err := c.ListFriends(t.Context(), user, 1, token)
		return err
	}
	ask := func(user ids.UserID, side friend.Side, token string) error {
		_, err := c.ListRequests(t.Context(), user, side, 1, token)
		return err
	}
	for name, err := range map[string]error{
		"friends of somebody else":   list(c.bob.ID, friends.Next),
		"requests as friends":        list(c.ann.ID, requests.Next),
		"friends as requests":        ask(c.ann.ID, friend.Outgoing, friends.Next),
		"requests of somebody else":  ask(c.bob.ID, friend.Outgoing, requests.Next),
		"requests of the other side": ask(c.ann.ID, friend.Incoming, requests.Next),
		"garbage":                    list(c.ann.ID, "garbage"),
	} {
		if !errors.Is(err, fault.ErrPageToken) {
			t.Errorf("%s: %v, want PAGE_TOKEN_INVALID", name, err)
		}
	}
}

func TestF13_CheckFriendsPicksFriendsEachOnceInOrder(t *testing.T) {
	t.Parallel()
	c := newCouple()
	carl, dora := c.Users.Add("carl"), c.Users.Add("dora")
	c.Befriend(t, c.ann, c.bob)
	c.Befriend(t, carl, c.ann)
	c.Ask(t, c.ann, dora)
	former := c.Users.Add("former")
	c.Befriend(t, c.ann, former)
	if err := c.RemoveFriend(t.Context(), c.ann.ID, former.ID); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ ask, want []ids.UserID }{
		"nobody":      {nil, []ids.UserID{}},
		"one":         {[]ids.UserID{c.bob.ID}, []ids.UserID{c.bob.ID}},
		"duplicates":  {[]ids.UserID{carl.ID, c.bob.ID, carl.ID}, []ids.UserID{carl.ID, c.bob.ID}},
		"no friends":  {[]ids.UserID{c.ann.ID, dora.ID, former.ID, ids.NewUser()}, []ids.UserID{}},
		"some of all": {[]ids.UserID{dora.ID, c.bob.ID, ids.NewUser()}, []ids.UserID{c.bob.ID}},
	} {
		got, err := c.CheckFriends(t.Context(), c.ann.ID, row.ask)
		if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	c.Store.Fail(fault.ErrUnavailable)
	if _, err := c.CheckFriends(t.Context(), c.ann.ID, []ids.UserID{c.bob.ID}); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("without the store: %v, want UNAVAILABLE", err)
	}
}

func TestF32_CheckRelationsTellsFriendsAndWhomABlockKeepsApart(t *testing.T) {
	t.Parallel()
	c := newCouple()
	mine, theirs, stranger := c.Users.Add("mine"), c.Users.Add("theirs"), c.Users.Add("stranger")
	c.Befriend(t, c.ann, c.bob)
	c.Befriend(t, c.ann, theirs)
	if err := c.BlockUser(t.Context(), c.ann.ID, mine.ID); err != nil {
		t.Fatal(err)
	}
	if err := c.BlockUser(t.Context(), theirs.ID, c.ann.ID); err != nil {
		t.Fatal(err)
	}
	ask := []ids.UserID{stranger.ID, mine.ID, c.bob.ID, theirs.ID, c.bob.ID, c.ann.ID}
	got, err := c.CheckRelations(t.Context(), c.ann.ID, ask)
	slices.SortFunc(got.Blocked, ids.UserID.Compare)
	want := friend.Relations{Friends: []ids.UserID{c.bob.ID}, Blocked: []ids.UserID{mine.ID, theirs.ID}}
	slices.SortFunc(want.Blocked, ids.UserID.Compare)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("relations: %v (-want +got):\n%s", err, diff)
	}
	c.Store.Fail(fault.ErrUnavailable)
	if _, err := c.CheckRelations(t.Context(), c.ann.ID, ask); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("without the store: %v, want UNAVAILABLE", err)
	}
}
