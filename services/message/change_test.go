// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestWhoMayChangeAMessageAndWhen(t *testing.T) {
	t.Parallel()
	c, stays, left, back := comesAndGoes()
	c.Rev = 7
	said := message.Message{Conversation: c.ID, Seq: 6, ID: ids.NewMessage(), Sender: stays, SentAt: 1000, Kind: message.Text, Text: "old"}
	ofLeaver, recalled, unknown := said, said, said
	ofLeaver.Sender = left
	recalled.Kind, recalled.Text, recalled.Recall = message.RecalledBody, "", message.Recall{By: stays, At: 1100}
	unknown.Kind = 99
	worn := said
	worn.Edits = message.MaxEdits
	closed := c
	closed.State = message.ReadOnly
	recall := message.Change{Kind: message.Recalling, By: stays, Window: 2 * time.Minute, At: 1000 + 120_000}
	edit := message.Change{Kind: message.Editing, By: stays, Text: "new", Window: 24 * time.Hour, At: 1000 + 86_400_000}
	remove := message.Change{Kind: message.Removing, By: left, At: 1000 + 999_000_000}
	system := said
	system.Kind = message.SystemBody
	by := func(ch message.Change, user ids.UserID) message.Change { ch.By = user; return ch }
	late := func(ch message.Change) message.Change { ch.At++; return ch }
	says := func(ch message.Change, text string) message.Change { ch.Text = text; return ch }
	rows := []struct {
		name    string
		c       message.Conversation
		m       message.Message
		ch      message.Change
		err     error
		changed bool
	}{
		{"the sender recalls in the last millisecond", c, said, recall, nil, true},
		{"the sender edits in the last millisecond", c, said, edit, nil, true},
		{"a recall one millisecond later", c, said, late(recall), message.ErrTooLate, false},
		{"an edit one millisecond later", c, said, late(edit), message.ErrTooLate, false},
		{"a recall of what another said", c, said, by(recall, back), message.ErrForbidden, false},
		{"an edit of what another said", c, said, by(edit, back), message.ErrForbidden, false},
		{"a stranger recalls", c, said, by(recall, ids.NewUser()), message.ErrNotFound, false},
		{"a stranger edits", c, said, by(edit, ids.NewUser()), message.ErrNotFound, false},
		{"who left recalls", c, ofLeaver, by(recall, left), message.ErrNotFound, false},
		{"who left edits", c, ofLeaver, by(edit, left), message.ErrNotFound, false},
		{"the same recall again, late and closed", closed, recalled, late(recall), nil, false},
		{"a recall of what was recalled by another", c, recalled, by(recall, back), message.ErrForbidden, false},
		{"an edit of what was recalled", c, recalled, edit, message.ErrRecalled, false},
		{"the same text again, late and closed", closed, said, says(late(edit), "old"), nil, false},
		{"a recall in a closed conversation", closed, said, recall, message.ErrReadOnly, false},
		{"an edit in a closed conversation", closed, said, edit, message.ErrReadOnly, false},
		{"a recall of what is no text", c, unknown, recall, message.ErrForbidden, false},
		{"an edit of what is no text", c, unknown, edit, message.ErrForbidden, false},
		{"one edit more than versions are kept", c, worn, edit, message.ErrTooManyEdits, false},
		{"a moderator, who is no member, removes, late and closed", closed, said, by(remove, ids.NewUser()), nil, true},
		{"a moderator removes what is no text", c, unknown, remove, nil, true},
		{"a moderator removes what is gone", c, recalled, remove, nil, false},
		{"a moderator removes what the server said", c, system, remove, message.ErrForbidden, false},
		{"no change at all", c, said, message.Change{By: stays}, message.ErrForbidden, false},
	}
	for _, row := range rows {
		row.ch.Conversation, row.ch.Seq, row.ch.EventID = c.ID, row.m.Seq, ids.NewEvent()
		plan, err := message.DecideChange(row.c, row.m, true, row.ch)
		if !errors.Is(err, row.err) || plan.Changed != row.changed || len(plan.Events) > 0 != row.changed {
			t.Errorf("%s: %+v, %v", row.name, plan, err)
		}
		if row.changed && (plan.Message.Rev != 8 || plan.Events[0].Message != plan.Message) {
			t.Errorf("%s: rev %d", row.name, plan.Message.Rev)
		}
		// back came after the message, left went before the change: nobody but these two hears of it.
		if row.changed && !cmp.Equal(plan.Events[0].Recipients, []ids.UserID{stays, back}) {
			t.Errorf("%s: told to %v", row.name, plan.Events[0].Recipients)
		}
	}
	if _, err := message.DecideChange(c, message.Message{}, false, recall); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("no such message: %v", err)
	}
	early := said
	early.Seq, early.Sender = 2, back
	if _, err := message.DecideChange(c, early, true, by(recall, back)); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("a message outside the intervals: %v", err)
	}
}

