// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// NewChange makes a change at the start of time.
func NewChange(kind message.ChangeKind, by ids.UserID, id ids.ConversationID, seq int64, text string) message.Change {
	return message.Change{
		Conversation: id, Seq: seq, By: by, Kind: kind, Text: text, Window: time.Minute, At: start, EventID: ids.NewEvent(),
	}
}

func (s suite) change(t *testing.T, ch message.Change) message.ChangePlan {
	t.Helper()
	plan, err := s.store.Change(t.Context(), ch)
	if err != nil {
		t.Fatalf("change: %v", err)
	}
	return plan
}

func (s suite) changed(t *testing.T, id ids.ConversationID, after int64, limit int) []message.Message {
	t.Helper()
	list, err := s.store.Changes(t.Context(), id, after, limit)
	if err != nil {
		t.Fatalf("changes: %v", err)
	}
	return list
}

func (s suite) edits(t *testing.T) {
	id, a, _ := s.open(t)
	s.append(t, start, NewDraft(a, id, "one"), NewDraft(a, id, "two"))
	texts := []string{"ein ", "EIN\x00", "1"}
	for i, text := range texts {
		ch := NewChange(message.Editing, a, id, 1, text)
		ch.At += int64(i + 1)
		plan := s.change(t, ch)
		stored := s.read(t, id, 1, 1)
		if len(stored) != 1 || stored[0] != plan.Message || plan.Message.Text != text || plan.Message.Rev != int64(i+1) {
			t.Errorf("stored %+v, answered %+v", stored, plan.Message)
		}
	}
	var want []message.Version
	for i, text := range append([]string{"one"}, texts[:2]...) {
		want = append(want, message.Version{Number: int32(i + 1), WrittenAt: start + int64(i), Text: text})
	}
	for after := range int32(3) {
		got, err := s.store.Versions(t.Context(), message.VersionsQuery{Conversation: id, Seq: 1, After: after})
		if diff := cmp.Diff(want[after:], got); diff != "" || err != nil {
			t.Errorf("versions after %d: %v (-want +got):\n%s", after, err, diff)
		}
	}
	if same := s.change(t, NewChange(message.Editing, a, id, 1, "1")); same.Changed || len(same.Events) > 0 {
		t.Errorf("the same text: %+v", same)
	}
	if c := s.conversation(t, id); c.Rev != 3 || c.Seq != 2 || c.ActiveAt != start {
		t.Errorf("conversation %+v", c)
	}
}

func (s suite) recalls(t *testing.T) {
	id, a, b := s.open(t)
	s.append(t, start, NewDraft(a, id, "one"), NewDraft(a, id, "two"), NewDraft(a, id, "three"))
	s.change(t, NewChange(message.Editing, a, id, 2, "zwei"))
	plan := s.change(t, NewChange(message.Recalling, a, id, 2, ""))
	s.change(t, NewChange(message.Recalling, a, id, 3, ""))
	want := message.Message{
		Conversation: id, Seq: 2, ID: plan.Message.ID, ClientID: plan.Message.ClientID, Sender: a, SentAt: start, Rev: 2,
		Kind: message.RecalledBody, Recall: message.Recall{By: a, At: start},
	}
	if diff := cmp.Diff([]message.Message{want}, s.read(t, id, 2, 2)); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if got, err := s.store.Versions(t.Context(), message.VersionsQuery{Conversation: id, Seq: 2}); len(got) > 0 || err != nil {
		t.Errorf("versions %v, %v", got, err)
	}
	counts, err := s.store.Counts(t.Context(), b, []message.Stretch{stretch(id, 1, 3), stretch(id, 1, 1), stretch(id, 3, 9), stretch(ids.NewConversation(), 1, 9)})
	if diff := cmp.Diff([]message.Count{{Silent: 2}, {}, {Silent: 1}, {}}, counts); diff != "" || err != nil {
		t.Errorf("silent: %v (-want +got):\n%s", err, diff)
	}
	for marker, unread := range map[int64]int32{0: 1, 1: 0, 2: 0, 3: 0} {
		head, _, err := s.markRead(t, b, id, marker, start)
		if err != nil || marker == head.ReadSeq && head.Unread != unread {
			t.Errorf("marker at %d: %+v, %v", marker, head, err)
		}
		heads, err := s.store.Heads(t.Context(), []message.HeadsQuery{{User: b, Limit: 9}})
		if err != nil || len(heads) != 1 || len(heads[0]) != 1 || heads[0][0].Head != head {
			t.Errorf("marker at %d: heads %+v, %v, want %+v", marker, heads, err, head)
		}
	}
}

