// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

// talk makes a conversation of n messages, one each second, and then has one user see only intervals
// of it. The other one sees all.
func talk(t *testing.T, n int, intervals ...message.Interval) (f *messagetest.Fixture, store *messagetest.Store, c message.Conversation, viewer ids.UserID) {
	t.Helper()
	store = messagetest.NewStore()
	f = messagetest.Start(t, store, 1)
	id, a, b := f.Open(t)
	for i := range n {
		f.Clock.Add(time.Second)
		f.Say(t, a, id, fmt.Sprint(i+1))
	}
	c, err := store.Conversation(t.Context(), id, a)
	if err != nil {
		t.Fatal(err)
	}
	c.Members = slices.DeleteFunc(c.Members, func(m message.Member) bool { return m.UserID == b })
	for i, one := range intervals {
		m := message.Member{UserID: b, JoinedSeq: one.From}
		if i < len(intervals)-1 || one.To < c.Seq {
			m.LeftSeq, m.Left = one.To, true
		}
		c.Members = append(c.Members, m)
	}
	store.Put(c, 0)
	return f, store, c, b
}

// show writes a page as "3-5 gap 6-9 10-12".
func show(h message.History) string {
	var parts []string
	items, gaps := h.Items, h.Gaps
	for len(items) > 0 || len(gaps) > 0 {
		if len(items) == 0 || len(gaps) > 0 && gaps[0].From < items[0].Seq {
			parts = append(parts, fmt.Sprintf("gap %d-%d", gaps[0].From, gaps[0].To))
			gaps = gaps[1:]
			continue
		}
		n := 1
		for n < len(items) && items[n].Seq == items[n-1].Seq+1 {
			n++
		}
		parts = append(parts, fmt.Sprintf("%d-%d", items[0].Seq, items[n-1].Seq))
		items = items[n:]
	}
	return strings.Join(parts, " ")
}

