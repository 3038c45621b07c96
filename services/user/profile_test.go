// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

func TestF6_UpdateProfileChangesWhatIsNamed(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	rows := []struct {
		name        string
		change      user.ProfileChange
		nick, about string
		rule        string
		events      int
	}{
		{"a nickname alone", user.ProfileChange{Nickname: text(" New ")}, "New", "old", "", 1},
		{"a description alone", user.ProfileChange{Description: text("new")}, "Ann", "new", "", 1},
		{"both", user.ProfileChange{Nickname: text("New"), Description: text("new")}, "New", "new", "", 1},
		{"an empty description removes it", user.ProfileChange{Description: text("")}, "Ann", "", "", 1},
		{"nothing changes nothing and tells nobody", user.ProfileChange{}, "Ann", "old", "", 0},
		{"the same again tells nobody", user.ProfileChange{Nickname: text("Ann"), Description: text("old ")}, "Ann", "old", "", 0},
		{"an empty nickname is refused", user.ProfileChange{Nickname: text("")}, "Ann", "old", "length", 0},
		{"a bad field stops the good one", user.ProfileChange{Nickname: text("New"), Description: text("\x00")}, "Ann", "old", "characters", 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := usertest.NewFixture()
			caller := usertest.CallerOf(f.Person(t, "ann", "Ann"))
			if _, err := f.UpdateProfile(t.Context(), caller, user.ProfileChange{Description: text("old")}); err != nil {
				t.Fatal(err)
			}
			answered, err := f.UpdateProfile(t.Context(), caller, row.change)
			if ruleOf(err) != row.rule {
				t.Fatalf("update: %v, want rule %q", err, row.rule)
			}
			stored, storeErr := f.Account(t.Context(), caller.UserID)
			if storeErr != nil || stored.Nickname != row.nick || stored.Description != row.about {
				t.Errorf("stored %q, %q, %v; want %q, %q", stored.Nickname, stored.Description, storeErr, row.nick, row.about)
			}
			if err == nil && answered.Account != stored {
				t.Errorf("answered %+v, stored %+v", answered.Account, stored)
			}
			if diff := cmp.Diff(f.Store.Events(), f.Published.Events()); diff != "" {
				t.Errorf("the outbox and the relay differ:\n%s", diff)
			}
			events := f.Published.Events()
			if n := len(events) - 1; n != row.events {
				t.Fatalf("%d events, want %d", n, row.events)
			}
			if last := events[len(events)-1]; last.Account != stored {
				t.Errorf("the event tells %+v, stored %+v", last.Account, stored)
			}
		})
	}
}

func TestF6_AnUnknownAccountIsNotFound(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	_, err := f.Account(t.Context(), ids.NewUser())
	_, updateErr := f.UpdateProfile(t.Context(), user.Caller{UserID: ids.NewUser()}, user.ProfileChange{})
	if !errors.Is(err, user.ErrNotFound) || !errors.Is(updateErr, user.ErrNotFound) {
		t.Errorf("account: %v, update: %v; want NOT_FOUND twice", err, updateErr)
	}
}

func TestF6_ListKeepsTheOrderAndNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann, bob := f.Person(t, "ann", "Ann").Account, f.Person(t, "bob", "Bob").Account
	nobody := ids.NewUser()
	found, missing, err := f.List(t.Context(), []ids.UserID{bob.ID, nobody, ann.ID, bob.ID, nobody})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]user.Account{bob, ann}, found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]ids.UserID{nobody}, missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	f.Store.Fail(fault.ErrUnavailable)
	if _, _, err := f.List(t.Context(), []ids.UserID{ann.ID}); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("without the store: %v, want UNAVAILABLE and nobody missing", err)
	}
}
