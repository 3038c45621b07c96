// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

func (s suite) pair(t *testing.T) {
	a, b := ids.NewUser(), ids.NewUser()
	pair := NewPair(t, a, b)
	var first ids.ConversationID
	steps := []struct {
		name    string
		version int64
		open    bool
		state   message.State
		event   message.EventKind
	}{
		{"first opening", 3, true, message.Open, message.ConversationCreated},
		{"the same again", 3, true, message.Open, ""},
		{"an older close", 2, false, message.Open, ""},
		{"a close of the same version", 3, false, message.Open, ""},
		{"a newer close", 4, false, message.ReadOnly, message.ConversationUpdated},
		{"a newer close of what is closed", 5, false, message.ReadOnly, ""},
		{"an opening in between", 5, true, message.ReadOnly, ""},
		{"a newer opening", 6, true, message.Open, message.ConversationUpdated},
		{"a newer opening of what is open", 7, true, message.Open, ""},
		{"an older close again", 6, false, message.Open, ""},
	}
	for _, step := range steps {
		id, events, err := s.store.Relate(t.Context(), NewRelation(pair, step.version, step.open))
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if first.IsZero() {
			first = id
		}
		c := s.conversation(t, id)
		var event message.EventKind
		for _, e := range events {
			event = e.Kind
			if diff := cmp.Diff(c, e.Conversation); diff != "" || len(e.Recipients) != 2 {
				t.Errorf("%s: event for %d (-stored +event):\n%s", step.name, len(e.Recipients), diff)
			}
		}
		if id != first || c.State != step.state || event != step.event || len(c.Members) != 2 {
			t.Errorf("%s: state %d, event %q, %d members", step.name, c.State, event, len(c.Members))
		}
	}
}

