// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// GroupStep is one thing that somebody tries in a random history of a group.
type GroupStep struct {
	Kind  int // see groupModel.run and groupModel.speak
	Actor int
	User  int
	Role  message.Role
	Seq   int64
}

const (
	groupUsers = 6 // the first four are there at the beginning
	groupBegin = 4
	groupDeeds = 21
)

// GroupSteps generates random histories. Most are about who is a member; a group is seldom dissolved.
func GroupSteps() *rapid.Generator[[]GroupStep] {
	return groupSteps(rapid.IntRange(0, groupDeeds-1))
}

// FileSteps generates histories in which files are shown, hidden, forwarded and taken back, and people come
// and go.
func FileSteps() *rapid.Generator[[]GroupStep] {
	return groupSteps(rapid.SampledFrom([]int{3, 4, 5, 10, 13, 14, 16, 16, 17, 18, 19}))
}

func groupSteps(kind *rapid.Generator[int]) *rapid.Generator[[]GroupStep] {
	one := rapid.Custom(func(t *rapid.T) GroupStep {
		return GroupStep{
			Kind: kind.Draw(t, "kind"), Actor: rapid.IntRange(0, groupUsers-1).Draw(t, "actor"),
			User: rapid.IntRange(0, groupUsers-1).Draw(t, "user"),
			Role: message.Role(rapid.IntRange(1, 3).Draw(t, "role")), Seq: rapid.Int64Range(0, 20).Draw(t, "seq"),
		}
	})
	return rapid.SliceOfN(one, 5, 60)
}

// groupModel is what a group should be, in the simplest words: for each message who was there.
type groupModel struct {
	t         fataler
	service   *Fixture
	id        ids.ConversationID
	users     []ids.UserID
	roles     map[ids.UserID]message.Role // of members
	was       map[ids.UserID]bool         // ever a member
	log       []*said
	read      map[ids.UserID]int64
	shown     map[ids.UserID]int64 // what others see of read
	begin     map[ids.UserID]int   // position of the message that told of the newest interval
	dissolved bool
	renamed   bool
	changes   int64                         // of messages
	hidden    map[ids.UserID]map[int64]bool // what each user hid
	avatar    ids.FileID
	files     []ids.FileID // all that was ever uploaded
}

// ReplayGroup runs a history against a service and fails where it does not do what the model says.
func ReplayGroup(t testing.TB, failure fataler, service *Fixture, steps []GroupStep) {
	t.Helper()
	m := &groupModel{
		t: failure, service: service, users: users(groupUsers), roles: map[ids.UserID]message.Role{},
		was: map[ids.UserID]bool{}, read: map[ids.UserID]int64{}, shown: map[ids.UserID]int64{},
		begin: map[ids.UserID]int{}, hidden: map[ids.UserID]map[int64]bool{},
	}
	before := len(service.Publisher.Events())
	view, err := service.CreateGroup(t.Context(), message.GroupDraft{
		Creator: m.users[0], Key: ids.NewIdempotencyKey(), Members: m.users[1:groupBegin],
	})
	if err != nil {
		m.t.Fatalf("create: %v", err)
	}
	m.id = view.Conversation.ID
	for i, user := range m.users[:groupBegin] {
		m.join(user)
		if i == 0 {
			m.roles[user] = message.RoleOwner
		}
	}
	m.say(m.users[0], true)
	for _, step := range steps {
		m.run(t, step)
	}
	for _, user := range m.users {
		m.compare(t, user)
		m.compareChanges(t, user)
		m.compareReadable(t, user)
	}
	m.compareCitations(t)
	m.compareEvents(t, service.Publisher.Events()[before:])
}

func (m *groupModel) join(user ids.UserID) {
	m.roles[user], m.was[user] = message.RoleMember, true
	delete(m.shown, user)
	delete(m.read, user) // a new interval begins unread, also right behind the old one
	m.begin[user] = len(m.log) + 1
}

// say adds a message for all who are there now, and for who leaves with it.
func (m *groupModel) say(sender ids.UserID, system bool, leaving ...ids.UserID) *said {
	s := &said{sender: sender, system: system, seen: map[ids.UserID]bool{}, at: m.service.Clock.Now().UnixMilli()}
	for user := range m.roles {
		s.seen[user] = true
	}
	for _, user := range leaving {
		s.seen[user] = true
	}
	m.log = append(m.log, s)
	return s
}

