// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

func TestU8_APictureIsCitedBeforeItIsShown(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	caller := usertest.CallerOf(f.Person(t, "ann", "Ann"))
	first, second, strange := ids.NewFile(), ids.NewFile(), ids.NewFile()
	f.Pictures.Offer(caller.UserID, first, second)
	set := func(id ids.FileID) error {
		_, err := f.UpdateProfile(t.Context(), caller, user.ProfileChange{Avatar: &id})
		return err
	}
	for _, id := range []ids.FileID{first, second} {
		if err := set(id); err != nil {
			t.Fatal(err)
		}
		events := f.Published.Events()
		if stored, err := f.Account(t.Context(), caller.UserID); err != nil || stored.Avatar != id || events[len(events)-1].Account.Avatar != id {
			t.Errorf("stored %v, %v; want %s, and an event that tells it", stored.Avatar, err, id)
		}
	}
	if err := set(strange); !errors.Is(err, user.ErrFileNotReady) {
		t.Errorf("a picture of somebody else: %v", err)
	}
	shown, err := f.CheckAvatars(t.Context(), []user.Avatar{{caller.UserID, first}, {caller.UserID, second}, {ids.NewUser(), second}})
	if err != nil || !slices.Equal(shown, []bool{false, true, false}) {
		t.Errorf("shown %v, %v", shown, err)
	}
	if err := set(ids.FileID{}); err != nil {
		t.Fatal(err)
	}
	if stored, err := f.Account(t.Context(), caller.UserID); err != nil || !stored.Avatar.IsZero() {
		t.Errorf("stored %v, %v; want none", stored.Avatar, err)
	}
}
