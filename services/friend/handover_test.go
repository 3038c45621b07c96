// SPDX-License-Identifier: Apache-2.0

package friend_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/friend/friendtest"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

func (c *couple) friendOf(t *testing.T, who friend.Profile) friend.Friend {
	t.Helper()
	page, err := c.ListFriends(t.Context(), who.ID, 0, "")
	if err != nil || len(page.Friends) != 1 {
		t.Fatalf("friends of %s: %+v, %v; want one", who.Username, page.Friends, err)
	}
	return page.Friends[0]
}

func TestF12_AnAcceptanceStandsAlsoWithoutTheMessageService(t *testing.T) {
	t.Parallel()
	c := newCouple()
	id := c.Ask(t, c.ann, c.bob).Request.ID
	c.Conversations.Fail(fault.ErrUnavailable)
	outcome, err := c.respond(t, c.bob, id, true)
	if err != nil || outcome.Request.State != friend.Accepted || !outcome.ConversationID.IsZero() {
		t.Fatalf("answer %+v, %v; want accepted without a conversation", outcome, err)
	}
	if got := c.friendOf(t, c.ann); !got.ConversationID.IsZero() {
		t.Errorf("the list shows conversation %s before it is open", got.ConversationID)
	}
	c.Clock.Advance(5 * time.Second)
	if err := c.Sweep(t.Context()); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("sweep: %v, want UNAVAILABLE", err)
	}
	c.Conversations.Fail(nil)
	if err := c.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	conversation := c.Conversations.Of(c.ann.ID, c.bob.ID)
	if got := c.friendOf(t, c.ann); !conversation.Open || got.ConversationID != conversation.ID {
		t.Errorf("the list shows %s, want the open conversation %+v", got.ConversationID, conversation)
	}
	calls := c.Conversations.Calls()
	if err := c.Sweep(t.Context()); err != nil || c.Conversations.Calls() != calls {
		t.Errorf("a sweep with nothing to do calls the message service (%v)", err)
	}
	again, err := c.respond(t, c.bob, id, true)
	if err != nil || again.ConversationID != conversation.ID {
		t.Errorf("answering again: %+v, %v; want the conversation", again, err)
	}
}

func TestF12_AnsweringAgainHandsOverAgain(t *testing.T) {
	t.Parallel()
	c := newCouple()
	id := c.Ask(t, c.ann, c.bob).Request.ID
	c.Conversations.Fail(fault.ErrUnavailable)
	if _, err := c.respond(t, c.bob, id, true); err != nil {
		t.Fatal(err)
	}
	c.Conversations.Fail(nil)
	outcome, err := c.respond(t, c.bob, id, true)
	if err != nil || outcome.ConversationID.IsZero() {
		t.Errorf("answering again: %+v, %v; want the conversation at once", outcome, err)
	}
}

func TestF12_TheSweepLeavesYoungHandOversToTheirCall(t *testing.T) {
	t.Parallel()
	c := newCouple()
	c.Conversations.Fail(fault.ErrUnavailable)
	c.Befriend(t, c.ann, c.bob)
	calls := c.Conversations.Calls()
	if err := c.Sweep(t.Context()); err != nil || c.Conversations.Calls() != calls {
		t.Errorf("a sweep at once calls the message service (%v)", err)
	}
}

// A hand-over that is refused for good must not hold up the others.
func TestF12_ARefusedHandOverDoesNotBlockTheSweep(t *testing.T) {
	t.Parallel()
	c := newCouple()
	c.Conversations.Fail(fault.ErrInvalid)
	c.Befriend(t, c.ann, c.bob)
	c.Befriend(t, c.ann, c.Users.Add("carl"))
	c.Clock.Advance(5 * time.Second)
	calls := c.Conversations.Calls()
	if err := c.Sweep(t.Context()); err != nil || c.Conversations.Calls() != calls+2 {
		t.Errorf("%d calls, %v; want both hand-overs tried", c.Conversations.Calls()-calls, err)
	}
}

