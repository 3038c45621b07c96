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
	"github.com/parley-chat/parley/services/friend/friendtest"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

func (c *couple) block(t *testing.T, who, whom friend.Profile) {
	t.Helper()
	if err := c.BlockUser(t.Context(), who.ID, whom.ID); err != nil {
		t.Fatalf("%s blocks %s: %v", who.Username, whom.Username, err)
	}
}

func (c *couple) unblock(t *testing.T, who, whom friend.Profile) {
	t.Helper()
	if err := c.UnblockUser(t.Context(), who.ID, whom.ID); err != nil {
		t.Fatalf("%s unblocks %s: %v", who.Username, whom.Username, err)
	}
}

// requests are the ids of what a person sees waiting.
func (c *couple) requests(t *testing.T, who friend.Profile) []ids.FriendRequestID {
	t.Helper()
	page, err := c.ListRequests(t.Context(), who.ID, friend.BothSides, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	list := []ids.FriendRequestID{}
	for _, o := range page.Requests {
		list = append(list, o.Request.ID)
	}
	return list
}

// heard are the kinds of events that a person gets.
func (c *couple) heard(who friend.Profile) []friend.EventKind {
	list := []friend.EventKind{}
	for _, e := range c.Published.Events() {
		if slices.Contains(e.Recipients(), who.ID) {
			list = append(list, e.Kind)
		}
	}
	return list
}

func TestF10_ABlockLooksLikeARemovalToTheOtherSide(t *testing.T) {
	t.Parallel()
	removed, blocked := newCouple(), newCouple()
	for _, c := range []*couple{removed, blocked} {
		c.Befriend(t, c.ann, c.bob)
	}
	if err := removed.RemoveFriend(t.Context(), removed.ann.ID, removed.bob.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 { // repeating it is harmless
		blocked.block(t, blocked.ann, blocked.bob)
	}
	if blocked.areFriends(t) || blocked.Conversations.Of(blocked.ann.ID, blocked.bob.ID).Open {
		t.Error("they are still friends, or can still talk")
	}
	if diff := cmp.Diff(removed.heard(removed.bob), blocked.heard(blocked.bob)); diff != "" {
		t.Errorf("what the other side hears (-removal +block):\n%s", diff)
	}
	want := []friend.EventKind{friend.Requested, friend.Responded, friend.Removed, friend.Updated}
	if diff := cmp.Diff(want, blocked.heard(blocked.ann)); diff != "" {
		t.Errorf("what the own devices hear (-want +got):\n%s", diff)
	}
	if e := blocked.Published.Events()[3]; e.Owner != blocked.ann.ID || e.Friend != blocked.bob.ID || !e.Blocked {
		t.Errorf("event %+v, want that ann blocks bob", e)
	}
	blocked.kinds(t)
}

func TestF10_ARequestToWhoBlocksIsAnsweredAsUsualAndNeverShown(t *testing.T) {
	t.Parallel()
	usual, blocked := newCouple(), newCouple()
	blocked.block(t, blocked.ann, blocked.bob)
	for _, c := range []*couple{usual, blocked} {
		first := c.Ask(t, c.bob, c.ann)
		if first.Request.State != friend.Pending || first.Respondent != c.ann || !first.ConversationID.IsZero() {
			t.Errorf("outcome %+v, want a request that waits", first)
		}
		if _, err := c.SendRequest(t.Context(), friendtest.Wish(c.bob, c.ann)); !errors.Is(err, friend.ErrRequestPending) {
			t.Errorf("a second one: %v, want REQUEST_PENDING", err)
		}
		if got := c.requests(t, c.bob); len(got) != 1 || got[0] != first.Request.ID {
			t.Errorf("the applicant sees %v, want the request", got)
		}
		if diff := cmp.Diff([]friend.EventKind{friend.Requested}, c.heard(c.bob)); diff != "" {
			t.Errorf("the applicant hears (-want +got):\n%s", diff)
		}
	}
	c := blocked
	id := c.requests(t, c.bob)[0]
	if got := c.requests(t, c.ann); len(got) != 0 {
		t.Errorf("who blocks sees %v, want nothing", got)
	}
	c.unblock(t, c.ann, c.bob)
	for _, accept := range []bool{true, false} {
		if _, err := c.respond(t, c.ann, id, accept); !errors.Is(err, friend.ErrRequestNotFound) {
			t.Errorf("answering %v: %v, want REQUEST_NOT_FOUND", accept, err)
		}
	}
	if got := c.requests(t, c.ann); len(got) != 0 {
		t.Errorf("after the block it shows %v, want nothing", got)
	}
	if err := c.CancelRequest(t.Context(), c.bob.ID, id); err != nil {
		t.Errorf("withdrawing it: %v", err)
	}
	if diff := cmp.Diff([]friend.EventKind{friend.Updated, friend.Updated}, c.heard(c.ann)); diff != "" {
		t.Errorf("who blocks hears (-want +got):\n%s", diff)
	}
	if again := c.Ask(t, c.bob, c.ann); !slices.Contains(c.requests(t, c.ann), again.Request.ID) {
		t.Error("a request after the block is not shown")
	}
}

func TestF10_ABlockTakesRequestsAway(t *testing.T) {
	t.Parallel()
	c := newCouple()
	theirs := c.Ask(t, c.bob, c.ann)
	c.block(t, c.ann, c.bob)
	if got := c.requests(t, c.ann); len(got) != 0 {
		t.Errorf("who blocks sees %v, want nothing", got)
	}
	if got := c.requests(t, c.bob); len(got) != 1 || got[0] != theirs.Request.ID {
		t.Errorf("the applicant sees %v, want the request", got)
	}
	if _, err := c.respond(t, c.ann, theirs.Request.ID, true); !errors.Is(err, friend.ErrRequestNotFound) || c.areFriends(t) {
		t.Errorf("accepting it: %v, want REQUEST_NOT_FOUND", err)
	}

	other := newCouple()
	mine := other.Ask(t, other.ann, other.bob)
	other.block(t, other.ann, other.bob)
	if _, err := other.respond(t, other.bob, mine.Request.ID, true); !errors.Is(err, friend.ErrRequestNotFound) || other.areFriends(t) {
		t.Errorf("accepting the request of who blocks: %v, want REQUEST_NOT_FOUND", err)
	}
	if diff := cmp.Diff([]friend.EventKind{friend.Requested, friend.Withdrawn}, other.heard(other.bob)); diff != "" {
		t.Errorf("the other side hears (-want +got):\n%s", diff)
	}
}

func TestF10_WhoBlocksHasToUnblockBeforeAsking(t *testing.T) {
	t.Parallel()
	c := newCouple()
	opened := c.Befriend(t, c.ann, c.bob)
	c.block(t, c.ann, c.bob)
	if _, err := c.SendRequest(t.Context(), friendtest.Wish(c.ann, c.bob)); !errors.Is(err, friend.ErrBlocked) {
		t.Errorf("a request: %v, want USER_BLOCKED", err)
	}
	hidden := c.Ask(t, c.bob, c.ann)
	for range 2 { // repeating it is harmless
		c.unblock(t, c.ann, c.bob)
	}
	if c.areFriends(t) || c.Conversations.Of(c.ann.ID, c.bob.ID).Open {
		t.Error("unblocking brought the friendship back")
	}
	// Both have asked now, although one of them never saw it.
	again := c.Ask(t, c.ann, c.bob)
	if again.Request.State != friend.Accepted || again.ConversationID != opened.ConversationID || !c.areFriends(t) {
		t.Errorf("outcome %+v, want friends in the same conversation", again)
	}
	for _, e := range c.Published.Events() {
		if e.Request.ID == hidden.Request.ID && slices.Contains(e.Recipients(), c.ann.ID) {
			t.Errorf("event %+v tells of the hidden request", e)
		}
	}
	if last := c.heard(c.ann); last[len(last)-1] != friend.Responded {
		t.Errorf("events %v, want the acceptance last", last)
	}
}

func TestF10_BlockUserRefuses(t *testing.T) {
	t.Parallel()
	c := newCouple()
	if err := c.BlockUser(t.Context(), c.ann.ID, c.ann.ID); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("oneself: %v, want invalid", err)
	}
	if err := c.BlockUser(t.Context(), c.ann.ID, ids.NewUser()); !errors.Is(err, friend.ErrUserNotFound) {
		t.Errorf("nobody: %v, want NOT_FOUND", err)
	}
	for _, id := range []ids.UserID{c.ann.ID, c.bob.ID, ids.NewUser()} {
		if err := c.UnblockUser(t.Context(), c.ann.ID, id); err != nil {
			t.Errorf("unblocking who is not blocked: %v", err)
		}
	}
	if len(c.kinds(t)) != 0 {
		t.Error("one of these made an event")
	}
}

func TestF10_ABlockIsUnavailableUntilTheConversationIsClosed(t *testing.T) {
	t.Parallel()
	c := newCouple()
	c.Befriend(t, c.ann, c.bob)
	c.Conversations.Fail(errors.New("anything"))
	for range 2 {
		if err := c.BlockUser(t.Context(), c.ann.ID, c.bob.ID); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("block: %v, want UNAVAILABLE", err)
		}
	}
	if c.areFriends(t) || len(c.kinds(t)) != 4 {
		t.Error("the block is not stored once")
	}
	c.Conversations.Fail(nil)
	c.Clock.Advance(5 * time.Second)
	if err := c.Sweep(t.Context()); err != nil || c.Conversations.Of(c.ann.ID, c.bob.ID).Open {
		t.Errorf("the sweep left the conversation open (%v)", err)
	}
	c.block(t, c.ann, c.bob)
}