func TestRangesOfHistory(t *testing.T) {
	t.Parallel()
	f, _, c, gappy := talk(t, 20, message.Interval{From: 4, To: 8}, message.Interval{From: 12, To: 20})
	whole := c.Members[0].UserID
	start := messagetest.NewClock().Now().UnixMilli()
	rows := []struct {
		name string
		user ids.UserID
		q    message.HistoryQuery
		want string
	}{
		{"the last messages", whole, message.HistoryQuery{Limit: 5}, "16-20"},
		{"fifty by default", whole, message.HistoryQuery{}, "1-20"},
		{"after a seq", whole, message.HistoryQuery{Kind: message.AfterRange, Seq: 3, Limit: 4}, "4-7"},
		{"after the start", whole, message.HistoryQuery{Kind: message.AfterRange, Limit: 2}, "1-2"},
		{"after the head", whole, message.HistoryQuery{Kind: message.AfterRange, Seq: 20}, ""},
		{"far after the head", whole, message.HistoryQuery{Kind: message.AfterRange, Seq: 1<<63 - 1}, ""},
		{"after a seq until another", whole, message.HistoryQuery{Kind: message.AfterRange, Seq: 3, UntilSeq: 5}, "4-5"},
		{"until a seq that lies before", whole, message.HistoryQuery{Kind: message.AfterRange, Seq: 9, UntilSeq: 5}, ""},
		{"until a seq past the head", whole, message.HistoryQuery{Kind: message.AfterRange, Seq: 18, UntilSeq: 99}, "19-20"},
		{"before a seq", whole, message.HistoryQuery{Kind: message.BeforeRange, Seq: 9, Limit: 3}, "6-8"},
		{"before the first", whole, message.HistoryQuery{Kind: message.BeforeRange, Seq: 1}, ""},
		{"before a seq past the head", whole, message.HistoryQuery{Kind: message.BeforeRange, Seq: 1<<63 - 1, Limit: 2}, "19-20"},
		{"around a seq", whole, message.HistoryQuery{Kind: message.AroundRange, Seq: 10, Limit: 4}, "8-11"},
		{"around the first", whole, message.HistoryQuery{Kind: message.AroundRange, Seq: 1, Limit: 4}, "1-4"},
		{"around the head", whole, message.HistoryQuery{Kind: message.AroundRange, Seq: 20, Limit: 4}, "17-20"},
		{"around a seq past the head", whole, message.HistoryQuery{Kind: message.AroundRange, Seq: 99, Limit: 4}, "17-20"},
		{"from the first at a time", whole, message.HistoryQuery{Kind: message.TimeRange, Time: start + 3000, Limit: 2}, "3-4"},
		{"from the first after a time", whole, message.HistoryQuery{Kind: message.TimeRange, Time: start + 3001, Limit: 2}, "4-5"},
		{"from the start of time", whole, message.HistoryQuery{Kind: message.TimeRange, Limit: 2}, "1-2"},
		{"after all", whole, message.HistoryQuery{Kind: message.TimeRange, Time: start + 20001}, ""},
		{"between two times", whole, message.HistoryQuery{Kind: message.TimeRange, Time: start + 2500, UntilTime: start + 5000}, "3-5"},
		{"between two times without a message", whole, message.HistoryQuery{Kind: message.TimeRange, Time: start + 2500, UntilTime: start + 2600}, ""},
		{"from a time until a seq", whole, message.HistoryQuery{Kind: message.TimeRange, Time: start + 2500, UntilSeq: 4}, "3-4"},

		{"the last messages reach over a gap", gappy, message.HistoryQuery{Limit: 12}, "6-8 gap 9-11 12-20"},
		{"the last messages stop in time", gappy, message.HistoryQuery{Limit: 9}, "12-20"},
		{"the start is a gap", gappy, message.HistoryQuery{}, "gap 1-3 4-8 gap 9-11 12-20"},
		{"after a seq inside a gap", gappy, message.HistoryQuery{Kind: message.AfterRange, Seq: 1, Limit: 2}, "gap 2-3 4-5"},
		{"a page that ends where a gap starts", gappy, message.HistoryQuery{Kind: message.AfterRange, Seq: 3, Limit: 5}, "4-8"},
		{"the page behind it starts with the gap", gappy, message.HistoryQuery{Kind: message.AfterRange, Seq: 8, Limit: 2}, "gap 9-11 12-13"},
		{"a range inside a gap is a gap", gappy, message.HistoryQuery{Kind: message.AfterRange, Seq: 8, UntilSeq: 10}, "gap 9-10"},
		{"before a seq inside a gap", gappy, message.HistoryQuery{Kind: message.BeforeRange, Seq: 11, Limit: 2}, "7-8 gap 9-10"},
		{"before all of it", gappy, message.HistoryQuery{Kind: message.BeforeRange, Seq: 3}, "gap 1-2"},
		{"around a gap", gappy, message.HistoryQuery{Kind: message.AroundRange, Seq: 10, Limit: 4}, "7-8 gap 9-9 gap 10-11 12-13"},
		{"a time inside a gap means the next visible", gappy, message.HistoryQuery{Kind: message.TimeRange, Time: start + 9500, Limit: 2}, "12-13"},
		{"a time before all means the first visible", gappy, message.HistoryQuery{Kind: message.TimeRange, Limit: 2}, "4-5"},
		{"an end inside a gap means the last visible", gappy, message.HistoryQuery{Kind: message.TimeRange, Time: start + 7000, UntilTime: start + 9500}, "7-8"},
	}
	for _, row := range rows {
		row.q.User, row.q.Conversation = row.user, c.ID
		got, err := f.ListMessages(t.Context(), row.q)
		if err != nil || show(got) != row.want {
			t.Errorf("%s: %q, %v; want %q", row.name, show(got), err, row.want)
		}
		if diff := cmp.Diff(c.Head(row.user), got.Head); diff != "" {
			t.Errorf("%s: head (-want +got):\n%s", row.name, diff)
		}
	}
}