func (s suite) mentions(t *testing.T) {
	id, a, b := s.open(t)
	at := func(users ...ids.UserID) (text string) {
		for _, user := range users {
			text += " <@" + user.String() + ">"
		}
		return text
	}
	s.append(t, start, NewDraft(a, id, at(b)), NewDraft(a, id, at(a)), NewDraft(a, id, at(b, a, b, ids.NewUser())), NewDraft(a, id, at(b)))
	stored := s.read(t, id, 1, 4)
	for i, want := range [][]ids.UserID{{b}, {a}, {a, b}, {b}} {
		if got := stored[i].Mentions; got != (message.Mentions{Users: message.UsersOf(want)}) {
			t.Errorf("message %d mentions %v, want %v", i+1, got.Users.List(), want)
		}
	}
	check := func(what string, user ids.UserID, from int64, want int64) {
		t.Helper()
		counts, err := s.store.Counts(t.Context(), user, []message.Stretch{stretch(id, from, 9)})
		if err != nil || counts[0].Called != want {
			t.Errorf("%s: %+v, %v, want %d", what, counts, err, want)
		}
		c := s.conversation(t, id)
		m, _ := c.Membership(user)
		heads, err := s.store.Heads(t.Context(), []message.HeadsQuery{{User: user, Limit: 9}})
		if m.ReadSeq == from-1 && (err != nil || heads[0][0].Mentions != int32(want)) {
			t.Errorf("%s: heads %+v, %v, want %d", what, heads, err, want)
		}
	}
	check("all", b, 1, 3)
	check("above a marker", b, 2, 2)
	check("the sender", a, 1, 0)
	s.change(t, NewChange(message.Editing, a, id, 1, "nobody"))
	check("one was edited away", b, 1, 2)
	s.change(t, NewChange(message.Editing, a, id, 1, at(b)))
	check("an edit adds none", b, 1, 2)
	s.change(t, NewChange(message.Editing, a, id, 4, at(b)+" still"))
	check("an edit that leaves it", b, 1, 2)
	s.change(t, NewChange(message.Recalling, a, id, 3, ""))
	check("one was recalled", b, 1, 1)
	if head, _, err := s.markRead(t, b, id, 3, start); err != nil || head.Mentions != 1 || head.Unread != 1 {
		t.Errorf("after reading: %+v, %v", head, err)
	}
	if head, _, err := s.markRead(t, b, id, 4, start); err != nil || head.Mentions != 0 {
		t.Errorf("after reading all: %+v, %v", head, err)
	}
}

// groupMentions: of a group only the senders and whom they name are read, and all are counted for all.
func (s suite) groupMentions(t *testing.T) {
	id, users := s.group(t, 4)
	owner, b, c, stranger := users[0], users[1], users[2], ids.NewUser()
	named := NewDraft(b, id, "<@"+c.String()+"><@"+stranger.String()+">")
	committed := s.append(t, start, NewDraft(owner, id, "<@all> <@"+c.String()+">"), named, NewDraft(b, id, "<@all>"))
	if err := committed.Results[2].Err; !errors.Is(err, message.ErrForbidden) {
		t.Errorf("all, by a member: %v", err)
	}
	first, second := committed.Results[0].Sent.Seq, committed.Results[1].Sent.Seq
	stored := s.read(t, id, first, second)
	want := []message.Mentions{{Users: message.UsersOf([]ids.UserID{c}), All: true}, {Users: message.UsersOf([]ids.UserID{c})}}
	if len(stored) != 2 || stored[0].Mentions != want[0] || stored[1].Mentions != want[1] {
		t.Errorf("stored %+v", stored)
	}
	for user, want := range map[ids.UserID]int64{b: 1, c: 2, users[3]: 1, stranger: 1} {
		counts, err := s.store.Counts(t.Context(), user, []message.Stretch{stretch(id, first, second)})
		if err != nil || counts[0].Called != want {
			t.Errorf("%s: %+v, %v, want %d", user, counts, err, want)
		}
	}
	heads, err := s.store.Heads(t.Context(), []message.HeadsQuery{{User: c, Limit: 9}})
	if err != nil || len(heads[0]) != 1 || heads[0][0].Mentions != 2 || heads[0][0].Unread != 2 {
		t.Errorf("heads %+v, %v", heads, err)
	}
	if _, err := s.store.Change(t.Context(), NewChange(message.Editing, b, id, second, "<@all>")); !errors.Is(err, message.ErrForbidden) {
		t.Errorf("an edit to all, by a member: %v", err)
	}
	plan := s.change(t, NewChange(message.Editing, b, id, second, "<@"+users[3].String()+">"))
	if got := plan.Message.Mentions; got != (message.Mentions{Users: message.UsersOf([]ids.UserID{users[3]})}) {
		t.Errorf("edited: %v", got.Users.List())
	}
	if head, _, err := s.markRead(t, c, id, first-1, start); err != nil || head.Mentions != 1 {
		t.Errorf("after the edit: %+v, %v", head, err)
	}
}