func TestF10_AtMostFiveThousandBlocks(t *testing.T) {
	t.Parallel()
	c := newCouple()
	for i := range 5000 {
		c.block(t, c.ann, c.Users.Add(fmt.Sprintf("user%d", i)))
	}
	err := c.BlockUser(t.Context(), c.ann.ID, c.bob.ID)
	if f, ok := fault.Of(err); !ok || !errors.Is(err, friend.ErrQuotaExceeded) || f.Metadata()["limit"] != "blocks" {
		t.Errorf("one more: %v, want QUOTA_EXCEEDED with the limit", err)
	}
}

func TestF10_ListBlockedShowsWhomTheCallerBlocks(t *testing.T) {
	t.Parallel()
	c := newCouple()
	var want []friend.Blocked
	for i := range 5 {
		p := c.Users.Add(fmt.Sprintf("user%d", i))
		c.Clock.Advance(time.Second)
		c.block(t, c.ann, p)
		want = append(want, friend.Blocked{
			Block: friend.Block{Owner: c.ann.ID, Blocked: p.ID, Since: c.Clock.Now().UnixMilli()}, Profile: p,
		})
	}
	c.block(t, c.bob, c.ann)
	c.Users.Delete(want[2].Profile.ID)
	want[2].Profile = friend.Profile{ID: want[2].Profile.ID}
	for _, size := range []int{1, 2, 5, 0} {
		var got []friend.Blocked
		token := ""
		for {
			page, err := c.ListBlocked(t.Context(), c.ann.ID, size, token)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.Blocked...)
			if token = page.Next; token == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", size, diff)
		}
	}
	page, err := c.ListBlocked(t.Context(), c.ann.ID, 1, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListBlocked(t.Context(), c.bob.ID, 1, page.Next); !errors.Is(err, fault.ErrPageToken) {
		t.Errorf("the token of somebody else: %v, want PAGE_TOKEN_INVALID", err)
	}
}

