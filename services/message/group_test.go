// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func newUsers(n int) []ids.UserID {
	list := make([]ids.UserID, n)
	for i := range list {
		list[i] = ids.NewUser()
	}
	return list
}

func draftOf(creator ids.UserID, members ...ids.UserID) message.GroupDraft {
	return message.GroupDraft{Creator: creator, Key: ids.NewIdempotencyKey(), Name: "Tea", Members: members}
}

func TestAGroupHasItsCreatorAndTheOthers(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	u := newUsers(3)
	d := draftOf(u[0], u[1], u[2], u[1], u[0], u[2])
	d.Name = "  Tea \u00a0"
	view, err := f.CreateGroup(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	c := view.Conversation
	if c.Name != "Tea" || c.MemberCount != 3 || view.Role != message.RoleOwner || c.Kind != message.Group || c.State != message.Open {
		t.Errorf("%+v as %d", c, view.Role)
	}
	system, err := view.Last.System()
	others := slices.Clone(u[1:])
	slices.SortFunc(others, ids.UserID.Compare)
	want := message.System{Kind: message.GroupCreated, Actor: u[0], Users: others, Name: "Tea"}
	if diff := cmp.Diff(want, system); diff != "" || err != nil {
		t.Errorf("what the server says: %v (-want +got):\n%s", err, diff)
	}
	for _, user := range u[1:] {
		seen, err := f.Conversation(t.Context(), user, c.ID)
		if err != nil || seen.Role != message.RoleMember || seen.Head.Seq != 1 {
			t.Errorf("for a member: %+v, %v", seen, err)
		}
	}
	kinds := []message.EventKind{}
	for _, e := range f.Publisher.Events() {
		kinds = append(kinds, e.Kind)
	}
	if diff := cmp.Diff([]message.EventKind{message.ConversationCreated, message.MessageCreated}, kinds); diff != "" {
		t.Error(diff)
	}
}

func TestCreateGroupRefuses(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	creator, stranger := ids.NewUser(), ids.NewUser()
	f.Friends.SetStrangers(stranger)
	two := newUsers(2)
	rows := map[string]struct {
		change func(d *message.GroupDraft)
		want   *fault.Error
	}{
		"nobody else":              {func(d *message.GroupDraft) { d.Members = nil }, fault.InvalidField("member_ids", "min_items")},
		"one other":                {func(d *message.GroupDraft) { d.Members = two[:1] }, fault.InvalidField("member_ids", "min_items")},
		"one other, named twice":   {func(d *message.GroupDraft) { d.Members = []ids.UserID{two[0], two[0]} }, fault.InvalidField("member_ids", "min_items")},
		"one other and oneself":    {func(d *message.GroupDraft) { d.Members = []ids.UserID{two[0], creator} }, fault.InvalidField("member_ids", "min_items")},
		"501 ids":                  {func(d *message.GroupDraft) { d.Members = newUsers(501) }, fault.InvalidField("member_ids", "max_items")},
		"no id":                    {func(d *message.GroupDraft) { d.Members = []ids.UserID{two[0], {}} }, fault.InvalidField("member_ids", "uuid")},
		"no key":                   {func(d *message.GroupDraft) { d.Key = ids.IdempotencyKey{} }, fault.InvalidField("idempotency_key", "uuid")},
		"a name of 65 characters":  {func(d *message.GroupDraft) { d.Name = strings.Repeat("字", 65) }, fault.InvalidField("name", "max_len")},
		"a name of two lines":      {func(d *message.GroupDraft) { d.Name = "a\nb" }, fault.InvalidField("name", "characters")},
		"a name that turns around": {func(d *message.GroupDraft) { d.Name = "a\u202eb" }, fault.InvalidField("name", "characters")},
		"a name of broken bytes":   {func(d *message.GroupDraft) { d.Name = "\xff" }, fault.InvalidField("name", "utf8")},
		"a stranger":               {func(d *message.GroupDraft) { d.Members = append(d.Members, stranger) }, message.ErrNotFriends.With("user_id", stranger.String())},
	}
	for name, row := range rows {
		d := draftOf(creator, two...)
		row.change(&d)
		_, err := f.CreateGroup(t.Context(), d)
		got, _ := fault.Of(err)
		if !errors.Is(err, row.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(row.want.Metadata(), got.Metadata()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	list, err := f.ListConversations(t.Context(), message.ListQuery{User: creator})
	if err != nil || len(list.Views) != 0 || len(f.Publisher.Events()) != 0 {
		t.Errorf("%d groups were made, %v", len(list.Views), err)
	}
	longest := draftOf(creator, newUsers(500)...)
	longest.Name = strings.Repeat("\U0001F600", 64)
	if view, err := f.CreateGroup(t.Context(), longest); err != nil || view.Conversation.MemberCount != 501 || view.Conversation.Name != longest.Name {
		t.Errorf("500 others and a name of 64 characters: %+v, %v", view.Conversation, err)
	}
	nameless := draftOf(creator, two...)
	nameless.Name = "  "
	if view, err := f.CreateGroup(t.Context(), nameless); err != nil || view.Conversation.Name != "" {
		t.Errorf("no name: %+v, %v", view.Conversation, err)
	}
}

func TestAKeyMakesOneGroup(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	u := newUsers(3)
	d := draftOf(u[0], u[1], u[2])
	first, err := f.CreateGroup(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	f.Friends.SetStrangers(u[1]) // the friendship ended since; what happened has happened
	again := d
	again.Members = []ids.UserID{u[2], u[1], u[1]}
	if view, err := f.CreateGroup(t.Context(), again); err != nil || view.Conversation.ID != first.Conversation.ID {
		t.Errorf("a repeat: %s, %v", view.Conversation.ID, err)
	}
	for name, change := range map[string]func(d *message.GroupDraft){
		"another name":   func(d *message.GroupDraft) { d.Name = "Coffee" },
		"another member": func(d *message.GroupDraft) { d.Members = []ids.UserID{u[1], ids.NewUser()} },
	} {
		other := d
		change(&other)
		if _, err := f.CreateGroup(t.Context(), other); !errors.Is(err, message.ErrKeyReused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.Friends.SetStrangers()
	others := d
	others.Creator, others.Members = u[1], []ids.UserID{u[0], u[2]}
	if view, err := f.CreateGroup(t.Context(), others); err != nil || view.Conversation.ID == first.Conversation.ID {
		t.Errorf("the same key of another one: %s, %v", view.Conversation.ID, err)
	}
}

func TestWithoutTheFriendServiceNoGroupIsMade(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	u := newUsers(3)
	for _, failure := range []error{fault.ErrUnavailable, errors.New("unexpected")} {
		f.Friends.Fail(failure)
		if _, err := f.CreateGroup(t.Context(), draftOf(u[0], u[1:]...)); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%v became %v", failure, err)
		}
	}
	if n := len(f.Publisher.Events()); n != 0 {
		t.Errorf("%d events", n)
	}
}

// newGroup makes a group of new users; the first is the owner.
func newGroup(t *testing.T, f *messagetest.Fixture, n int) (ids.ConversationID, []ids.UserID) {
	t.Helper()
	u := newUsers(n)
	view, err := f.CreateGroup(t.Context(), draftOf(u[0], u[1:]...))
	if err != nil {
		t.Fatal(err)
	}
	return view.Conversation.ID, u
}

func TestMembersAreListedForMembersOnly(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, u := newGroup(t, f, 9)
	if _, err := f.LeaveGroup(t.Context(), u[8], id); err != nil {
		t.Fatal(err)
	}
	if _, err := f.MarkRead(t.Context(), message.Marker{Conversation: id, User: u[3], Seq: 1}, false); err != nil {
		t.Fatal(err)
	}
	roles, read := map[ids.UserID]message.Role{}, map[ids.UserID]int64{}
	token, pages := "", 0
	for {
		page, err := f.ListMembers(t.Context(), u[1], id, 3, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Members {
			roles[m.UserID], read[m.UserID] = m.Role, m.ReadSeq
		}
		if page.Count() != 8 || page.Conversation.MembersRev != 2 {
			t.Errorf("page says %d members at version %d", page.Count(), page.Conversation.MembersRev)
		}
		pages++
		if token = page.Next; token == "" {
			break
		}
		if _, err := f.ListMembers(t.Context(), u[2], id, 3, token); !errors.Is(err, fault.ErrPageToken) {
			t.Errorf("the token of another one: %v", err)
		}
	}
	if len(roles) != 8 || pages != 3 || roles[u[0]] != message.RoleOwner || roles[u[1]] != message.RoleMember || read[u[3]] != 1 {
		t.Errorf("%d pages with %v, read %v", pages, roles, read)
	}
	for name, user := range map[string]ids.UserID{"a stranger": ids.NewUser(), "who left": u[8]} {
		if _, err := f.ListMembers(t.Context(), user, id, 3, ""); !errors.Is(err, message.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := f.Recipients(t.Context(), user, id); !errors.Is(err, message.ErrNotFound) {
			t.Errorf("recipients for %s: %v", name, err)
		}
	}
	if a, err := f.Recipients(t.Context(), u[1], id); err != nil || len(a.Users) != 8 || a.MembersRev != 2 || a.ReadOnly {
		t.Errorf("recipients %+v, %v", a, err)
	}
	pair, a, _ := f.Open(t)
	if page, err := f.ListMembers(t.Context(), a, pair, 0, ""); err != nil || len(page.Members) != 2 || page.Count() != 2 {
		t.Errorf("of a pair: %+v, %v", page, err)
	}
}

func TestHistoryOfAGroupIsCutToTheMembership(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, u := newGroup(t, f, 4)
	owner, target := u[0], u[1]
	f.Say(t, owner, id, "2")
	if _, err := f.RemoveMember(t.Context(), owner, id, target); err != nil { // 3
		t.Fatal(err)
	}
	f.Say(t, owner, id, "4")
	f.Say(t, owner, id, "5")
	check := func(user ids.UserID, want string) {
		t.Helper()
		page, err := f.ListMessages(t.Context(), message.HistoryQuery{User: user, Conversation: id, Kind: message.AfterRange})
		if err != nil || show(page) != want {
			t.Errorf("%s, %v; want %s", show(page), err, want)
		}
	}
	check(target, "1-3")
	if _, err := f.AddMembers(t.Context(), owner, id, []ids.UserID{target}); err != nil { // 6
		t.Fatal(err)
	}
	f.Say(t, target, id, "7")
	check(target, "1-3 gap 4-5 6-7")
	check(owner, "1-7")
}

func TestWhoLeftSeesTheGroupAsItWas(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, u := newGroup(t, f, 4)
	left, err := f.LeaveGroup(t.Context(), u[1], id)
	if err != nil {
		t.Fatal(err)
	}
	f.Clock.Add(time.Second)
	if _, err := f.RenameGroup(t.Context(), u[0], id, "Secret"); err != nil {
		t.Fatal(err)
	}
	f.Say(t, u[0], id, "secret")
	if _, err := f.DissolveGroup(t.Context(), u[0], id); err != nil {
		t.Fatal(err)
	}
	again, err := f.Conversation(t.Context(), u[1], id)
	if diff := cmp.Diff(left, again); diff != "" || err != nil {
		t.Errorf("%v (-at leaving +later):\n%s", err, diff)
	}
	if c := again.Conversation; !again.Head.Left || c.Name != "Tea" || c.State != message.ReadOnly || c.MemberCount != 0 || again.Role != message.NoRole {
		t.Errorf("%+v, %+v", again.Head, c)
	}
	if list, err := f.ListConversations(t.Context(), message.ListQuery{User: u[1]}); err != nil || len(list.Views) != 0 {
		t.Errorf("a new device is shown what was left: %+v, %v", list.Views, err)
	}
	list, err := f.ListConversations(t.Context(), message.ListQuery{User: u[1], Left: true})
	if diff := cmp.Diff([]message.View{left}, list.Views); diff != "" || err != nil {
		t.Errorf("list: %v (-at leaving +later):\n%s", err, diff)
	}
}
