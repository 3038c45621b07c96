// SPDX-License-Identifier: Apache-2.0

package friend_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/friend/friendtest"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

const day = 24 * time.Hour

// couple is a fixture with two people.
type couple struct {
	*friendtest.Fixture
	ann, bob friend.Profile
}

func newCouple() *couple {
	f := friendtest.NewFixture()
	return &couple{f, f.Users.Add("ann"), f.Users.Add("bob")}
}

func (c *couple) respond(t *testing.T, who friend.Profile, id ids.FriendRequestID, accept bool) (friend.Outcome, error) {
	t.Helper()
	return c.RespondToRequest(t.Context(), who.ID, id, accept)
}

// kinds are the events in order; it also checks that outbox and relay saw the same.
func (c *couple) kinds(t *testing.T) []friend.EventKind {
	t.Helper()
	if diff := cmp.Diff(c.Store.Events(), c.Published.Events()); diff != "" {
		t.Errorf("the outbox and the relay differ:\n%s", diff)
	}
	kinds := []friend.EventKind{}
	for _, e := range c.Published.Events() {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func (c *couple) areFriends(t *testing.T) bool {
	t.Helper()
	var sides [2]bool
	for i, pair := range [][2]friend.Profile{{c.ann, c.bob}, {c.bob, c.ann}} {
		list, err := c.ListFriendIDs(t.Context(), pair[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		sides[i] = len(list) == 1 && list[0] == pair[1].ID
	}
	if sides[0] != sides[1] {
		t.Error("one of them is a friend of the other, and not the other way round")
	}
	return sides[0]
}

func TestF8_ARequestWaits(t *testing.T) {
	t.Parallel()
	c := newCouple()
	wish := friend.Wish{Applicant: c.ann.ID, Respondent: c.bob.ID, Text: " hello\nBob ", Key: ids.NewIdempotencyKey()}
	got, err := c.SendRequest(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	want := friend.Outcome{
		Request: friend.Request{
			ID: got.Request.ID, Applicant: c.ann.ID, Respondent: c.bob.ID, Text: "hello\nBob", State: friend.Pending,
			CreatedAt: c.Clock.Now().UnixMilli(), Key: wish.Key,
		},
		Applicant: c.ann, Respondent: c.bob,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	if c.areFriends(t) {
		t.Error("they are friends already")
	}
	e := c.Published.Events()[0]
	if e.Kind != friend.Requested || e.Request != want.Request || e.Applicant != c.ann || e.Respondent != c.bob ||
		!cmp.Equal(e.Recipients(), []ids.UserID{c.ann.ID, c.bob.ID}) {
		t.Errorf("event %+v, want the request with both profiles, for both", e)
	}
}

func TestF8_SendRequestRefuses(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		before func(*testing.T, *couple)
		change func(*couple, *friend.Wish)
		want   error
	}{
		{"oneself", nil, func(_ *couple, w *friend.Wish) { w.Respondent = w.Applicant }, fault.ErrInvalid},
		{"somebody unknown", nil, func(_ *couple, w *friend.Wish) { w.Respondent = ids.NewUser() }, friend.ErrUserNotFound},
		{"a long text", nil, func(_ *couple, w *friend.Wish) { w.Text = strings.Repeat("界", 101) }, fault.ErrInvalid},
		{"a bell in the text", nil, func(_ *couple, w *friend.Wish) { w.Text = "a\ab" }, fault.ErrInvalid},
		{"a bidi override in the text", nil, func(_ *couple, w *friend.Wish) { w.Text = "a\u202eb" }, fault.ErrInvalid},
		{"who is a friend", func(t *testing.T, c *couple) { c.Befriend(t, c.bob, c.ann) }, nil, friend.ErrAlreadyFriends},
		{"who is asked already", func(t *testing.T, c *couple) { c.Ask(t, c.ann, c.bob) }, nil, friend.ErrRequestPending},
		{"without the user service", func(_ *testing.T, c *couple) { c.Users.Fail(fault.ErrUnavailable) }, nil, fault.ErrUnavailable},
		{"without the store", func(_ *testing.T, c *couple) { c.Store.Fail(fault.ErrUnavailable) }, nil, fault.ErrUnavailable},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := newCouple()
			if row.before != nil {
				row.before(t, c)
			}
			events := len(c.Published.Events())
			wish := friendtest.Wish(c.ann, c.bob)
			if row.change != nil {
				row.change(c, &wish)
			}
			if _, err := c.SendRequest(t.Context(), wish); !errors.Is(err, row.want) {
				t.Errorf("request: %v, want %v", err, row.want)
			}
			if len(c.Published.Events()) != events {
				t.Error("a refused request made an event")
			}
		})
	}
}

func TestF8_ARepeatGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	c := newCouple()
	carl := c.Users.Add("carl")
	wish := friendtest.Wish(c.ann, c.bob)
	first, err := c.SendRequest(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.SendRequest(t.Context(), wish)
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Errorf("the repeat: %v (-first +again):\n%s", err, diff)
	}
	if n := len(c.kinds(t)); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	for name, change := range map[string]func(*friend.Wish){
		"another person": func(w *friend.Wish) { w.Respondent = carl.ID },
		"another text":   func(w *friend.Wish) { w.Text = "other" },
	} {
		other := wish
		change(&other)
		if _, err := c.SendRequest(t.Context(), other); !errors.Is(err, friend.ErrKeyReused) {
			t.Errorf("%s under the key: %v, want IDEMPOTENCY_KEY_REUSED", name, err)
		}
	}
	mine := friendtest.Wish(carl, c.bob)
	mine.Key = wish.Key // of another applicant
	if _, err := c.SendRequest(t.Context(), mine); err != nil {
		t.Errorf("the same key of another applicant: %v", err)
	}
	if _, err := c.respond(t, c.bob, first.Request.ID, true); err != nil {
		t.Fatal(err)
	}
	late, err := c.SendRequest(t.Context(), wish)
	if err != nil || late.Request.ID != first.Request.ID || late.Request.State != friend.Accepted || late.ConversationID.IsZero() {
		t.Errorf("the repeat after the acceptance: %+v, %v; want the same request, accepted, with the conversation", late, err)
	}
}

func TestF8_AnAnswerIsFinal(t *testing.T) {
	t.Parallel()
	for _, accept := range []bool{true, false} {
		t.Run(fmt.Sprintf("accept %v", accept), func(t *testing.T) {
			t.Parallel()
			c := newCouple()
			id := c.Ask(t, c.ann, c.bob).Request.ID
			c.Clock.Advance(time.Minute)
			first, err := c.respond(t, c.bob, id, accept)
			if err != nil {
				t.Fatal(err)
			}
			state := friend.Refused
			if accept {
				state = friend.Accepted
			}
			if first.Request.State != state || first.Request.DecidedAt != c.Clock.Now().UnixMilli() || first.ConversationID.IsZero() == accept {
				t.Errorf("answer %+v, want state %d now, and a conversation if accepted", first, state)
			}
			if first.ConversationID != c.Conversations.Of(c.ann.ID, c.bob.ID).ID || c.areFriends(t) != accept {
				t.Errorf("conversation %s, friends %v", first.ConversationID, c.areFriends(t))
			}
			c.Clock.Advance(time.Minute)
			for _, again := range []bool{true, false} {
				second, err := c.respond(t, c.bob, id, again)
				if diff := cmp.Diff(first, second); err != nil || diff != "" {
					t.Errorf("answering %v again: %v (-first +second):\n%s", again, err, diff)
				}
			}
			if diff := cmp.Diff([]friend.EventKind{friend.Requested, friend.Responded}, c.kinds(t)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if last := c.Published.Events()[1]; last.Request != first.Request {
				t.Errorf("the event tells %+v, want %+v", last.Request, first.Request)
			}
		})
	}
}

func TestF8_OnlyTheRightPersonTouchesARequest(t *testing.T) {
	t.Parallel()
	c := newCouple()
	carl := c.Users.Add("carl")
	id := c.Ask(t, c.ann, c.bob).Request.ID
	rows := []struct {
		name string
		call func() error
	}{
		{"the applicant answers", func() error { _, err := c.respond(t, c.ann, id, true); return err }},
		{"a stranger answers", func() error { _, err := c.respond(t, carl, id, true); return err }},
		{"an unknown request is answered", func() error { _, err := c.respond(t, c.bob, ids.NewFriendRequest(), true); return err }},
		{"the respondent withdraws", func() error { return c.CancelRequest(t.Context(), c.bob.ID, id) }},
		{"a stranger withdraws", func() error { return c.CancelRequest(t.Context(), carl.ID, id) }},
		{"an unknown request is withdrawn", func() error { return c.CancelRequest(t.Context(), c.ann.ID, ids.NewFriendRequest()) }},
	}
	for _, row := range rows {
		if err := row.call(); !errors.Is(err, friend.ErrRequestNotFound) {
			t.Errorf("%s: %v, want REQUEST_NOT_FOUND", row.name, err)
		}
	}
	if c.areFriends(t) || len(c.kinds(t)) != 1 {
		t.Error("one of these changed something")
	}
}

func TestF8_AWithdrawalEndsARequest(t *testing.T) {
	t.Parallel()
	c := newCouple()
	id := c.Ask(t, c.ann, c.bob).Request.ID
	for range 2 { // repeating it is harmless
		if err := c.CancelRequest(t.Context(), c.ann.ID, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.respond(t, c.bob, id, true); !errors.Is(err, friend.ErrRequestNotFound) {
		t.Errorf("answering it: %v, want REQUEST_NOT_FOUND", err)
	}
	if diff := cmp.Diff([]friend.EventKind{friend.Requested, friend.Withdrawn}, c.kinds(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	c.Ask(t, c.ann, c.bob) // no wait after a withdrawal
	answered := c.Befriend(t, c.ann, c.Users.Add("carl"))
	if err := c.CancelRequest(t.Context(), c.ann.ID, answered.Request.ID); !errors.Is(err, friend.ErrRequestNotFound) {
		t.Errorf("withdrawing an accepted request: %v, want REQUEST_NOT_FOUND", err)
	}
}

func TestF8_ARequestExpiresAfterThirtyDays(t *testing.T) {
	t.Parallel()
	c := newCouple()
	wish := friendtest.Wish(c.ann, c.bob)
	first, err := c.SendRequest(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	c.Clock.Advance(30*day - time.Millisecond)
	if _, err := c.SendRequest(t.Context(), friendtest.Wish(c.ann, c.bob)); !errors.Is(err, friend.ErrRequestPending) {
		t.Errorf("just before: %v, want REQUEST_PENDING", err)
	}
	c.Clock.Advance(time.Millisecond)
	if _, err := c.respond(t, c.bob, first.Request.ID, true); !errors.Is(err, friend.ErrRequestNotFound) {
		t.Errorf("an answer: %v, want REQUEST_NOT_FOUND", err)
	}
	if err := c.CancelRequest(t.Context(), c.ann.ID, first.Request.ID); !errors.Is(err, friend.ErrRequestNotFound) {
		t.Errorf("a withdrawal: %v, want REQUEST_NOT_FOUND", err)
	}
	again, err := c.SendRequest(t.Context(), wish)
	if err != nil || again.Request.State != friend.Expired || again.Request.DecidedAt != c.Clock.Now().UnixMilli() {
		t.Errorf("the repeat: %+v, %v; want the request, expired now", again.Request, err)
	}
	if page, err := c.ListRequests(t.Context(), c.bob.ID, friend.BothSides, 0, ""); err != nil || len(page.Requests) != 0 {
		t.Errorf("%d requests wait, %v; want none", len(page.Requests), err)
	}
	// The other side's wish is a new one, no crossing.
	if outcome := c.Ask(t, c.bob, c.ann); outcome.Request.State != friend.Pending || c.areFriends(t) {
		t.Errorf("the other side's wish is %+v, want one that waits", outcome.Request)
	}
}

func TestF8_AfterARefusalTheApplicantWaitsADay(t *testing.T) {
	t.Parallel()
	c := newCouple()
	id := c.Ask(t, c.ann, c.bob).Request.ID
	if _, err := c.respond(t, c.bob, id, false); err != nil {
		t.Fatal(err)
	}
	c.Clock.Advance(day - time.Minute)
	_, err := c.SendRequest(t.Context(), friendtest.Wish(c.ann, c.bob))
	if f, ok := fault.Of(err); !ok || !errors.Is(err, friend.ErrRateLimited) || f.RetryAfter() != time.Minute || f.Metadata()["limit"] == "" {
		t.Errorf("too early: %v, want RATE_LIMITED with one minute", err)
	}
	c.Clock.Advance(time.Minute)
	c.Ask(t, c.ann, c.bob)
}

func TestF8_WhoRefusedMayAsk(t *testing.T) {
	t.Parallel()
	c := newCouple()
	if _, err := c.respond(t, c.bob, c.Ask(t, c.ann, c.bob).Request.ID, false); err != nil {
		t.Fatal(err)
	}
	c.Ask(t, c.bob, c.ann)
	// The refused one says yes by asking, although a new request would have to wait.
	outcome, err := c.SendRequest(t.Context(), friendtest.Wish(c.ann, c.bob))
	if err != nil || outcome.Request.State != friend.Accepted || !c.areFriends(t) {
		t.Errorf("crossing after a refusal: %+v, %v; want friends", outcome.Request, err)
	}
}

func TestF8_ACrossingRequestIsAnAcceptance(t *testing.T) {
	t.Parallel()
	c := newCouple()
	first := c.Ask(t, c.ann, c.bob)
	wish := friendtest.Wish(c.bob, c.ann)
	outcome, err := c.SendRequest(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	if outcome.Request.State != friend.Accepted || outcome.Request.Applicant != c.bob.ID || outcome.ConversationID.IsZero() || !c.areFriends(t) {
		t.Errorf("outcome %+v, want the own request, accepted, and friends", outcome)
	}
	if diff := cmp.Diff([]friend.EventKind{friend.Requested, friend.Responded}, c.kinds(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if e := c.Published.Events()[1]; e.Request.ID != first.Request.ID || e.Request.State != friend.Accepted {
		t.Errorf("the event tells of %+v, want the request that the other side knows", e.Request)
	}
	again, err := c.SendRequest(t.Context(), wish)
	if diff := cmp.Diff(outcome, again); err != nil || diff != "" {
		t.Errorf("the repeat: %v (-first +again):\n%s", err, diff)
	}
	if got, err := c.respond(t, c.bob, first.Request.ID, false); err != nil || got.Request.State != friend.Accepted {
		t.Errorf("the crossed request is %+v, %v; want accepted", got.Request, err)
	}
}

// Two people who ask each other at the same moment end up friends once, with one conversation.
func TestF8_AThousandRacesMakeAThousandFriendships(t *testing.T) {
	t.Parallel()
	f := friendtest.NewFixture()
	for i := range 1000 {
		a, b := f.Users.Add(fmt.Sprintf("a%d", i)), f.Users.Add(fmt.Sprintf("b%d", i))
		var outcomes [2]friend.Outcome
		var wg sync.WaitGroup
		for side, wish := range []friend.Wish{friendtest.Wish(a, b), friendtest.Wish(b, a)} {
			wg.Go(func() {
				var err error
				if outcomes[side], err = f.SendRequest(t.Context(), wish); err != nil {
					t.Errorf("race %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		relation, err := f.Store.Relation(t.Context(), friend.PairOf(a.ID, b.ID))
		conversation := f.Conversations.Of(a.ID, b.ID)
		if err != nil || !relation.Friends || relation.Version != 1 || relation.ConversationID != conversation.ID || !conversation.Open {
			t.Fatalf("race %d: relation %+v, conversation %+v, %v", i, relation, conversation, err)
		}
		accepted := 0
		for _, o := range outcomes {
			if o.Request.State == friend.Accepted {
				accepted++
			}
		}
		if accepted != 1 {
			t.Fatalf("race %d: %d of two calls accepted, want the later one", i, accepted)
		}
	}
}

func TestF8_AtMostAHundredRequestsWait(t *testing.T) {
	t.Parallel()
	c := newCouple()
	var last ids.FriendRequestID
	for i := range 100 {
		last = c.Ask(t, c.ann, c.Users.Add(fmt.Sprintf("user%d", i))).Request.ID
	}
	_, err := c.SendRequest(t.Context(), friendtest.Wish(c.ann, c.bob))
	if f, ok := fault.Of(err); !ok || !errors.Is(err, friend.ErrQuotaExceeded) || f.Metadata()["limit"] != "pending_requests" {
		t.Errorf("one more: %v, want QUOTA_EXCEEDED with the limit", err)
	}
	if err := c.CancelRequest(t.Context(), c.ann.ID, last); err != nil {
		t.Fatal(err)
	}
	c.Ask(t, c.ann, c.bob)
	carl := c.Users.Add("carl")
	if _, err := c.SendRequest(t.Context(), friendtest.Wish(c.ann, carl)); !errors.Is(err, friend.ErrQuotaExceeded) {
		t.Errorf("full again: %v, want QUOTA_EXCEEDED", err)
	}
	c.Clock.Advance(30 * day) // all expire
	c.Ask(t, c.ann, carl)
}

func TestF9_AtMostFiveThousandFriends(t *testing.T) {
	t.Parallel()
	c := newCouple()
	for range 5000 {
		other := ids.NewUser()
		pair := friend.PairOf(c.bob.ID, other)
		err := c.Store.Update(t.Context(), friend.Query{Pair: pair}, func(friend.Snapshot) (friend.Change, error) {
			return friend.Change{Relation: &friend.Relation{Pair: pair, Version: 1, Friends: true, Since: 1}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, wish := range map[string]friend.Wish{
		"who has too many asks":     friendtest.Wish(c.bob, c.ann),
		"who has too many is asked": friendtest.Wish(c.ann, c.bob),
	} {
		_, err := c.SendRequest(t.Context(), wish)
		if f, ok := fault.Of(err); !ok || !errors.Is(err, friend.ErrQuotaExceeded) || f.Metadata()["limit"] != "friends" {
			t.Errorf("%s: %v, want QUOTA_EXCEEDED with the limit", name, err)
		}
	}
}

func TestF8_AnAnswerNeedsNoUserService(t *testing.T) {
	t.Parallel()
	c := newCouple()
	id := c.Ask(t, c.ann, c.bob).Request.ID
	c.Users.Fail(fault.ErrUnavailable)
	outcome, err := c.respond(t, c.bob, id, true)
	if err != nil || !c.areFriends(t) || outcome.Applicant != (friend.Profile{ID: c.ann.ID}) {
		t.Errorf("answer %+v, %v; want friends, shown by id alone", outcome, err)
	}
}

func TestF7_NobodyBecomesAFriendOfADeletedAccount(t *testing.T) {
	t.Parallel()
	c := newCouple()
	request := c.Ask(t, c.ann, c.bob).Request.ID
	c.Users.Delete(c.ann.ID)
	if _, err := c.respond(t, c.bob, request, true); !errors.Is(err, friend.ErrRequestNotFound) {
		t.Errorf("accepting the request of a deleted account: %v", err)
	}
	if _, err := c.SendRequest(t.Context(), friendtest.Wish(c.bob, c.ann)); !errors.Is(err, friend.ErrUserNotFound) {
		t.Errorf("a request to a deleted account: %v", err)
	}
	if c.areFriends(t) {
		t.Error("they are friends")
	}
	if got, err := c.respond(t, c.bob, request, false); err != nil || got.Request.State != friend.Refused {
		t.Errorf("refusing the request of a deleted account: %+v, %v", got.Request, err)
	}
}