func TestWhoLeftReadsUpToLeaving(t *testing.T) {
	t.Parallel()
	f, _, c, left := talk(t, 20, message.Interval{From: 1, To: 8})
	for _, q := range []message.HistoryQuery{
		{Limit: 3},
		{Kind: message.AfterRange, Seq: 5},
		{Kind: message.AroundRange, Seq: 15, Limit: 3},
		{Kind: message.BeforeRange, Seq: 15, Limit: 3},
	} {
		q.User, q.Conversation = left, c.ID
		if got, err := f.ListMessages(t.Context(), q); err != nil || show(got) != "6-8" || got.Head.Seq != 8 {
			t.Errorf("%+v: %q, head %d, %v", q, show(got), got.Head.Seq, err)
		}
	}
	if _, err := f.Recipients(t.Context(), left, c.ID); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("recipients: %v", err)
	}
}

func TestAnEmptyConversationHasAnEmptyHistory(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, _ := f.Open(t)
	for _, kind := range []message.RangeKind{message.LastRange, message.AfterRange, message.BeforeRange, message.AroundRange, message.TimeRange} {
		got, err := f.ListMessages(t.Context(), message.HistoryQuery{User: a, Conversation: id, Kind: kind, Seq: 1})
		if err != nil || len(got.Items) > 0 || len(got.Gaps) > 0 {
			t.Errorf("kind %d: %q, %v", kind, show(got), err)
		}
	}
}

func TestPagesCoverHistoryWithoutABreak(t *testing.T) {
	t.Parallel()
	f, _, c, viewer := talk(t, 60, message.Interval{From: 5, To: 17}, message.Interval{From: 18, To: 30}, message.Interval{From: 41, To: 60})
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 25).Draw(rt, "limit")
		covered := map[int64]string{}
		add := func(h message.History) (low, high int64) {
			low, high = 1<<62, 0
			note := func(seq int64, what string) {
				if was := covered[seq]; was != "" {
					rt.Fatalf("%d is %s and %s", seq, was, what)
				}
				covered[seq] = what
				low, high = min(low, seq), max(high, seq)
			}
			for _, m := range h.Items {
				note(m.Seq, "item")
			}
			for _, gap := range h.Gaps {
				for seq := gap.From; seq <= gap.To; seq++ {
					note(seq, "gap")
				}
			}
			if len(h.Items) > limit {
				rt.Fatalf("%d items", len(h.Items))
			}
			return low, high
		}
		page := func(kind message.RangeKind, seq int64) message.History {
			h, err := f.ListMessages(t.Context(), message.HistoryQuery{User: viewer, Conversation: c.ID, Kind: kind, Seq: seq, Limit: limit})
			if err != nil {
				rt.Fatalf("history: %v", err)
			}
			return h
		}
		low, high := add(page(message.AroundRange, rapid.Int64Range(1, 60).Draw(rt, "start")))
		for low > 1 {
			low, _ = add(page(message.BeforeRange, low))
		}
		for high < 60 {
			_, high = add(page(message.AfterRange, high))
		}
		for seq := int64(1); seq <= 60; seq++ {
			want := "gap"
			if seq >= 5 && seq <= 30 || seq >= 41 {
				want = "item"
			}
			if covered[seq] != want {
				rt.Fatalf("%d is %q, want %s", seq, covered[seq], want)
			}
		}
	})
}

func TestAPageEndsAtItsBytes(t *testing.T) {
	t.Parallel()
	store := messagetest.NewStore()
	f := messagetest.Start(t, store, 1)
	id, a, _ := f.Open(t)
	for range 40 {
		f.Say(t, a, id, strings.Repeat("\U0001F600", message.MaxTextCharacters)) // 32,000 bytes
	}
	rows := []struct {
		name string
		q    message.HistoryQuery
		want string
	}{
		{"upwards the far end is cut", message.HistoryQuery{Kind: message.AfterRange, Seq: 10}, "11-26"},
		{"downwards the start is cut", message.HistoryQuery{}, "25-40"},
		{"before a seq the start is cut", message.HistoryQuery{Kind: message.BeforeRange, Seq: 31}, "15-30"},
		{"around a seq both ends are cut", message.HistoryQuery{Kind: message.AroundRange, Seq: 20, Limit: 40}, "13-28"},
	}
	for _, row := range rows {
		row.q.User, row.q.Conversation = a, id
		got, err := f.ListMessages(t.Context(), row.q)
		if err != nil || show(got) != row.want {
			t.Errorf("%s: %q, %v; want %q", row.name, show(got), err, row.want)
		}
	}
}

