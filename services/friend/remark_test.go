// SPDX-License-Identifier: Apache-2.0

package friend_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestF9_ARemarkIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	c := newCouple()
	c.Befriend(t, c.ann, c.bob)
	for range 2 { // repeating it is harmless
		got, err := c.SetRemark(t.Context(), friend.Remark{Owner: c.ann.ID, Friend: c.bob.ID, Text: " 老板 Bob "})
		if err != nil || got != "老板 Bob" {
			t.Fatalf("remark %q, %v; want it without space around", got, err)
		}
	}
	if mine, theirs := c.friendOf(t, c.ann).Remark, c.friendOf(t, c.bob).Remark; mine != "老板 Bob" || theirs != "" {
		t.Errorf("ann sees %q and bob %q, want the remark for ann alone", mine, theirs)
	}
	events := c.Published.Events()[2:]
	if len(events) != 1 || events[0].Kind != friend.Updated || events[0].Remark != "老板 Bob" || events[0].Blocked ||
		len(events[0].Recipients()) != 1 || events[0].Recipients()[0] != c.ann.ID {
		t.Errorf("events %+v, want one for ann alone", events)
	}
	c.kinds(t)
	if _, err := c.SetRemark(t.Context(), friend.Remark{Owner: c.ann.ID, Friend: c.bob.ID}); err != nil {
		t.Fatal(err)
	}
	if got := c.friendOf(t, c.ann).Remark; got != "" {
		t.Errorf("taken away, it is still %q", got)
	}
}

func TestF9_ARemarkGoesWithTheFriendship(t *testing.T) {
	t.Parallel()
	c := newCouple()
	c.Befriend(t, c.ann, c.bob)
	if _, err := c.SetRemark(t.Context(), friend.Remark{Owner: c.ann.ID, Friend: c.bob.ID, Text: "boss"}); err != nil {
		t.Fatal(err)
	}
	if err := c.RemoveFriend(t.Context(), c.bob.ID, c.ann.ID); err != nil {
		t.Fatal(err)
	}
	c.Befriend(t, c.ann, c.bob)
	if got := c.friendOf(t, c.ann).Remark; got != "" {
		t.Errorf("friends again, the remark is %q", got)
	}
}

func TestF9_SetRemarkRefuses(t *testing.T) {
	t.Parallel()
	c := newCouple()
	c.Befriend(t, c.ann, c.bob)
	carl := c.Users.Add("carl")
	c.Ask(t, c.ann, carl)
	for name, row := range map[string]struct {
		friend ids.UserID
		text   string
		want   error
	}{
		"who only was asked":  {carl.ID, "x", friend.ErrNotFriends},
		"nobody":              {ids.NewUser(), "x", friend.ErrNotFriends},
		"oneself":             {c.ann.ID, "x", friend.ErrNotFriends},
		"33 characters":       {c.bob.ID, strings.Repeat("界", 33), fault.ErrInvalid},
		"a line break":        {c.bob.ID, "a\nb", fault.ErrInvalid},
		"a bidi override":     {c.bob.ID, "a\u202eb", fault.ErrInvalid},
		"32 characters is ok": {c.bob.ID, strings.Repeat("界", 32), nil},
	} {
		_, err := c.SetRemark(t.Context(), friend.Remark{Owner: c.ann.ID, Friend: row.friend, Text: row.text})
		if !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
}