func (m *groupModel) run(t testing.TB, s GroupStep) {
	ctx, actor, user := t.Context(), m.users[s.Actor], m.users[s.User]
	var err error
	switch s.Kind {
	case 2:
		m.mark(t, message.Marker{User: actor, Seq: s.Seq}, s.Role == message.RoleOwner)
	case 3:
		_, err = m.service.AddMembers(ctx, actor, m.id, []ids.UserID{user})
		m.expect(s, err, m.mayAct(actor, message.RoleAdmin), func() { m.add(actor, user) })
	case 4:
		_, err = m.service.RemoveMember(ctx, actor, m.id, user)
		m.expect(s, err, m.mayRemove(actor, user), func() { m.part(actor, user) })
	case 5:
		_, err = m.service.LeaveGroup(ctx, actor, m.id)
		m.expect(s, err, m.mayLeave(actor), func() { m.part(actor, actor) })
	case 6:
		_, err = m.service.SetMemberRole(ctx, actor, m.id, user, s.Role)
		m.expect(s, err, m.mayGive(actor, user, s.Role), func() { m.give(actor, user, s.Role) })
	case 7:
		_, err = m.service.RenameGroup(ctx, actor, m.id, "Name")
		m.expect(s, err, m.mayAct(actor, message.RoleAdmin), func() { m.rename(actor) })
	case 16, 17, 18, 19:
		m.show(t, s)
	case 8:
		if s.Seq > 1 { // seldom
			return
		}
		_, err = m.service.DissolveGroup(ctx, actor, m.id)
		want := m.mayAct(actor, message.RoleOwner)
		if errors.Is(want, message.ErrReadOnly) {
			want = nil
		}
		m.expect(s, err, want, func() { m.dissolve(actor) })
	default:
		m.speak(t, s)
	}
}

func (m *groupModel) expect(s GroupStep, got, want error, then func()) {
	if !errors.Is(got, want) || (got == nil) != (want == nil) {
		m.t.Fatalf("%+v: %v, want %v", s, got, want)
	}
	if got == nil {
		then()
	}
}

func (m *groupModel) mayAct(actor ids.UserID, needs message.Role) error {
	switch {
	case m.roles[actor] == message.NoRole:
		return message.ErrNotFound
	case m.roles[actor] < needs:
		return message.ErrForbidden
	case m.dissolved:
		return message.ErrReadOnly
	}
	return nil
}

func (m *groupModel) mayRemove(actor, user ids.UserID) error {
	err := m.mayAct(actor, message.RoleAdmin)
	switch {
	case err != nil:
		return err
	case actor == user:
		return fault.ErrInvalid
	case m.roles[user] == message.RoleOwner:
		return message.ErrForbidden
	}
	return nil
}

func (m *groupModel) mayLeave(actor ids.UserID) error {
	switch {
	case m.was[actor] && m.roles[actor] == message.NoRole:
		return nil
	case m.roles[actor] == message.RoleOwner && !m.dissolved:
		return message.ErrOwnerMustHandOver
	}
	return m.mayAct(actor, message.RoleMember)
}

func (m *groupModel) mayGive(actor, user ids.UserID, role message.Role) error {
	err := m.mayAct(actor, message.RoleOwner)
	switch {
	case err != nil:
		return err
	case m.roles[user] == message.NoRole:
		return message.ErrNotFound
	case user == actor && role != message.RoleOwner:
		return message.ErrOwnerMustHandOver
	}
	return nil
}

func (m *groupModel) add(actor, user ids.UserID) {
	if m.roles[user] == message.NoRole {
		m.join(user)
		m.say(actor, true)
	}
}

func (m *groupModel) part(actor, user ids.UserID) {
	if m.roles[user] != message.NoRole {
		delete(m.roles, user)
		m.say(actor, true, user)
	}
}

func (m *groupModel) give(actor, user ids.UserID, role message.Role) {
	if m.roles[user] == role {
		return
	}
	if role == message.RoleOwner {
		m.roles[actor] = message.RoleAdmin
	}
	m.roles[user] = role
	m.say(actor, true)
}

func (m *groupModel) rename(actor ids.UserID) {
	if !m.renamed {
		m.renamed = true
		m.say(actor, true)
	}
}

func (m *groupModel) dissolve(actor ids.UserID) {
	if !m.dissolved {
		m.dissolved = true
		m.say(actor, true)
	}
}

// seen lists what a user may see.
func (m *groupModel) seen(user ids.UserID) []int64 {
	var list []int64
	for i, s := range m.log {
		if s.seen[user] {
			list = append(list, int64(i+1))
		}
	}
	return list
}

func (m *groupModel) mark(t testing.TB, marker message.Marker, hidden bool) {
	marker.Conversation = m.id
	user, seq := marker.User, marker.Seq
	head, err := m.service.MarkRead(t.Context(), marker, hidden)
	if !m.was[user] {
		if !errors.Is(err, message.ErrNotFound) {
			m.t.Fatalf("a mark of a stranger: %v", err)
		}
		return
	}
	m.read[user] = max(m.read[user], min(seq, slices.Max(m.seen(user))))
	if !hidden {
		m.shown[user] = max(m.shown[user], min(seq, slices.Max(m.seen(user))))
	}
	if err != nil || head.ReadSeq != m.read[user] || head.Unread != m.unread(user) {
		m.t.Fatalf("mark %d: %+v, %v; want %d with %d unread", seq, head, err, m.read[user], m.unread(user))
	}
}

