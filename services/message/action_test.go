// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

// crew is a group of an owner, an admin, two members, somebody who left and a stranger.
type crew struct {
	*messagetest.Fixture
	id                                               ids.ConversationID
	owner, admin, member, other, left, stranger, new ids.UserID
}

func newCrew(t *testing.T) *crew {
	t.Helper()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, u := newGroup(t, f, 5)
	c := &crew{Fixture: f, id: id, owner: u[0], admin: u[1], member: u[2], other: u[3], left: u[4], stranger: ids.NewUser(), new: ids.NewUser()}
	if _, err := f.SetMemberRole(t.Context(), c.owner, id, c.admin, message.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	if _, err := f.LeaveGroup(t.Context(), c.left, id); err != nil {
		t.Fatal(err)
	}
	return c
}

// said lists what the server said in the group, from a position on.
func (c *crew) said(t *testing.T, after int64) []message.System {
	t.Helper()
	page, err := c.ListMessages(t.Context(), message.HistoryQuery{User: c.owner, Conversation: c.id, Kind: message.AfterRange, Seq: after})
	if err != nil {
		t.Fatal(err)
	}
	var all []message.System
	for _, m := range page.Items {
		s, err := m.System()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// deed is what a row of the table does.
type deed func(c *crew, t *testing.T, by ids.UserID) error

func add(who func(c *crew) ids.UserID) deed {
	return func(c *crew, t *testing.T, by ids.UserID) error {
		_, err := c.AddMembers(t.Context(), by, c.id, []ids.UserID{who(c)})
		return err
	}
}

func remove(who func(c *crew) ids.UserID) deed {
	return func(c *crew, t *testing.T, by ids.UserID) error {
		_, err := c.RemoveMember(t.Context(), by, c.id, who(c))
		return err
	}
}

func give(role message.Role, who func(c *crew) ids.UserID) deed {
	return func(c *crew, t *testing.T, by ids.UserID) error {
		_, err := c.SetMemberRole(t.Context(), by, c.id, who(c), role)
		return err
	}
}

func rename(name string) deed {
	return func(c *crew, t *testing.T, by ids.UserID) error {
		_, err := c.RenameGroup(t.Context(), by, c.id, name)
		return err
	}
}

func leave(c *crew, t *testing.T, by ids.UserID) error {
	_, err := c.LeaveGroup(t.Context(), by, c.id)
	return err
}

func dissolve(c *crew, t *testing.T, by ids.UserID) error {
	_, err := c.DissolveGroup(t.Context(), by, c.id)
	return err
}

func owner(c *crew) ids.UserID    { return c.owner }
func admin(c *crew) ids.UserID    { return c.admin }
func member(c *crew) ids.UserID   { return c.member }
func other(c *crew) ids.UserID    { return c.other }
func left(c *crew) ids.UserID     { return c.left }
func stranger(c *crew) ids.UserID { return c.stranger }
func newcomer(c *crew) ids.UserID { return c.new }

func TestWhoMayDoWhatInAGroup(t *testing.T) {
	t.Parallel()
	var (
		no, unknown = message.ErrForbidden, message.ErrNotFound
		handOver    = message.ErrOwnerMustHandOver
		invalid     = fault.ErrInvalid
	)
	actors := []func(c *crew) ids.UserID{owner, admin, member, left, stranger}
	rows := map[string]struct {
		do   deed
		want [5]error // of actors
	}{
		"add somebody":              {add(newcomer), [5]error{nil, nil, no, unknown, unknown}},
		"add a member":              {add(other), [5]error{nil, nil, no, unknown, unknown}},
		"add who left":              {add(left), [5]error{nil, nil, no, unknown, unknown}},
		"remove a member":           {remove(other), [5]error{nil, nil, no, unknown, unknown}},
		"remove an admin":           {remove(admin), [5]error{nil, invalid, no, unknown, unknown}},
		"remove the owner":          {remove(owner), [5]error{invalid, no, no, unknown, unknown}},
		"remove who left":           {remove(left), [5]error{nil, nil, no, unknown, unknown}},
		"remove a stranger":         {remove(stranger), [5]error{nil, nil, no, unknown, unknown}},
		"rename":                    {rename("Coffee"), [5]error{nil, nil, no, unknown, unknown}},
		"rename to the same":        {rename("Tea"), [5]error{nil, nil, no, unknown, unknown}},
		"leave":                     {leave, [5]error{handOver, nil, nil, nil, unknown}},
		"dissolve":                  {dissolve, [5]error{nil, no, no, unknown, unknown}},
		"make an admin":             {give(message.RoleAdmin, member), [5]error{nil, no, no, unknown, unknown}},
		"make oneself the owner":    {give(message.RoleOwner, admin), [5]error{nil, no, no, unknown, unknown}},
		"make the owner a member":   {give(message.RoleMember, owner), [5]error{handOver, no, no, unknown, unknown}},
		"give a role to who left":   {give(message.RoleAdmin, left), [5]error{unknown, no, no, unknown, unknown}},
		"give a role to a stranger": {give(message.RoleOwner, stranger), [5]error{unknown, no, no, unknown, unknown}},
		"give a role that is none":  {give(message.Role(4), member), [5]error{invalid, invalid, invalid, invalid, invalid}},
		"take a role away":          {give(message.NoRole, member), [5]error{invalid, invalid, invalid, invalid, invalid}},
		"a name of two lines":       {rename("a\nb"), [5]error{invalid, invalid, invalid, invalid, invalid}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, actor := range actors {
				c := newCrew(t)
				if err := row.do(c, t, actor(c)); !errors.Is(err, row.want[i]) {
					t.Errorf("actor %d: %v, want %v", i, err, row.want[i])
					continue
				}
				// Whatever was done or refused, again is the same, and there is one owner.
				first := len(c.Publisher.Events())
				if err := row.do(c, t, actor(c)); name != "make oneself the owner" && !errors.Is(err, row.want[i]) {
					t.Errorf("actor %d again: %v, want %v", i, err, row.want[i])
				}
				if n := len(c.Publisher.Events()); n != first {
					t.Errorf("actor %d: a repeat emits %d events", i, n-first)
				}
				c.oneOwner(t)
			}
		})
	}
}

func (c *crew) oneOwner(t *testing.T) {
	t.Helper()
	owners := 0
	for _, user := range []ids.UserID{c.owner, c.admin, c.member, c.other, c.left, c.stranger, c.new} {
		if view, err := c.Conversation(t.Context(), user, c.id); err == nil && view.Role == message.RoleOwner {
			owners++
		}
	}
	if owners != 1 {
		t.Errorf("%d owners", owners)
	}
}

func TestTheServerSaysWhatHappens(t *testing.T) {
	t.Parallel()
	c := newCrew(t)
	steps := []struct {
		do   deed
		want message.System
	}{
		{add(newcomer), message.System{Kind: message.UsersJoined, Actor: c.owner, Users: []ids.UserID{c.new}}},
		{remove(other), message.System{Kind: message.UserRemoved, Actor: c.owner, Users: []ids.UserID{c.other}}},
		{rename(" Coffee "), message.System{Kind: message.GroupRenamed, Actor: c.owner, Name: "Coffee"}},
		{give(message.RoleAdmin, member), message.System{Kind: message.RoleChanged, Actor: c.owner, Users: []ids.UserID{c.member}, Role: message.RoleAdmin}},
		{give(message.RoleOwner, admin), message.System{Kind: message.RoleChanged, Actor: c.owner, Users: []ids.UserID{c.admin}, Role: message.RoleOwner}},
	}
	want := []message.System{}
	for _, step := range steps {
		if err := step.do(c, t, c.owner); err != nil {
			t.Fatal(err)
		}
		want = append(want, step.want)
	}
	if err := dissolve(c, t, c.admin); err != nil {
		t.Fatal(err)
	}
	want = append(want, message.System{Kind: message.GroupDissolved, Actor: c.admin})
	if diff := cmp.Diff(want, c.said(t, 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	view, err := c.Conversation(t.Context(), c.owner, c.id)
	if err != nil || view.Role != message.RoleAdmin || view.Conversation.State != message.ReadOnly || view.Conversation.MemberCount != 4 {
		t.Errorf("%+v as %d, %v", view.Conversation, view.Role, err)
	}
	if view.Head.Unread != 0 {
		t.Errorf("%d messages of the server are unread", view.Head.Unread)
	}
	for _, e := range c.Publisher.Events()[2:] {
		if e.Kind == message.ConversationUpdated && e.Conversation.MembersRev != e.MembersRev {
			t.Errorf("a group at version %d is told to version %d", e.Conversation.MembersRev, e.MembersRev)
		}
	}
}

func TestADissolvedGroupStaysAsItIs(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]deed{
		"add": add(newcomer), "remove": remove(other), "rename": rename("Coffee"), "make an admin": give(message.RoleAdmin, member),
	} {
		c := newCrew(t)
		if err := dissolve(c, t, c.owner); err != nil {
			t.Fatal(err)
		}
		if err := do(c, t, c.owner); !errors.Is(err, message.ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
		if err := leave(c, t, c.member); !errors.Is(err, message.ErrReadOnly) {
			t.Errorf("leave: %v", err)
		}
		if _, err := c.Send(t.Context(), messagetest.NewDraft(c.owner, c.id, "x")); !errors.Is(err, message.ErrReadOnly) {
			t.Errorf("send: %v", err)
		}
		if page, err := c.ListMessages(t.Context(), message.HistoryQuery{User: c.member, Conversation: c.id}); err != nil || len(page.Items) != 4 {
			t.Errorf("history: %d messages, %v", len(page.Items), err)
		}
	}
}

func TestAddMembersRefuses(t *testing.T) {
	t.Parallel()
	c := newCrew(t)
	c.Friends.SetStrangers(c.stranger)
	asked := c.Friends.Asked()
	rows := map[string]struct {
		by    ids.UserID
		users []ids.UserID
		want  error
	}{
		"nobody":            {c.owner, nil, fault.ErrInvalid},
		"501 ids":           {c.owner, newUsers(501), fault.ErrInvalid},
		"no id":             {c.owner, []ids.UserID{{}}, fault.ErrInvalid},
		"by a member":       {c.member, []ids.UserID{c.new}, message.ErrForbidden},
		"by who left":       {c.left, []ids.UserID{c.new}, message.ErrNotFound},
		"to a pair":         {c.owner, nil, fault.ErrInvalid},
		"a stranger and so": {c.owner, []ids.UserID{c.new, c.stranger}, message.ErrNotFriends},
	}
	for name, row := range rows {
		if _, err := c.AddMembers(t.Context(), row.by, c.id, row.users); !errors.Is(err, row.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := c.Friends.Asked() - asked; n != 1 {
		t.Errorf("the friend service was asked %d times for one caller who may add", n)
	}
	pair, a, _ := c.Open(t)
	for name, err := range map[string]error{
		"add": second(c.AddMembers(t.Context(), a, pair, []ids.UserID{c.new})), "leave": second(c.LeaveGroup(t.Context(), a, pair)),
		"rename": second(c.RenameGroup(t.Context(), a, pair, "x")), "dissolve": second(c.DissolveGroup(t.Context(), a, pair)),
	} {
		if !errors.Is(err, message.ErrNotGroup) {
			t.Errorf("%s in a pair: %v", name, err)
		}
	}
	view, err := c.Conversation(t.Context(), c.owner, c.id)
	if err != nil || view.Conversation.MemberCount != 4 {
		t.Errorf("%d members, %v", view.Conversation.MemberCount, err)
	}
}

func second(_ message.View, err error) error { return err }

func TestMarkersInAGroupAreForItsMembersWhileItIsSmall(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	for n, want := range map[int]int64{message.MaxMarkerMembers: 1, message.MaxMarkerMembers + 1: 0} {
		id, u := newGroup(t, f, n)
		if _, err := f.MarkRead(t.Context(), message.Marker{Conversation: id, User: u[1], Seq: 1}, false); err != nil {
			t.Fatal(err)
		}
		events := f.Publisher.Events()
		last := events[len(events)-1]
		if last.Kind != message.MarkerMoved || last.MembersRev != want || len(last.Recipients) != 1 || last.Recipients[0] != u[1] {
			t.Errorf("%d members: %s to version %d and %d users", n, last.Kind, last.MembersRev, len(last.Recipients))
		}
		page, err := f.ListMembers(t.Context(), u[0], id, message.MaxMembersPage, "")
		if err != nil {
			t.Fatal(err)
		}
		read := int64(0)
		for _, m := range page.Members {
			read += m.ReadSeq
		}
		if read != want {
			t.Errorf("%d members: markers add up to %d", n, read)
		}
	}
}