func TestF9_RemovingEndsTheFriendshipForBoth(t *testing.T) {
	t.Parallel()
	c := newCouple()
	opened := c.Befriend(t, c.ann, c.bob)
	for range 2 { // repeating it is harmless
		if err := c.RemoveFriend(t.Context(), c.bob.ID, c.ann.ID); err != nil {
			t.Fatal(err)
		}
	}
	if c.areFriends(t) {
		t.Error("they are still friends")
	}
	conversation := c.Conversations.Of(c.ann.ID, c.bob.ID)
	if conversation.Open || conversation.ID != opened.ConversationID {
		t.Errorf("conversation %+v, want the same one, closed", conversation)
	}
	if diff := cmp.Diff([]friend.EventKind{friend.Requested, friend.Responded, friend.Removed}, c.kinds(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	e := c.Published.Events()[2]
	if e.Remover != c.bob.ID || e.Friend != c.ann.ID || !cmp.Equal(e.Recipients(), []ids.UserID{c.ann.ID, c.bob.ID}) {
		t.Errorf("event %+v, want who removed whom, for both", e)
	}
	again := c.Befriend(t, c.bob, c.ann)
	if again.ConversationID != opened.ConversationID || !c.Conversations.Of(c.ann.ID, c.bob.ID).Open {
		t.Errorf("friends again: conversation %s, want %s, open", again.ConversationID, opened.ConversationID)
	}
}

func TestF9_RemovingWhoIsNoFriendChangesNothing(t *testing.T) {
	t.Parallel()
	c := newCouple()
	for name, id := range map[string]ids.UserID{"a stranger": c.bob.ID, "nobody": ids.NewUser(), "oneself": c.ann.ID} {
		if err := c.RemoveFriend(t.Context(), c.ann.ID, id); err != nil {
			t.Errorf("%s: %v, want nil", name, err)
		}
	}
	if c.Conversations.Calls() != 0 || len(c.kinds(t)) != 0 {
		t.Error("something happened")
	}
}

func TestF9_ARemovalIsUnavailableUntilTheConversationIsClosed(t *testing.T) {
	t.Parallel()
	c := newCouple()
	c.Befriend(t, c.ann, c.bob)
	c.Conversations.Fail(errors.New("anything"))
	for range 2 {
		if err := c.RemoveFriend(t.Context(), c.ann.ID, c.bob.ID); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("remove: %v, want UNAVAILABLE", err)
		}
	}
	if c.areFriends(t) || len(c.kinds(t)) != 3 {
		t.Error("the removal is not stored once")
	}
	c.Conversations.Fail(nil)
	if err := c.RemoveFriend(t.Context(), c.ann.ID, c.bob.ID); err != nil {
		t.Errorf("the repeat: %v", err)
	}
	if c.Conversations.Of(c.ann.ID, c.bob.ID).Open {
		t.Error("the conversation is still open")
	}
}

// A hand-over that comes late, after a newer change, must not undo it.
func TestF12_AnOldHandOverChangesNothing(t *testing.T) {
	t.Parallel()
	c := newCouple()
	c.Conversations.Fail(fault.ErrUnavailable)
	c.Befriend(t, c.ann, c.bob)
	_ = c.RemoveFriend(t.Context(), c.ann.ID, c.bob.ID)
	c.Conversations.Fail(nil)
	pair := friend.PairOf(c.ann.ID, c.bob.ID)
	if err := c.Store.HandedOver(t.Context(), pair, 1, ids.NewConversation()); err != nil {
		t.Fatal(err)
	}
	c.Clock.Advance(5 * time.Second)
	if err := c.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	relation, err := c.Store.Relation(t.Context(), pair)
	if err != nil || relation.Version != 2 || relation.PendingSince != 0 || c.Conversations.Of(c.ann.ID, c.bob.ID).Open {
		t.Errorf("relation %+v, %v; want version 2 handed over and the conversation closed", relation, err)
	}
}

// hanging is a message service that never answers.
type hanging struct{}

func (hanging) Open(ctx context.Context, _ friend.Pair, _ int64) (ids.ConversationID, error) {
	<-ctx.Done()
	return ids.ConversationID{}, ctx.Err()
}

func (hanging) Close(ctx context.Context, _ friend.Pair, _ int64) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestF12_AHangingMessageServiceDoesNotHoldUpTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCouple()
		service := c.On(hanging{})
		id := c.Ask(t, c.ann, c.bob).Request.ID
		start := time.Now()
		outcome, err := service.RespondToRequest(t.Context(), c.bob.ID, id, true)
		if err != nil || !outcome.ConversationID.IsZero() || time.Since(start) != 2*time.Second {
			t.Errorf("answer %+v, %v after %v; want accepted after two seconds", outcome, err, time.Since(start))
		}
		if err := service.RemoveFriend(t.Context(), c.bob.ID, c.ann.ID); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("remove: %v, want UNAVAILABLE", err)
		}
	})
}

func TestTheSweepRunsEachSecondAndStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCouple()
		c.Conversations.Fail(fault.ErrUnavailable)
		c.Befriend(t, c.ann, c.bob)
		c.Clock.Advance(5 * time.Second)
		calls := c.Conversations.Calls()
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		if err := c.RunSweep(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
		if n := c.Conversations.Calls() - calls; n != 4 {
			t.Errorf("%d tries in 3.5 s, want 4", n)
		}
	})
}

var _ friendtest.Storage = (*friendtest.Store)(nil)
