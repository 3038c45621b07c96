// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestNamedIn(t *testing.T) {
	t.Parallel()
	a, b := ids.NewUser(), ids.NewUser()
	at := func(user ids.UserID) string { return "<@" + user.String() + ">" }
	rows := map[string]struct {
		text string
		want []ids.UserID
		all  bool
	}{
		"nobody":                          {"hi @all ＠all @" + a.String(), nil, false},
		"in a sentence without spaces":    {"在，" + at(a) + "马上到", []ids.UserID{a}, false},
		"twice":                           {at(a) + at(b) + at(a), message.UsersOf([]ids.UserID{b, a}).List(), false},
		"all":                             {"<@all>", nil, true},
		"all and one":                     {at(b) + "<@all>", []ids.UserID{b}, true},
		"all in capitals":                 {"<@ALL>", nil, false},
		"an id in capitals":               {strings.ToUpper(at(a)), nil, false},
		"an id that is cut off":           {at(a)[:20] + ">", nil, false},
		"no end":                          {"<@" + a.String(), nil, false},
		"a start inside a start":          {"<@<@" + a.String() + ">", []ids.UserID{a}, false},
		"a start without end before one":  {"<@ x " + at(b), []ids.UserID{b}, false},
		"only a start":                    {"<@", nil, false},
		"the id that stands for everyone": {at(message.EveryMember()), nil, false},
	}
	for name, row := range rows {
		got, all := message.NamedIn(row.text)
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(row.want, got); diff != "" || all != row.all {
			t.Errorf("%s: all %t (-want +got):\n%s", name, all, diff)
		}
	}
}

func FuzzNamedIn(f *testing.F) {
	f.Add("<@all><@" + ids.NewUser().String() + "><@")
	f.Fuzz(func(t *testing.T, text string) {
		users, all := message.NamedIn(text)
		for _, user := range users {
			if !strings.Contains(text, "<@"+user.String()+">") {
				t.Errorf("%s is not in %q", user, text)
			}
		}
		if all && !strings.Contains(text, "<@all>") {
			t.Errorf("all is not in %q", text)
		}
	})
}

func TestWhoIsMentioned(t *testing.T) {
	t.Parallel()
	c, stays, left, back := comesAndGoes()
	text := "<@all>"
	for _, user := range []ids.UserID{stays, left, back, ids.NewUser()} {
		text += "<@" + user.String() + ">"
	}
	got, err := message.DecideMentions(c, back, text)
	if want := (message.Mentions{Users: message.UsersOf([]ids.UserID{stays, back})}); got != want || err != nil {
		t.Errorf("%v, all %t, %v: members only, and nobody is a group of two", got.Users.List(), got.All, err)
	}
	group := c
	group.Kind, group.Members = message.Group, slices.Clone(c.Members)
	for role, want := range map[message.Role]error{message.RoleMember: message.ErrForbidden, message.RoleAdmin: nil, message.RoleOwner: nil} {
		group.Members[3].Role = role
		if got, err := message.DecideMentions(group, back, "<@all>"); !errors.Is(err, want) || got.All != (want == nil) {
			t.Errorf("all, by role %d: %+v, %v", role, got, err)
		}
	}
	m := message.Message{Sender: stays, Mentions: message.Mentions{Users: got.Users, All: true}}
	if diff := cmp.Diff([]ids.UserID{back, message.EveryMember()}, m.Called()); diff != "" {
		t.Errorf("counted for (-want +got):\n%s", diff)
	}
}

func TestMentionsHaveABound(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	text := ""
	for range message.MaxMentions - 1 {
		text += "<@" + ids.NewUser().String() + ">"
	}
	text += strings.Repeat("<@"+b.String()+">", 3)
	f.Say(t, a, id, text)
	over := text + "<@" + a.String() + ">"
	if _, err := f.Send(t.Context(), messagetest.NewDraft(a, id, over)); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("send: %v", err)
	}
	if _, err := f.Edit(t.Context(), a, id, 1, over); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("edit: %v", err)
	}
}

func TestAnAnswerShowsTheOriginalAsItIs(t *testing.T) {
	t.Parallel()
	store := messagetest.NewStore()
	f := messagetest.Start(t, store, 1)
	id, a, b := f.Open(t)
	f.Say(t, a, id, strings.Repeat("家", 200))
	answer := messagetest.NewDraft(b, id, "答")
	answer.ReplyTo = 1
	if _, err := f.Send(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	c, err := store.Conversation(t.Context(), id, a)
	if err != nil {
		t.Fatal(err)
	}
	late := ids.NewUser()
	c.Members = append(c.Members, message.Member{UserID: late, JoinedSeq: 2})
	store.Put(c, 0)
	shows := func(what string, user ids.UserID, want message.Reply) {
		t.Helper()
		for _, after := range []int64{0, 1} { // with the original on the page, and without
			page, err := f.ListMessages(t.Context(), message.HistoryQuery{User: user, Conversation: id, Kind: message.AfterRange, Seq: after})
			if err != nil || page.Items[len(page.Items)-1].ReplyTo != want {
				t.Errorf("%s after %d: %+v, %v", what, after, page.Items, err)
			}
		}
	}
	shows("long", a, message.Reply{Seq: 1, Sender: a, Kind: message.Text, Preview: strings.Repeat("家", 140)})
	shows("who came later", late, message.Reply{Seq: 1})
	if _, err := f.Edit(t.Context(), a, id, 1, "new"); err != nil {
		t.Fatal(err)
	}
	shows("edited", b, message.Reply{Seq: 1, Sender: a, Kind: message.Text, Preview: "new", Edited: true})
	if _, err := f.Recall(t.Context(), a, id, 1); err != nil {
		t.Fatal(err)
	}
	shows("recalled", b, message.Reply{Seq: 1, Sender: a, Recalled: true})
	shows("who came later still", late, message.Reply{Seq: 1})
	edited, err := f.Edit(t.Context(), b, id, 2, "so")
	if want := (message.Reply{Seq: 1, Sender: a, Recalled: true}); err != nil || edited.ReplyTo != want {
		t.Errorf("answer to an edit: %+v, %v", edited, err)
	}
	changed, _, err := f.ListChanges(t.Context(), message.ChangesQuery{User: late, Conversation: id})
	if err != nil || len(changed) != 1 || changed[0].ReplyTo != (message.Reply{Seq: 1}) {
		t.Errorf("changes for who came later: %+v, %v", changed, err)
	}
	blind := messagetest.NewDraft(late, id, "?")
	blind.ReplyTo = 1
	if _, err := f.Send(t.Context(), blind); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("an answer to what cannot be seen: %v", err)
	}
}

// What a text of many beginnings costs grows with its length only.
func TestATextOfManyBeginningsOfMentionsCostsLittle(t *testing.T) { //nolint:paralleltest // allocations are counted
	user := ids.NewUser()
	for _, rest := range []string{"", ">", "<@" + user.String() + ">"} {
		text := strings.Repeat("<@", 3900) + rest
		if n := testing.AllocsPerRun(1, func() { message.NamedIn(text) }); n > 100 {
			t.Errorf("%.0f allocations for a text that ends with %q", n, rest)
		}
	}
	users, all := message.NamedIn("<@<@" + user.String() + "> <@x <@all>")
	if len(users) != 1 || users[0] != user || !all {
		t.Errorf("mentioned: %v, %t", users, all)
	}
}