// unread counts message by message, in the newest interval.
func (m *groupModel) unread(user ids.UserID) int32 {
	var n int32
	for i := len(m.log); i >= m.begin[user] && int64(i) > m.read[user]; i-- {
		s := m.log[i-1]
		if s.seen[user] && !s.system && !s.recalled && s.sender != user && !m.hidden[user][int64(i)] {
			n++
		}
	}
	return n
}

// compare holds what one user sees to what the model says.
func (m *groupModel) compare(t testing.TB, user ids.UserID) {
	m.t.Helper()
	view, err := m.service.Conversation(t.Context(), user, m.id)
	if !m.was[user] {
		if !errors.Is(err, message.ErrNotFound) {
			m.t.Fatalf("a stranger sees the group: %v", err)
		}
		return
	}
	want := m.seen(user)
	count := len(m.roles)
	if m.roles[user] == message.NoRole {
		count = 0
	}
	h := view.Head
	if err != nil || h.Seq != slices.Max(want) || h.Left != (count == 0) || h.Unread != m.unread(user) ||
		view.Role != m.roles[user] || view.Conversation.MemberCount != count ||
		h.Rev != m.changes || h.HiddenRev != int64(len(m.hidden[user])) {
		m.t.Fatalf("user sees %+v as %d of %d, %v; want %d, unread %d, role %d of %d",
			h, view.Role, view.Conversation.MemberCount, err, slices.Max(want), m.unread(user), m.roles[user], count)
	}
	page, err := m.service.ListMessages(t.Context(), message.HistoryQuery{
		User: user, Conversation: m.id, Kind: message.AfterRange, Limit: message.MaxPageItems,
	})
	if err != nil {
		m.t.Fatalf("history: %v", err)
	}
	m.comparePage(user, want, page)
	m.compareLast(user, view)
	covered := int64(len(page.Items))
	for _, gap := range slices.Concat(page.Gaps, page.Hidden) {
		covered += gap.To - gap.From + 1
	}
	if covered != h.Seq {
		m.t.Fatalf("items and gaps cover %d of %d", covered, h.Seq)
	}
	m.compareMembers(t, user)
}

func (m *groupModel) compareMembers(t testing.TB, user ids.UserID) {
	m.t.Helper()
	page, err := m.service.ListMembers(t.Context(), user, m.id, 0, "")
	if m.roles[user] == message.NoRole {
		if !errors.Is(err, message.ErrNotFound) {
			m.t.Fatalf("who left lists members: %v", err)
		}
		return
	}
	got, owners := map[ids.UserID]message.Role{}, 0
	for _, member := range page.Members {
		got[member.UserID] = member.Role
		read := m.shown[member.UserID]
		if member.UserID == user {
			read = m.read[user]
		}
		if member.ReadSeq != read {
			m.t.Fatalf("a marker at %d, want %d", member.ReadSeq, read)
		}
		if member.Role == message.RoleOwner {
			owners++
		}
	}
	if diff := cmp.Diff(m.roles, got); diff != "" || err != nil || owners != 1 {
		m.t.Fatalf("%d owners, %v (-model +got):\n%s", owners, err, diff)
	}
}

// compareEvents holds who is told of each message to who may see it: nobody else, and nobody is left out.
func (m *groupModel) compareEvents(t testing.TB, events []message.Event) {
	m.t.Helper()
	told := 0
	for _, e := range events {
		if e.Message.Conversation != m.id && e.Marker.Conversation != m.id {
			continue
		}
		if e.Kind == message.MessageHidden || e.Kind.OfMessage() && e.Kind != message.MessageCreated && e.Kind != message.SpeechRequested {
			m.compareChange(t, e)
		}
		if e.Kind != message.MessageCreated {
			continue
		}
		told++
		audience, err := m.service.MembersAt(t.Context(), message.AudienceQuery{Conversation: m.id, MembersRev: e.MembersRev})
		if err != nil {
			m.t.Fatalf("audience: %v", err)
		}
		got := map[ids.UserID]bool{}
		for _, user := range slices.Concat(audience.Users, e.Recipients) {
			got[user] = true
		}
		if !maps.Equal(m.log[e.Message.Seq-1].seen, got) {
			m.t.Fatalf("message %d is told to %d users, %d may see it", e.Message.Seq, len(got), len(m.log[e.Message.Seq-1].seen))
		}
	}
	if told != len(m.log) {
		m.t.Fatalf("%d events for %d messages", told, len(m.log))
	}
}