func TestACutPageLosesTheGapsBehindTheCut(t *testing.T) {
	t.Parallel()
	f, store, c, viewer := talk(t, 0)
	a := c.Members[0].UserID
	for range 40 {
		f.Say(t, a, c.ID, strings.Repeat("\U0001F600", message.MaxTextCharacters))
	}
	c, err := store.Conversation(t.Context(), c.ID, a)
	if err != nil {
		t.Fatal(err)
	}
	c.Members = append(c.Members,
		message.Member{UserID: viewer, JoinedSeq: 3, LeftSeq: 30, Left: true}, message.Member{UserID: viewer, JoinedSeq: 35})
	store.Put(c, 0)
	for q, want := range map[message.HistoryQuery]string{
		{Kind: message.AfterRange}:            "gap 1-2 3-18",
		{Kind: message.BeforeRange, Seq: 41}:  "21-30 gap 31-34 35-40",
		{Kind: message.BeforeRange, Seq: 34}:  "15-30 gap 31-33",
		{Kind: message.AroundRange, Seq: 10}:  "gap 1-2 3-18",
		{Kind: message.AfterRange, Seq: 28}:   "29-30 gap 31-34 35-40",
		{Kind: message.AroundRange, Seq: 100}: "21-30 gap 31-34 35-40",
	} {
		q.User, q.Conversation, q.Limit = viewer, c.ID, message.MaxPageItems
		if got, err := f.ListMessages(t.Context(), q); err != nil || show(got) != want {
			t.Errorf("%d of %d: %q, %v; want %q", q.Kind, q.Seq, show(got), err, want)
		}
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	f, store, c, viewer := talk(t, 10, message.Interval{From: 3, To: 10})
	for _, seq := range []int64{5, 1, 7, 5} {
		store.Touch(c.ID, seq)
	}
	whole := c.Members[0].UserID
	rows := []struct {
		name  string
		user  ids.UserID
		after int64
		limit int
		seqs  []int64
		upTo  int64
	}{
		{"the latest state of each, by rev", whole, 0, 0, []int64{1, 7, 5}, 4},
		{"after a rev", whole, 2, 0, []int64{7, 5}, 4},
		{"a full page goes up to its last rev", whole, 0, 2, []int64{1, 7}, 3},
		{"nothing new", whole, 4, 0, nil, 4},
		{"a rev of the future", whole, 99, 0, nil, 4},
		{"what is not visible is left out", viewer, 0, 0, []int64{7, 5}, 4},
		{"a page of what is not visible still moves on", viewer, 0, 1, nil, 2},
	}
	for _, row := range rows {
		items, upTo, err := f.ListChanges(t.Context(), message.ChangesQuery{User: row.user, Conversation: c.ID, AfterRev: row.after, Limit: row.limit})
		var seqs []int64
		for _, m := range items {
			seqs = append(seqs, m.Seq)
		}
		if err != nil || upTo != row.upTo || !cmp.Equal(row.seqs, seqs) {
			t.Errorf("%s: %v up to %d, %v", row.name, seqs, upTo, err)
		}
	}
}

func TestStrangersReadNothing(t *testing.T) {
	t.Parallel()
	f, _, c, _ := talk(t, 3)
	stranger := ids.NewUser()
	for name, id := range map[string]ids.ConversationID{"foreign": c.ID, "unknown": ids.NewConversation()} {
		_, history := f.ListMessages(t.Context(), message.HistoryQuery{User: stranger, Conversation: id})
		_, _, changes := f.ListChanges(t.Context(), message.ChangesQuery{User: stranger, Conversation: id})
		_, view := f.Conversation(t.Context(), stranger, id)
		_, recipients := f.Recipients(t.Context(), stranger, id)
		for what, err := range map[string]error{"history": history, "changes": changes, "conversation": view, "recipients": recipients} {
			if !errors.Is(err, message.ErrNotFound) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
}