func (s suite) answers(t *testing.T) {
	id, a, b := s.open(t)
	other, c, _ := s.open(t)
	s.append(t, start, NewDraft(c, other, "x"), NewDraft(c, other, "y"))
	answer := func(by ids.UserID, seq int64) message.Draft {
		d := NewDraft(by, id, "answer")
		d.ReplyTo = seq
		return d
	}
	retry := answer(b, 1)
	committed := s.append(t, start, answer(b, 1), NewDraft(a, id, "one"), retry, answer(a, 2), answer(a, 4), answer(b, 1<<40))
	for i, want := range []int64{0, 1, 2, 3, 0, 0} {
		r := committed.Results[i]
		if want == 0 && !errors.Is(r.Err, message.ErrNotFound) || want > 0 && r.Sent.Seq != want {
			t.Errorf("message %d: %+v", i, r)
		}
	}
	for i, m := range s.read(t, id, 1, 9) {
		if m.ReplyTo != (message.Reply{Seq: int64(i)}) {
			t.Errorf("message %d answers %+v", m.Seq, m.ReplyTo)
		}
	}
	if again := s.append(t, start, retry).Results[0]; again.Err != nil || again.Sent.Seq != 2 {
		t.Errorf("a retry: %+v", again)
	}
	retry.ReplyTo = 2
	if again := s.append(t, start, retry).Results[0]; !errors.Is(again.Err, message.ErrReused) {
		t.Errorf("the same id for an answer to another message: %+v", again)
	}
}

func (s suite) forwards(t *testing.T) {
	from, a, b := s.open(t)
	group, users := s.group(t, 3)
	member, late := users[1], ids.NewUser()
	s.append(t, start, NewDraft(b, from, "said"), NewDraft(member, group, "in the group"))
	s.act(t, action(group, users[0], message.UsersJoined, start, late))
	head := s.conversation(t, group).Seq
	to := s.relate(t, NewPair(t, a, member), 1, true)
	toLate := s.relate(t, NewPair(t, late, b), 1, true)
	forward := func(by ids.UserID, to, of ids.ConversationID, seq int64) message.Draft {
		d := NewDraft(by, to, "")
		d.Forward = message.Source{Conversation: of, Seq: seq}
		return d
	}
	committed := s.append(t, start+5,
		forward(a, to, from, 1), forward(member, to, group, 2), forward(b, toLate, from, 1),
		forward(member, to, from, 1), forward(late, toLate, group, 2), forward(a, to, from, 2),
		forward(a, to, ids.NewConversation(), 1), forward(member, to, group, 1),
	)
	for i, want := range []error{nil, nil, nil, message.ErrNotFound, message.ErrNotFound, message.ErrNotFound, message.ErrNotFound, message.ErrForbidden} {
		if r := committed.Results[i]; !errors.Is(r.Err, want) {
			t.Errorf("forward %d: %+v, want %v", i, r, want)
		}
	}
	got := s.read(t, to, 1, 9)
	want := []message.Forward{
		{Source: message.Source{Conversation: from, Seq: 1}, Sender: b, SentAt: start},
		{Source: message.Source{Conversation: group, Seq: 2}, Sender: member, SentAt: start},
	}
	if len(got) != 2 || got[0].Forward != want[0] || got[1].Forward != want[1] || got[0].Text != "said" || got[1].Text != "in the group" {
		t.Errorf("forwarded %+v", got)
	}
	if c := s.conversation(t, group); c.Seq != head {
		t.Errorf("the source has moved to %d", c.Seq)
	}
}