func TestRecallLeavesATombstone(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	sent := f.Say(t, a, id, "a secret")
	f.Say(t, a, id, "stays")
	if _, err := f.Edit(t.Context(), a, id, 1, "another secret"); err != nil {
		t.Fatal(err)
	}
	f.Clock.Add(time.Minute)
	stone, err := f.Recall(t.Context(), a, id, 1)
	want := message.Message{
		Conversation: id, Seq: 1, ID: sent.ID, ClientID: sent.ClientID, Sender: a, SentAt: sent.SentAt, Rev: 2,
		Kind: message.RecalledBody, Recall: message.Recall{By: a, At: f.Clock.Now().UnixMilli()},
	}
	if diff := cmp.Diff(want, stone); diff != "" || err != nil {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	f.Clock.Add(time.Hour)
	if again, err := f.Recall(t.Context(), a, id, 1); err != nil || again != stone {
		t.Errorf("again: %+v, %v", again, err)
	}
	for _, user := range []ids.UserID{a, b} {
		page, err := f.ListMessages(t.Context(), message.HistoryQuery{User: user, Conversation: id})
		if err != nil || len(page.Items) != 2 || page.Items[0] != stone || page.Head.Rev != 2 {
			t.Errorf("history: %+v, %v", page, err)
		}
		versions, more, err := f.ListVersions(t.Context(), message.VersionsQuery{User: user, Conversation: id, Seq: 1})
		if err != nil || len(versions) > 0 || more {
			t.Errorf("versions of what is gone: %v, %v", versions, err)
		}
	}
	events := f.Publisher.Events()
	if last := events[len(events)-1]; last.Kind != message.MessageRecalled || last.Message != stone {
		t.Errorf("announced %+v", last)
	}
	retry := messagetest.NewDraft(a, id, "a secret")
	retry.ClientID = sent.ClientID
	if again, err := f.Send(t.Context(), retry); err != nil || again != sent {
		t.Errorf("a retry of the send gets %+v, %v", again, err)
	}
}

func TestARecalledMessageIsNotUnread(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	for range 4 {
		f.Say(t, a, id, "x")
	}
	f.Clock.Add(time.Minute)
	cursor := firstCursor(t, f, b)
	f.Clock.Add(time.Minute)
	for _, seq := range []int64{2, 3} {
		if _, err := f.Recall(t.Context(), a, id, seq); err != nil {
			t.Fatal(err)
		}
	}
	want := message.Head{Conversation: id, Seq: 4, Rev: 2, MembersRev: 1, Unread: 2}
	heads := sync(t, f, b, cursor).Heads
	if diff := cmp.Diff([]message.Head{want}, heads); diff != "" {
		t.Errorf("sync (-want +got):\n%s", diff)
	}
	list, err := f.ListConversations(t.Context(), message.ListQuery{User: b})
	if err != nil || len(list.Views) != 1 || list.Views[0].Head != want {
		t.Errorf("list: %+v, %v", list.Views, err)
	}
	want.ReadSeq, want.Unread = 2, 1
	if got, err := f.MarkRead(t.Context(), message.Marker{Conversation: id, User: b, Seq: 2}, false); err != nil || got != want {
		t.Errorf("mark: %+v, %v; want %+v", got, err, want)
	}
	if got, err := f.MarkRead(t.Context(), message.Marker{Conversation: id, User: b, Seq: 1}, false); err != nil || got != want {
		t.Errorf("mark of what is read: %+v, %v; want %+v", got, err, want)
	}
}

func TestEarlierVersionsStayReadable(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	long := strings.Repeat("\U0001F600", message.MaxTextCharacters)
	sent := f.Say(t, a, id, long+"")
	var want []message.Version
	text, at := long, sent.SentAt
	for i := range int32(message.MaxEdits) {
		want = append(want, message.Version{Number: i + 1, WrittenAt: at, Text: text})
		f.Clock.Add(time.Minute)
		text, at = long[:len(long)-4*int(i+1)], f.Clock.Now().UnixMilli()
		m, err := f.Edit(t.Context(), a, id, 1, text)
		if err != nil || m.Text != text || m.EditedAt != at || m.Rev != int64(i+1) {
			t.Fatalf("edit %d: %d bytes at %d, %v", i, len(m.Text), m.EditedAt, err)
		}
	}
	if _, err := f.Edit(t.Context(), a, id, 1, "once more"); !errors.Is(err, message.ErrTooManyEdits) {
		t.Errorf("one more: %v", err)
	}
	var got []message.Version
	pages := 0
	for more := true; more; pages++ {
		q := message.VersionsQuery{User: b, Conversation: id, Seq: 1, After: int32(len(got))}
		list, follows, err := f.ListVersions(t.Context(), q)
		size := 0
		for _, v := range list {
			size += len(v.Text)
		}
		if err != nil || len(list) == 0 || size > message.MaxPageBytes {
			t.Fatalf("%d versions of %d bytes, %v", len(list), size, err)
		}
		got, more = append(got, list...), follows
	}
	if diff := cmp.Diff(want, got); diff != "" || pages < 2 {
		t.Errorf("%d pages (-want +got):\n%s", pages, diff)
	}
	for name, q := range map[string]message.VersionsQuery{
		"stranger": {User: ids.NewUser(), Conversation: id, Seq: 1}, "no message": {User: a, Conversation: id, Seq: 2},
		"no conversation": {User: a, Conversation: ids.NewConversation(), Seq: 1},
	} {
		if _, _, err := f.ListVersions(t.Context(), q); !errors.Is(err, message.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnEditKeepsThePayloadRulesOfSend(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, _ := f.Open(t)
	f.Say(t, a, id, "x")
	for name, text := range map[string]string{
		"empty": "", "too many characters": strings.Repeat("x", message.MaxTextCharacters+1),
		"too many bytes": strings.Repeat("x", message.MaxTextBytes+1), "no text": "\xff",
	} {
		if _, err := f.Edit(t.Context(), a, id, 1, text); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	odd := "\x00 <b> \u202e \U0001F600"
	if m, err := f.Edit(t.Context(), a, id, 1, odd); err != nil || m.Text != odd {
		t.Errorf("kept %q, %v", m.Text, err)
	}
}

func TestAPageOfChangesEndsAtItsBytes(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	const n = 40
	for range n {
		f.Say(t, a, id, "x")
	}
	for seq := range int64(n) {
		if _, err := f.Edit(t.Context(), a, id, seq+1, strings.Repeat("\U0001F600", message.MaxTextCharacters)); err != nil {
			t.Fatal(err)
		}
	}
	var seen, rev int64
	for rev < n {
		items, upTo, err := f.ListChanges(t.Context(), message.ChangesQuery{User: b, Conversation: id, AfterRev: rev, Limit: message.MaxPageItems})
		if err != nil || upTo <= rev || len(items)*message.MaxTextCharacters*4 > message.MaxPageBytes {
			t.Fatalf("after %d: %d items up to %d, %v", rev, len(items), upTo, err)
		}
		for _, m := range items {
			if seen++; m.Rev != seen || m.Seq != seen {
				t.Fatalf("change %d is of rev %d", seen, m.Rev)
			}
		}
		rev = upTo
	}
	if seen != n {
		t.Errorf("%d changes", seen)
	}
}

// between does something between the two reads of a call.
type between struct {
	message.Store
	do func()
}

func (b *between) Changes(ctx context.Context, id ids.ConversationID, after int64, limit int) ([]message.Message, error) {
	b.do()
	return b.Store.Changes(ctx, id, after, limit)
}

// What came and changed while a page was read must not count as told by it.
func TestAPageOfChangesPromisesNoMoreThanItTells(t *testing.T) {
	t.Parallel()
	store := &between{Store: messagetest.NewStore()}
	f := messagetest.Start(t, store, 1)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "one")
	thumb := func(seq int64) {
		if _, err := f.React(t.Context(), message.Given{User: a, Conversation: id, Seq: seq, Emoji: "\U0001F44D"}); err != nil {
			t.Fatal(err)
		}
	}
	thumb(1)
	store.do = func() {
		store.do = func() {}
		f.Say(t, a, id, "two")
		thumb(2)
	}
	told := map[int64]bool{}
	for rev := int64(0); rev < 2; {
		items, upTo, err := f.ListChanges(t.Context(), message.ChangesQuery{User: b, Conversation: id, AfterRev: rev, Limit: 2})
		if err != nil || upTo <= rev {
			t.Fatalf("up to %d after %d, %v", upTo, rev, err)
		}
		for _, m := range items {
			told[m.Seq] = true
		}
		rev = upTo
	}
	if !told[1] || !told[2] {
		t.Errorf("told of %v, want both messages", told)
	}
}