func TestF11_SearchLeavesBlockedPairsOut(t *testing.T) {
	t.Parallel()
	c := newCouple()
	anna, anne := c.Users.Add("anna"), c.Users.Add("anne")
	c.block(t, c.ann, anna)
	c.block(t, anne, c.ann)
	search := func(who friend.Profile) []string {
		page, err := c.SearchUsers(t.Context(), who.ID, friend.UserSearch{Query: "an"})
		if err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for _, f := range page.Found {
			names = append(names, f.Profile.Username)
		}
		return names
	}
	for who, want := range map[friend.Profile][]string{
		c.ann: {}, anna: {"anne"}, anne: {"anna"}, c.bob: {"anne", "anna", "ann"},
	} {
		if diff := cmp.Diff(want, search(who)); diff != "" {
			t.Errorf("%s finds (-want +got):\n%s", who.Username, diff)
		}
	}
	c.unblock(t, c.ann, anna)
	if diff := cmp.Diff([]string{"anna"}, search(c.ann)); diff != "" {
		t.Errorf("after unblocking (-want +got):\n%s", diff)
	}
}

// A page of people whom a block hides must not look like the end.
func TestF11_SearchReadsOverPagesOfBlockedPeople(t *testing.T) {
	t.Parallel()
	c := newCouple()
	c.Users.PageSize(1)
	for i := range 4 {
		c.block(t, c.ann, c.Users.Add(fmt.Sprintf("x%d", i)))
	}
	last := c.Users.Add("x9")
	page, err := c.SearchUsers(t.Context(), c.ann.ID, friend.UserSearch{Query: "x"})
	if err != nil || len(page.Found) != 1 || page.Found[0].Profile != last {
		t.Errorf("found %+v, %v; want the one behind four that are blocked", page, err)
	}
}