func (s suite) changesList(t *testing.T) {
	id, a, b := s.open(t)
	other, c, _ := s.open(t)
	for range 4 {
		s.append(t, start, NewDraft(a, id, "x"))
	}
	s.append(t, start, NewDraft(c, other, "x"))
	s.change(t, NewChange(message.Editing, c, other, 1, "elsewhere"))
	for i, seq := range []int64{3, 1, 4, 3} {
		s.change(t, NewChange(message.Editing, a, id, seq, fmt.Sprint(i)))
	}
	for _, row := range []struct {
		after int64
		limit int
		want  []int64
	}{{0, 9, []int64{1, 4, 3}}, {2, 9, []int64{4, 3}}, {3, 1, []int64{3}}, {0, 2, []int64{1, 4}}, {4, 9, nil}} {
		got := s.changed(t, id, row.after, row.limit)
		if !cmp.Equal(seqs(got), row.want) {
			t.Errorf("after %d: %v, want %v", row.after, seqs(got), row.want)
		}
		for _, m := range got {
			if diff := cmp.Diff([]message.Message{m}, s.read(t, id, m.Seq, m.Seq)); diff != "" {
				t.Errorf("change of %d is not its newest state (-change +history):\n%s", m.Seq, diff)
			}
		}
	}
	late := NewChange(message.Editing, a, id, 2, "late")
	late.At = start + 50
	s.change(t, late)
	for _, user := range []ids.UserID{a, b} {
		for since, want := range map[int64]int{start + 50: 1, start + 51: 0} {
			heads, err := s.store.Heads(t.Context(), []message.HeadsQuery{{User: user, Since: since, Limit: 9}})
			if err != nil || len(heads[0]) != want || want == 1 && (heads[0][0].Rev != 5 || heads[0][0].ActiveAt != start) {
				t.Errorf("moved since %d: %+v, %v", since, heads, err)
			}
		}
	}
}

func (s suite) foreignChange(t *testing.T) {
	id, a, b := s.open(t)
	s.append(t, start, NewDraft(a, id, "x"))
	for name, row := range map[string]struct {
		ch   message.Change
		want error
	}{
		"stranger":        {NewChange(message.Recalling, ids.NewUser(), id, 1, ""), message.ErrNotFound},
		"another member":  {NewChange(message.Recalling, b, id, 1, ""), message.ErrForbidden},
		"no message":      {NewChange(message.Editing, a, id, 2, "y"), message.ErrNotFound},
		"position 0":      {NewChange(message.Editing, a, id, 0, "y"), message.ErrNotFound},
		"no conversation": {NewChange(message.Editing, a, ids.NewConversation(), 1, "y"), message.ErrNotFound},
	} {
		if plan, err := s.store.Change(t.Context(), row.ch); !errors.Is(err, row.want) || plan.Changed {
			t.Errorf("%s: %+v, %v", name, plan, err)
		}
	}
	if c, m := s.conversation(t, id), s.read(t, id, 1, 1); c.Rev != 0 || m[0].Text != "x" || m[0].Rev != 0 {
		t.Errorf("refused changes left %+v, %+v", c, m)
	}
}

// concurrentChanges lets edits, recalls and sends of one conversation meet.
func (s suite) concurrentChanges(t *testing.T) {
	const each = 8
	id, a, b := s.open(t)
	for range each {
		s.append(t, start, NewDraft(a, id, "x"))
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex // guards revs
		revs []int64
	)
	do := func(ch message.Change) {
		plan, err := s.store.Change(t.Context(), ch)
		if err != nil && !errors.Is(err, message.ErrRecalled) {
			t.Errorf("change of %d: %v", ch.Seq, err)
		}
		if mu.Lock(); err == nil && plan.Changed {
			revs = append(revs, plan.Message.Rev)
		}
		mu.Unlock()
	}
	for seq := range int64(each) {
		wg.Go(func() { do(NewChange(message.Editing, a, id, seq+1, "first")) })
		wg.Go(func() { do(NewChange(message.Editing, a, id, seq+1, "second")) })
		wg.Go(func() { do(NewChange(message.Recalling, a, id, seq+1, "")) })
		wg.Go(func() { do(NewChange(message.Recalling, a, id, seq+1, "")) })
		wg.Go(func() {
			if _, err := s.tryAppend(t.Context(), start, NewDraft(b, id, "y")); err != nil {
				t.Errorf("send: %v", err)
			}
		})
	}
	wg.Wait()
	slices.Sort(revs)
	for i, rev := range revs {
		if rev != int64(i+1) {
			t.Fatalf("revs %v have a hole or a double", revs)
		}
	}
	if c := s.conversation(t, id); c.Rev != int64(len(revs)) || c.Seq != 2*each {
		t.Errorf("conversation %+v after %d changes", c, len(revs))
	}
	for _, m := range s.read(t, id, 1, each) {
		versions, err := s.store.Versions(t.Context(), message.VersionsQuery{Conversation: id, Seq: m.Seq})
		if m.Kind != message.RecalledBody || m.Text != "" || len(versions) > 0 || err != nil {
			t.Errorf("message %d: %+v with %d versions, %v", m.Seq, m, len(versions), err)
		}
	}
	if got := s.changed(t, id, 0, 100); len(got) != each {
		t.Errorf("%d messages changed", len(got))
	}
}
