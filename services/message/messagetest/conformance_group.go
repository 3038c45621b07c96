// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

func (s suite) groupTests() []conformanceTest {
	return []conformanceTest{
		{"a group begins with its members and a message that says so", s.creation},
		{"a key makes one group, also when many ask at once", s.concurrentCreations},
		{"everybody sees the interval in which they were a member", s.intervals},
		{"who was a member at a membership version is known for ever", s.audiences},
		{"who is in a group together", s.companions},
		{"members are listed page by page", s.memberPages},
		{"a group is listed by activity, and for who left by their leaving", s.groupList},
		{"the head of a group moves for all its members, and once for who leaves", s.groupHeads},
		{"a batch for groups and pairs stores each", s.mixedBatch},
		{"name, roles and end of a group are kept", s.groupState},
		{"a change in a group is for those who may see the message", s.groupChange},
		{"a marker in a group moves for its owner alone", s.groupMarker},
		{"a removal and a send at once have an order", s.removalRace},
		{"of two admins who remove each other one stays", s.adminRace},
		{"a group of ten thousand is filled, listed, sent to and read", s.large},
		{"many who add at once never pass the limit", s.fullRace},
	}
}

// NewCreation makes a creation of a named group with new ids.
func NewCreation(creator ids.UserID, members ...ids.UserID) message.Creation {
	members = slices.Clone(members)
	slices.SortFunc(members, ids.UserID.Compare)
	return message.Creation{
		GroupDraft: message.GroupDraft{Creator: creator, Key: ids.NewIdempotencyKey(), Name: "Tea ☕", Members: members},
		NewID:      ids.NewConversation(), Stamp: message.NewStamp(start),
	}
}

// users makes n users in the order of their ids.
func users(n int) []ids.UserID {
	list := make([]ids.UserID, n)
	for i := range list {
		list[i] = ids.NewUser()
	}
	slices.SortFunc(list, ids.UserID.Compare)
	return list
}

// group makes one of new users; the first is the owner.
func (s suite) group(t *testing.T, n int) (ids.ConversationID, []ids.UserID) {
	t.Helper()
	list := users(n)
	made, _, err := s.store.CreateGroup(t.Context(), NewCreation(list[0], list[1:]...))
	if err != nil {
		t.Fatalf("create group: %v", err)
	}
	return made.ID, list
}

func action(id ids.ConversationID, actor ids.UserID, kind message.SystemKind, at int64, who ...ids.UserID) message.Action {
	return message.Action{Conversation: id, Actor: actor, Kind: kind, Users: who, Stamp: message.NewStamp(at)}
}

func (s suite) act(t *testing.T, a message.Action) []message.Event {
	t.Helper()
	events, err := s.store.ChangeGroup(t.Context(), a)
	if err != nil {
		t.Fatalf("action %d: %v", a.Kind, err)
	}
	return events
}

func (s suite) seen(t *testing.T, id ids.ConversationID, viewer ids.UserID) message.Conversation {
	t.Helper()
	c, err := s.store.Conversation(t.Context(), id, viewer)
	if err != nil {
		t.Fatalf("conversation: %v", err)
	}
	return c
}

func (s suite) creation(t *testing.T) {
	list := users(4)
	c := NewCreation(list[0], list[1:]...)
	made, events, err := s.store.CreateGroup(t.Context(), c)
	if err != nil || made.ID != c.NewID || len(events) != 2 {
		t.Fatalf("made %v, %d events, %v", made, len(events), err)
	}
	want := message.Conversation{
		ID: c.NewID, Kind: message.Group, State: message.Open, Seq: 1, MembersRev: 1, CreatedAt: start, ActiveAt: start,
		Name: "Tea ☕", MemberCount: 4,
		Members: []message.Member{{UserID: list[0], JoinedSeq: 1, JoinedRev: 1, Role: message.RoleOwner}},
	}
	if diff := cmp.Diff(want, s.seen(t, c.NewID, list[0])); diff != "" {
		t.Errorf("group for its owner (-want +got):\n%s", diff)
	}
	if got := s.seen(t, c.NewID, ids.NewUser()); len(got.Members) != 0 {
		t.Errorf("a stranger gets %+v", got.Members)
	}
	said := s.read(t, c.NewID, 1, 9)
	if len(said) != 1 || said[0].Kind != message.SystemBody || said[0].Sender != list[0] || said[0].ID != c.ID {
		t.Fatalf("messages %+v", said)
	}
	if system, err := said[0].System(); err != nil || system.Kind != message.GroupCreated || !slices.Equal(system.Users, list[1:]) {
		t.Errorf("the server says %+v, %v", system, err)
	}
	if diff := cmp.Diff(said[0], events[1].Message); diff != "" || events[1].MembersRev != 1 || len(events[1].Recipients) != 0 {
		t.Errorf("event of the message: %+v (-stored +event):\n%s", events[1], diff)
	}
	want.Members = nil
	if diff := cmp.Diff(want, events[0].Conversation); diff != "" || events[0].Kind != message.ConversationCreated {
		t.Errorf("event of the group (-want +got):\n%s", diff)
	}
}