func (s suite) concurrentOpens(t *testing.T) {
	pair := NewPair(t, ids.NewUser(), ids.NewUser())
	var (
		wg      sync.WaitGroup
		answers [12]ids.ConversationID
		mu      sync.Mutex // guards created
		created int
	)
	for i := range answers {
		wg.Go(func() {
			id, events, err := s.store.Relate(t.Context(), NewRelation(pair, 1, true))
			if err != nil {
				t.Errorf("open: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			answers[i] = id
			created += len(events)
		})
	}
	wg.Wait()
	for _, id := range answers {
		if id != answers[0] || id.IsZero() {
			t.Errorf("ids differ: %s and %s", id, answers[0])
		}
	}
	if created != 1 {
		t.Errorf("%d events", created)
	}
}

func (s suite) overtaking(t *testing.T) {
	a := ids.NewUser()
	pair := NewPair(t, a, ids.NewUser())
	id := s.relate(t, pair, 2, false)
	if again := s.relate(t, pair, 1, true); again != id {
		t.Errorf("the late open answers %s, the close %s", again, id)
	}
	if c := s.conversation(t, id); c.State != message.ReadOnly || len(c.Members) != 0 {
		t.Errorf("after the late open: %+v", c)
	}
	if r := s.append(t, start, NewDraft(a, id, "x")).Results[0]; !errors.Is(r.Err, message.ErrNotFound) {
		t.Errorf("send: %v", r.Err)
	}
	if list := s.page(t, a, nil, 10); len(list) != 0 {
		t.Errorf("listed: %+v", list)
	}
	s.relate(t, pair, 3, true)
	c := s.conversation(t, id)
	if c.State != message.Open || len(c.Members) != 2 || c.MembersRev != 1 || c.CreatedAt != start {
		t.Errorf("after the next open: %+v", c)
	}
	if r := s.append(t, start, NewDraft(a, id, "x")).Results[0]; r.Err != nil {
		t.Errorf("send: %v", r.Err)
	}
}

// concurrentWrites has three people send, read, close and open between them. No call may fail, and what
// was stored must have no hole.
func (s suite) concurrentWrites(t *testing.T) {
	users := []ids.UserID{ids.NewUser(), ids.NewUser(), ids.NewUser()}
	pairs := []message.Pair{
		NewPair(t, users[0], users[1]), NewPair(t, users[1], users[2]), NewPair(t, users[0], users[2]),
	}
	var list []ids.ConversationID
	for _, pair := range pairs {
		list = append(list, s.relate(t, pair, 1, true))
	}
	const rounds = 15
	var wg sync.WaitGroup
	for i, user := range users {
		wg.Go(func() {
			for range rounds {
				_, err := s.tryAppend(t.Context(), start, NewDraft(user, list[i], "x"), NewDraft(user, list[(i+2)%3], "y"))
				if err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
		wg.Go(func() {
			for seq := range int64(rounds) {
				if _, _, err := s.markRead(t, user, list[i], seq, start); err != nil {
					t.Errorf("mark read: %v", err)
				}
			}
		})
		wg.Go(func() {
			for version := range int64(rounds) {
				if _, _, err := s.store.Relate(t.Context(), NewRelation(pairs[i], 2+version, version%2 == 1)); err != nil {
					t.Errorf("relate: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for _, id := range list {
		c := s.conversation(t, id)
		if n := len(s.read(t, id, 1, 1000)); int64(n) != c.Seq {
			t.Errorf("%d messages below the head %d", n, c.Seq)
		}
	}
}

func (s suite) markRead(t *testing.T, user ids.UserID, id ids.ConversationID, seq, at int64) (message.Head, []message.Event, error) {
	t.Helper()
	return s.store.MarkRead(t.Context(), message.Reading{
		Marker: message.Marker{Conversation: id, User: user, Seq: seq}, At: at, EventID: ids.NewEvent(),
	})
}

func (s suite) markers(t *testing.T) {
	id, a, b := s.open(t)
	s.append(t, start, NewDraft(a, id, "1"), NewDraft(a, id, "2"), NewDraft(a, id, "3"))
	steps := []struct{ asked, stands, unread, events int64 }{
		{0, 0, 3, 0}, {2, 2, 1, 1}, {2, 2, 1, 0}, {1, 2, 1, 0}, {1 << 62, 3, 0, 1}, {3, 3, 0, 0},
	}
	for _, step := range steps {
		head, events, err := s.markRead(t, b, id, step.asked, start+step.asked%10)
		if err != nil {
			t.Fatalf("mark %d: %v", step.asked, err)
		}
		want := message.Head{Conversation: id, Seq: 3, MembersRev: 1, ReadSeq: step.stands, Unread: int32(step.unread)}
		if diff := cmp.Diff(want, head); diff != "" || int64(len(events)) != step.events {
			t.Errorf("mark %d: %d events (-want +got):\n%s", step.asked, len(events), diff)
		}
		if diff := cmp.Diff(want, s.conversation(t, id).Head(b)); diff != "" {
			t.Errorf("stored after %d (-want +got):\n%s", step.asked, diff)
		}
	}
	if h := s.conversation(t, id).Head(a); h.ReadSeq != 3 {
		t.Errorf("marker of the other member: %d", h.ReadSeq)
	}
}

func (s suite) foreignMarker(t *testing.T) {
	id, a, _ := s.open(t)
	for name, place := range map[string]ids.ConversationID{"foreign": id, "unknown": ids.NewConversation()} {
		if _, _, err := s.markRead(t, ids.NewUser(), place, 1, start); !errors.Is(err, message.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.store.Conversation(t.Context(), ids.NewConversation(), a); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("unknown conversation: %v", err)
	}
	if _, ok := s.conversation(t, id).Membership(a); !ok {
		t.Error("a member is none")
	}
}

func (s suite) page(t *testing.T, user ids.UserID, before *message.Position, limit int) []message.Conversation {
	t.Helper()
	list, err := s.store.Conversations(t.Context(), message.PageQuery{User: user, Left: true, Before: before, Limit: limit})
	if err != nil {
		t.Fatalf("conversations: %v", err)
	}
	return list
}

// several opens conversations of one user and sends to them: to the first one last, and to the second
// and third in the same millisecond.
func (s suite) several(t *testing.T, user ids.UserID) []ids.ConversationID {
	t.Helper()
	var list []ids.ConversationID
	for i, at := range []int64{50, 30, 30, 20, 10} {
		peer := ids.NewUser()
		id := s.relate(t, NewPair(t, user, peer), 1, true)
		for n := range i + 1 {
			s.append(t, start+at, NewDraft(peer, id, fmt.Sprint(n)))
		}
		list = append(list, id)
	}
	if list[1].Compare(list[2]) < 0 {
		list[1], list[2] = list[2], list[1]
	}
	return list
}

func (s suite) pages(t *testing.T) {
	user := ids.NewUser()
	want := s.several(t, user)
	var (
		got    []ids.ConversationID
		before *message.Position
	)
	for {
		list := s.page(t, user, before, 2)
		for _, c := range list {
			got = append(got, c.ID)
			if len(c.Members) != 2 {
				t.Errorf("conversation with %d members", len(c.Members))
			}
		}
		if len(list) < 2 {
			break
		}
		before = &message.Position{ActiveAt: list[1].ActiveAt, ID: list[1].ID}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func (s suite) heads(t *testing.T) {
	user, other := ids.NewUser(), ids.NewUser()
	list, foreign := s.several(t, user), s.several(t, other)
	if _, _, err := s.markRead(t, user, list[4], 2, start+60); err != nil {
		t.Fatal(err)
	}
	got, err := s.store.Heads(t.Context(), []message.HeadsQuery{
		{User: user, Since: start + 30, Limit: 10},
		{User: other, Since: start, Limit: 2},
		{User: ids.NewUser(), Since: 0, Limit: 10},
		{User: user, Since: start + 61, Limit: 10},
	})
	if err != nil {
		t.Fatal(err)
	}
	var found [][]ids.ConversationID
	for i, heads := range got {
		viewer := []ids.UserID{user, other, user, user}[i]
		var one []ids.ConversationID
		for _, h := range heads {
			one = append(one, h.Conversation)
			if diff := cmp.Diff(s.conversation(t, h.Conversation).Head(viewer), h.Head); diff != "" {
				t.Errorf("head (-conversation +got):\n%s", diff)
			}
		}
		found = append(found, one)
	}
	want := [][]ids.ConversationID{{list[0], list[1], list[2], list[4]}, foreign[:2], nil, nil}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func (s suite) headPages(t *testing.T) {
	user := ids.NewUser()
	want := s.several(t, user)
	var got []ids.ConversationID
	q := message.HeadsQuery{User: user, Since: start, Limit: 2}
	for {
		lists, err := s.store.Heads(t.Context(), []message.HeadsQuery{q, q})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lists[0], lists[1]); diff != "" {
			t.Errorf("the same question twice (-first +second):\n%s", diff)
		}
		for _, h := range lists[0] {
			got = append(got, h.Conversation)
			q.Before = &message.Position{ActiveAt: h.ActiveAt, ID: h.Conversation}
		}
		if len(lists[0]) < 2 {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func (s suite) stretches(t *testing.T) {
	one, a, _ := s.open(t)
	two, c, _ := s.open(t)
	if one.Compare(two) > 0 {
		one, two, a, c = two, one, c, a
	}
	for i := range 5 {
		s.append(t, start, NewDraft(a, one, fmt.Sprint(i)), NewDraft(c, two, fmt.Sprint(i)))
	}
	found, err := s.store.Messages(t.Context(), []message.Stretch{
		stretch(two, 1, 2), stretch(one, 4, 9), stretch(one, 1, 1), stretch(ids.NewConversation(), 1, 9),
	})
	if err != nil {
		t.Fatal(err)
	}
	type position struct {
		Conversation ids.ConversationID
		Seq          int64
	}
	var got []position
	for _, m := range found {
		got = append(got, position{m.Conversation, m.Seq})
	}
	if diff := cmp.Diff([]position{{one, 1}, {one, 4}, {one, 5}, {two, 1}, {two, 2}}, got); diff != "" {
		t.Error(diff)
	}
}

func (s suite) byTime(t *testing.T) {
	id, a, _ := s.open(t)
	for _, at := range []int64{10, 20, 20, 30} {
		s.append(t, start+at, NewDraft(a, id, "x"))
	}
	rows := []struct {
		name           string
		from, to, time int64
		edge           message.Edge
		want           int64
	}{
		{"the first of all", 1, 4, 0, message.FirstSince, 1},
		{"at the very time, the first of two", 1, 4, 20, message.FirstSince, 2},
		{"between two", 1, 4, 21, message.FirstSince, 4},
		{"after all", 1, 4, 31, message.FirstSince, 0},
		{"inside a stretch", 3, 4, 5, message.FirstSince, 3},
		{"past a stretch", 1, 3, 25, message.FirstSince, 0},
		{"before all", 1, 4, 9, message.LastUntil, 0},
		{"at the very time, the last of two", 1, 4, 20, message.LastUntil, 3},
		{"the last of all", 1, 4, 99, message.LastUntil, 4},
		{"the last of a stretch", 1, 2, 99, message.LastUntil, 2},
	}
	for _, row := range rows {
		got, ok, err := s.store.SeqByTime(t.Context(), message.TimeQuery{
			Stretch: stretch(id, row.from, row.to), Time: start + row.time, Edge: row.edge,
		})
		if err != nil || got != row.want || ok != (row.want > 0) {
			t.Errorf("%s: %d, %t, %v; want %d", row.name, got, ok, err, row.want)
		}
	}
}

func (s suite) changes(t *testing.T) {
	id, a, _ := s.open(t)
	s.append(t, start, NewDraft(a, id, "x"))
	if got, err := s.store.Changes(t.Context(), id, 0, 10); len(got) != 0 || err != nil {
		t.Errorf("changes: %v, %v", got, err)
	}
}