func (s suite) concurrentCreations(t *testing.T) {
	list := users(3)
	first := NewCreation(list[0], list[1:]...)
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex // guards events
		made   [8]message.Created
		events int
	)
	for i := range made {
		c := first
		c.NewID, c.Stamp, c.Hash = ids.NewConversation(), message.NewStamp(start), message.Hash{1}
		wg.Go(func() {
			answer, emitted, err := s.store.CreateGroup(t.Context(), c)
			if err != nil {
				t.Errorf("create: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			made[i] = answer
			events += len(emitted)
		})
	}
	wg.Wait()
	for _, one := range made {
		if one != made[0] || one.Hash != (message.Hash{1}) {
			t.Errorf("answers differ: %v and %v", one, made[0])
		}
	}
	found, ok, err := s.store.Created(t.Context(), first.Creator, first.Key)
	if err != nil || !ok || found != made[0] || events != 2 {
		t.Errorf("found %v, %t, %v; %d events", found, ok, err, events)
	}
	if _, ok, err := s.store.Created(t.Context(), list[1], first.Key); ok || err != nil {
		t.Errorf("the key of another one: %t, %v", ok, err)
	}
	if n := len(s.page(t, list[0], nil, 10)); n != 1 {
		t.Errorf("%d groups", n)
	}
}

// intervals has one member leave and come back while others talk.
func (s suite) intervals(t *testing.T) {
	id, list := s.group(t, 3)
	owner, member, late := list[0], list[1], ids.NewUser()
	s.append(t, start, NewDraft(owner, id, "2"))
	s.act(t, action(id, owner, message.UserRemoved, start, member)) // 3
	s.append(t, start, NewDraft(owner, id, "4"))
	s.act(t, action(id, owner, message.UsersJoined, start, late, member)) // 5
	s.append(t, start, NewDraft(member, id, "6"))
	s.act(t, action(id, late, message.UserLeft, start)) // 7
	for name, row := range map[string]struct {
		user ids.UserID
		want []message.Interval
	}{
		"who stayed":    {owner, []message.Interval{{From: 1, To: 7}}},
		"who came back": {member, []message.Interval{{From: 1, To: 3}, {From: 5, To: 7}}},
		"who came late": {late, []message.Interval{{From: 5, To: 7}}},
		"a stranger":    {ids.NewUser(), nil},
	} {
		if diff := cmp.Diff(row.want, s.seen(t, id, row.user).Visible(row.user)); diff != "" {
			t.Errorf("%s sees (-want +got):\n%s", name, diff)
		}
	}
	back := s.seen(t, id, member).Members
	if len(back) != 2 || back[0].Role != message.NoRole || back[1].Role != message.RoleMember || back[1].ReadSeq != 6 {
		t.Errorf("intervals of who came back: %+v", back)
	}
	if c := s.seen(t, id, owner); c.MemberCount != 3 || c.MembersRev != 4 || c.Seq != 7 {
		t.Errorf("after all: %+v", c)
	}
	if r := s.append(t, start, NewDraft(late, id, "x")).Results[0]; !errors.Is(r.Err, message.ErrNotFound) {
		t.Errorf("a send of who left: %v", r.Err)
	}
}

func (s suite) audiences(t *testing.T) {
	id, list := s.group(t, 4)
	late := ids.NewUser()
	removal := s.act(t, action(id, list[0], message.UserRemoved, start, list[1]))
	s.act(t, action(id, list[0], message.UsersJoined, start, list[1], late))
	s.act(t, action(id, list[2], message.UserLeft, start))
	all := slices.Concat(list, []ids.UserID{late})
	without := func(gone ...ids.UserID) []ids.UserID {
		left := slices.DeleteFunc(slices.Clone(all), func(user ids.UserID) bool { return slices.Contains(gone, user) })
		slices.SortFunc(left, ids.UserID.Compare)
		return left
	}
	for rev, want := range map[int64][]ids.UserID{
		0: nil, 1: list, 2: without(late, list[1]), 3: without(), 4: without(list[2]), 9: without(list[2]),
	} {
		got, err := s.store.Audience(t.Context(), message.AudienceQuery{Conversation: id, MembersRev: rev})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("version %d: %v (-want +got):\n%s", rev, err, diff)
		}
	}
	for _, e := range removal {
		if e.MembersRev != 2 || !slices.Equal(e.Recipients, list[1:2]) {
			t.Errorf("%s of a removal goes to version %d and %v", e.Kind, e.MembersRev, e.Recipients)
		}
	}
	sent := s.append(t, start, NewDraft(list[0], id, "x")).Events[0]
	if sent.MembersRev != 4 || len(sent.Recipients) != 0 {
		t.Errorf("a message goes to version %d and %v", sent.MembersRev, sent.Recipients)
	}
	if got, err := s.store.Audience(t.Context(), message.AudienceQuery{Conversation: ids.NewConversation(), MembersRev: 1}); len(got) != 0 || err != nil {
		t.Errorf("unknown group: %v, %v", got, err)
	}
}

func (s suite) companions(t *testing.T) {
	id, list := s.group(t, 4)
	_, others := s.group(t, 3)
	s.act(t, action(id, list[0], message.UserRemoved, start, list[1]))
	s.act(t, action(id, list[2], message.UserLeft, start))
	stranger := ids.NewUser() // a conversation of two is no group
	s.relate(t, NewPair(t, list[0], stranger), 1, true)
	ask := slices.Concat(list, others, []ids.UserID{stranger, list[3]})
	for name, row := range map[string]struct {
		user ids.UserID
		want []ids.UserID
	}{
		"member": {list[0], list[3:4]}, "removed": {list[1], nil}, "left": {list[2], nil}, "nobody": {ids.NewUser(), nil},
	} {
		got, err := s.store.CompanionsAmong(t.Context(), row.user, ask)
		if diff := cmp.Diff(row.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if got, err := s.store.CompanionsAmong(t.Context(), list[0], nil); len(got) != 0 || err != nil {
		t.Errorf("of nobody: %v, %v", got, err)
	}
}

func (s suite) memberPages(t *testing.T) {
	id, list := s.group(t, 7)
	s.act(t, action(id, list[3], message.UserLeft, start))
	want := slices.Delete(slices.Clone(list), 3, 4)
	var got []ids.UserID
	q := message.MembersQuery{Conversation: id, Limit: 4}
	for {
		page, err := s.store.Members(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page {
			got = append(got, m.UserID)
			q.After = m.UserID
		}
		if len(page) < q.Limit {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// groupList lists a pair between two groups, and a group that the user left first of all.
func (s suite) groupList(t *testing.T) {
	old, list := s.group(t, 3)
	user, peer := list[1], list[0]
	create := func() ids.ConversationID {
		made, _, err := s.store.CreateGroup(t.Context(), NewCreation(peer, user, list[2]))
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	busy, quiet, pair := create(), create(), s.relate(t, NewPair(t, user, peer), 1, true)
	s.append(t, start+5, NewDraft(peer, old, "seen"))
	s.act(t, action(old, user, message.UserLeft, start+10))
	s.append(t, start+20, NewDraft(peer, quiet, "1"))
	s.append(t, start+30, NewDraft(peer, pair, "1"))
	s.append(t, start+40, NewDraft(peer, busy, "1"), NewDraft(peer, old, "not seen"))
	a := action(old, peer, message.GroupRenamed, start+50)
	a.Name = "Secret"
	s.act(t, a)
	var got []ids.ConversationID
	var before *message.Position
	for {
		page := s.page(t, user, before, 3)
		for _, c := range page {
			got = append(got, c.ID)
			before = &message.Position{ActiveAt: c.ActiveAt, ID: c.ID}
			if c.ID == old && (c.Name != "Tea ☕" || c.Seq != 3 || c.ActiveAt != start+10 || c.MemberCount != 0 || c.MembersRev != 2) {
				t.Errorf("who left sees %+v", c)
			}
		}
		if len(page) < 3 {
			break
		}
	}
	if diff := cmp.Diff([]ids.ConversationID{busy, pair, quiet, old}, got); diff != "" {
		t.Error(diff)
	}
	present, err := s.store.Conversations(t.Context(), message.PageQuery{User: user, Limit: 9})
	if err != nil || len(present) != 3 || present[2].ID != quiet {
		t.Errorf("without what was left: %+v, %v", present, err)
	}
}

func (s suite) groupHeads(t *testing.T) {
	id, list := s.group(t, 3)
	owner, stays, leaves := list[0], list[1], list[2]
	moved := func(user ids.UserID, since int64) []message.MovedHead {
		t.Helper()
		lists, err := s.store.Heads(t.Context(), []message.HeadsQuery{{User: user, Since: since, Limit: 10}})
		if err != nil {
			t.Fatal(err)
		}
		return lists[0]
	}
	s.append(t, start+10, NewDraft(owner, id, "2"))
	want := []message.MovedHead{{Head: message.Head{Conversation: id, Seq: 2, MembersRev: 1, Unread: 1}, ActiveAt: start + 10}}
	for _, user := range []ids.UserID{stays, leaves} {
		if diff := cmp.Diff(want, moved(user, start+10)); diff != "" {
			t.Errorf("after a message (-want +got):\n%s", diff)
		}
		if got := moved(user, start+11); len(got) != 0 {
			t.Errorf("moved later: %+v", got)
		}
	}
	s.act(t, action(id, owner, message.UserRemoved, start+20, leaves))
	s.append(t, start+30, NewDraft(owner, id, "4"))
	want = []message.MovedHead{{
		Head: message.Head{Conversation: id, Seq: 3, MembersRev: 2, Unread: 1, Left: true}, ActiveAt: start + 20,
	}}
	if diff := cmp.Diff(want, moved(leaves, start+20)); diff != "" {
		t.Errorf("who left (-want +got):\n%s", diff)
	}
	if got := moved(leaves, start+21); len(got) != 0 {
		t.Errorf("for who left it moves on: %+v", got)
	}
	if got := moved(stays, start+30); len(got) != 1 || got[0].Seq != 4 {
		t.Errorf("for who stayed: %+v", got)
	}
	s.act(t, action(id, owner, message.UsersJoined, start+40, leaves))
	if got := moved(leaves, start); len(got) != 1 || got[0].Seq != 5 || got[0].Left || got[0].Unread != 0 {
		t.Errorf("for who came back: %+v", got)
	}
}

func (s suite) mixedBatch(t *testing.T) {
	id, list := s.group(t, 4)
	pair := s.relate(t, NewPair(t, list[1], list[2]), 1, true)
	got := s.append(t, start+1, NewDraft(list[1], id, "2"), NewDraft(list[2], pair, "1"), NewDraft(list[2], id, "3"),
		NewDraft(ids.NewUser(), id, "x"), NewDraft(list[1], id, "4"))
	var seqs []int64
	for _, r := range got.Results {
		seqs = append(seqs, r.Sent.Seq)
	}
	if diff := cmp.Diff([]int64{2, 1, 3, 0, 4}, seqs); diff != "" || !errors.Is(got.Results[3].Err, message.ErrNotFound) {
		t.Errorf("stranger: %v, seqs (-want +got):\n%s", got.Results[3].Err, diff)
	}
	for user, want := range map[ids.UserID]int64{list[0]: 0, list[1]: 4, list[2]: 3, list[3]: 0} {
		if m, _ := s.seen(t, id, user).Membership(user); m.ReadSeq != want {
			t.Errorf("marker at %d, want %d", m.ReadSeq, want)
		}
	}
	if m, _ := s.conversation(t, pair).Membership(list[2]); m.ReadSeq != 1 {
		t.Errorf("marker in the pair at %d", m.ReadSeq)
	}
}

func (s suite) groupState(t *testing.T) {
	id, list := s.group(t, 3)
	rename := action(id, list[0], message.GroupRenamed, start)
	rename.Name = "Ünïcode 名前"
	hand := action(id, list[0], message.RoleChanged, start, list[1])
	hand.Role = message.RoleOwner
	s.act(t, rename)
	s.act(t, hand)
	s.act(t, action(id, list[1], message.GroupDissolved, start))
	c := s.seen(t, id, list[1])
	if c.Name != rename.Name || c.State != message.ReadOnly || c.MembersRev != 4 || c.Seq != 4 || c.RoleOf(list[1]) != message.RoleOwner {
		t.Errorf("group %+v", c)
	}
	if got := s.seen(t, id, list[0]).RoleOf(list[0]); got != message.RoleAdmin {
		t.Errorf("the former owner is %d", got)
	}
	if again := s.act(t, action(id, list[1], message.GroupDissolved, start)); len(again) != 0 {
		t.Errorf("dissolved again: %d events", len(again))
	}
	if r := s.append(t, start, NewDraft(list[1], id, "x")).Results[0]; !errors.Is(r.Err, message.ErrReadOnly) {
		t.Errorf("send: %v", r.Err)
	}
	if _, err := s.store.ChangeGroup(t.Context(), action(ids.NewConversation(), list[1], message.UserLeft, start)); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("unknown group: %v", err)
	}
}

func (s suite) groupMarker(t *testing.T) {
	id, list := s.group(t, 3)
	s.append(t, start, NewDraft(list[0], id, "2"), NewDraft(list[0], id, "3"))
	head, events, err := s.markRead(t, list[1], id, 2, start+1)
	if err != nil || head.ReadSeq != 2 || head.Unread != 1 || len(events) != 1 {
		t.Fatalf("head %+v, %d events, %v", head, len(events), err)
	}
	if e := events[0]; e.MembersRev != 1 || !slices.Equal(e.Recipients, list[1:2]) {
		t.Errorf("event to version %d and %v", e.MembersRev, e.Recipients)
	}
	if m, _ := s.seen(t, id, list[2]).Membership(list[2]); m.ReadSeq != 0 {
		t.Errorf("marker of another member at %d", m.ReadSeq)
	}
}

// groupChange has the owner take back what a member said before one came, one left and one left and came
// back.
func (s suite) groupChange(t *testing.T) {
	id, list := s.group(t, 5)
	owner, sender, leaves, back, late := list[0], list[1], list[2], list[3], ids.NewUser()
	s.append(t, start, NewDraft(sender, id, "2"))
	s.act(t, action(id, owner, message.UserRemoved, start, back))
	s.act(t, action(id, owner, message.UsersJoined, start, back, late))
	s.act(t, action(id, leaves, message.UserLeft, start)) // membership version 4
	recall := message.Change{
		Conversation: id, Seq: 2, Kind: message.Recalling, At: start + 1_000_000_000, EventID: ids.NewEvent(),
	}
	for by, want := range map[ids.UserID]error{
		late: message.ErrNotFound, leaves: message.ErrNotFound, list[4]: message.ErrForbidden, sender: message.ErrTooLate,
	} {
		recall.By = by
		if _, err := s.store.Change(t.Context(), recall); !errors.Is(err, want) {
			t.Errorf("recall: %v, want %v", err, want)
		}
	}
	recall.By = owner
	plan, err := s.store.Change(t.Context(), recall)
	if err != nil || !plan.Changed || plan.Events[0].MembersRev != 4 || len(plan.Events[0].Recipients) != 0 {
		t.Fatalf("recall of the owner: %+v, %v", plan, err)
	}
	got, err := s.store.Audience(t.Context(), message.AudienceQuery{Conversation: id, MembersRev: 4, Seq: 2})
	want := []ids.UserID{owner, sender, back, list[4]}
	slices.SortFunc(want, ids.UserID.Compare)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for user, want := range map[ids.UserID]int{owner: 1, late: 1, leaves: 0} {
		lists, err := s.store.Heads(t.Context(), []message.HeadsQuery{{User: user, Since: recall.At, Limit: 9}})
		if err != nil || len(lists[0]) != want {
			t.Errorf("moved for %d of %v, want %d: %v", len(lists[0]), user, want, err)
		}
	}
}
