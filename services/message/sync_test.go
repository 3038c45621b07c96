// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func sync(t *testing.T, f *messagetest.Fixture, user ids.UserID, cursor string) message.SyncResult {
	t.Helper()
	r, err := f.Sync(t.Context(), message.SyncQuery{User: user, Cursor: cursor})
	if err != nil {
		t.Fatalf("sync: %v", err)
	}
	if len(r.Cursor) > 256 || !strings.HasPrefix(r.Cursor, "c1.") {
		t.Errorf("cursor %q", r.Cursor)
	}
	return r
}

func firstCursor(t *testing.T, f *messagetest.Fixture, user ids.UserID) string {
	t.Helper()
	list, err := f.ListConversations(t.Context(), message.ListQuery{User: user})
	if err != nil {
		t.Fatal(err)
	}
	return list.Cursor
}

func TestSyncAnnouncesWhatMoved(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	a, b := ids.NewUser(), ids.NewUser()
	quiet := f.OpenPair(t, a, ids.NewUser(), 1)
	busy := f.OpenPair(t, a, b, 1)
	f.Say(t, b, busy, "old")
	f.Clock.Add(time.Hour)
	cursor := firstCursor(t, f, a)
	if r := sync(t, f, a, cursor); len(r.Heads) != 0 || !r.Complete || r.Reset {
		t.Errorf("nothing moved: %+v", r)
	}
	f.Say(t, b, busy, "new")
	want := []message.Head{{Conversation: busy, Seq: 2, MembersRev: 1, Unread: 2}}
	r := sync(t, f, a, cursor)
	if diff := cmp.Diff(want, r.Heads); diff != "" {
		t.Errorf("after a message (-want +got):\n%s", diff)
	}
	if again := sync(t, f, a, r.Cursor); !cmp.Equal(again.Heads, want) {
		t.Errorf("within the overlap it is announced again, got %+v", again.Heads)
	}
	f.Clock.Add(11 * time.Minute)
	later := sync(t, f, a, r.Cursor)
	f.Clock.Add(time.Minute)
	if again := sync(t, f, a, later.Cursor); len(again.Heads) != 0 {
		t.Errorf("long after: %+v", again.Heads)
	}
	if _, err := f.MarkRead(t.Context(), message.Marker{Conversation: busy, User: a, Seq: 2}, false); err != nil {
		t.Fatal(err)
	}
	want[0].ReadSeq, want[0].Unread = 2, 0
	if diff := cmp.Diff(want, sync(t, f, a, later.Cursor).Heads); diff != "" {
		t.Errorf("own devices hear of the marker (-want +got):\n%s", diff)
	}
	if r := sync(t, f, b, firstCursor(t, f, b)); len(r.Heads) != 0 {
		t.Errorf("the marker of another moved this head: %+v", r.Heads)
	}
	f.Clock.Add(time.Hour)
	pair := messagetest.NewPair(t, a, b)
	if err := f.CloseDirect(t.Context(), pair, 2); err != nil {
		t.Fatal(err)
	}
	if r := sync(t, f, b, firstCursor(t, f, b)); len(r.Heads) != 1 || r.Heads[0].Conversation != busy {
		t.Errorf("after a close: %+v", r.Heads)
	}
	if quiet == busy {
		t.Error("two pairs have one conversation")
	}
}

func TestSyncResets(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	_, a, b := f.Open(t)
	good := firstCursor(t, f, a)
	other, err := page.NewCodec([]byte("another key")).Encode("sync:"+a.String(), map[string]int64{"s": f.Clock.Now().UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	list, err := f.ListConversations(t.Context(), message.ListQuery{User: a, Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name, cursor string
		user         ids.UserID
		later        time.Duration
		reset        bool
	}{
		{"a good cursor does not", good, a, 0, false},
		{"a new device does", "", a, 0, true},
		{"the cursor of another user does", good, b, 0, true},
		{"nonsense does", "c1.nonsense", a, 0, true},
		{"only a prefix does", "c1.", a, 0, true},
		{"another version does", "c2" + good[2:], a, 0, true},
		{"a cut cursor does", good[:len(good)-1], a, 0, true},
		{"a cursor of another key does", "c1." + other, a, 0, true},
		{"a page token does", "c1." + list.Next, a, 0, true},
		{"29 days do not", good, a, 29 * 24 * time.Hour, false},
		{"30 days do", good, a, 24 * time.Hour, true},
	}
	for _, row := range rows {
		f.Clock.Add(row.later)
		r := sync(t, f, row.user, row.cursor)
		if r.Reset != row.reset || row.reset && (len(r.Heads) > 0 || !r.Complete) {
			t.Errorf("%s: %+v", row.name, r)
		}
		if again := sync(t, f, row.user, r.Cursor); again.Reset {
			t.Errorf("%s: its new cursor resets too", row.name)
		}
	}
}

func TestSyncGoesOnInPages(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	a := ids.NewUser()
	cursor := firstCursor(t, f, a)
	const n = 2*message.MaxSyncHeads + 1
	for range n {
		f.Clock.Add(time.Millisecond)
		f.OpenPair(t, a, ids.NewUser(), 1)
	}
	seen := map[ids.ConversationID]bool{}
	var sizes []int
	for complete := false; !complete; {
		r := sync(t, f, a, cursor)
		for _, h := range r.Heads {
			if seen[h.Conversation] {
				t.Errorf("%s is announced twice", h.Conversation)
			}
			seen[h.Conversation] = true
		}
		sizes = append(sizes, len(r.Heads))
		cursor, complete = r.Cursor, r.Complete
		f.Clock.Add(20 * time.Minute) // the pages of one sync may take their time
	}
	if !cmp.Equal(sizes, []int{message.MaxSyncHeads, message.MaxSyncHeads, 1}) || len(seen) != n {
		t.Errorf("pages of %v heads, %d in all", sizes, len(seen))
	}
	missed := f.OpenPair(t, a, ids.NewUser(), 1)
	if r := sync(t, f, a, cursor); len(r.Heads) != 2*message.MaxSyncHeads+2 && r.Heads[0].Conversation != missed {
		t.Errorf("the cursor after the last page starts too late: %+v", r.Heads[:1])
	}
}

func TestWhatMovesBetweenPagesIsAnnouncedByTheNextSync(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	a, b := ids.NewUser(), ids.NewUser()
	cursor := firstCursor(t, f, a)
	last := f.OpenPair(t, a, b, 1)
	for range message.MaxSyncHeads {
		f.Clock.Add(time.Millisecond)
		f.OpenPair(t, a, ids.NewUser(), 1)
	}
	first := sync(t, f, a, cursor)
	f.Clock.Add(time.Hour)
	f.Say(t, b, last, "moves to the top, above the position of the next page")
	second := sync(t, f, a, first.Cursor)
	if len(second.Heads) != 0 || !second.Complete {
		t.Fatalf("second page: %+v", second)
	}
	third := sync(t, f, a, second.Cursor)
	if len(third.Heads) == 0 || third.Heads[0].Conversation != last || third.Heads[0].Seq != 1 {
		t.Errorf("next sync: %d heads", len(third.Heads))
	}
}

func TestABatchOfSyncsHasABoundAndLosesNothing(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	const users = message.MaxBatchHeads/message.MaxSyncHeads + 2
	var queries []message.SyncQuery
	for range users {
		user := ids.NewUser()
		queries = append(queries, message.SyncQuery{User: user, Cursor: firstCursor(t, f, user)})
		for range message.MaxSyncHeads {
			f.OpenPair(t, user, ids.NewUser(), 1)
		}
	}
	seen := map[ids.UserID]int{}
	for len(queries) > 0 {
		results, err := f.SyncBatch(t.Context(), queries)
		if err != nil {
			t.Fatal(err)
		}
		heads := 0
		var more []message.SyncQuery
		for i, r := range results {
			heads += len(r.Heads)
			seen[queries[i].User] += len(r.Heads)
			if !r.Complete {
				more = append(more, message.SyncQuery{User: queries[i].User, Cursor: r.Cursor})
			}
		}
		if heads > message.MaxBatchHeads || heads == 0 {
			t.Fatalf("%d heads in one answer", heads)
		}
		queries = more
	}
	if len(seen) != users {
		t.Errorf("%d users heard", len(seen))
	}
	for user, n := range seen {
		if n != message.MaxSyncHeads {
			t.Errorf("%s heard of %d conversations", user, n)
		}
	}
}

func TestSyncBatchAnswersInPlace(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	a, b := ids.NewUser(), ids.NewUser()
	cursorA, cursorB := firstCursor(t, f, a), firstCursor(t, f, b)
	id := f.OpenPair(t, a, b, 1)
	f.Say(t, a, id, "x")
	results, err := f.SyncBatch(t.Context(), []message.SyncQuery{
		{User: a, Cursor: cursorA}, {User: a, Cursor: cursorB}, {User: b, Cursor: cursorB}, {User: a, Cursor: cursorA},
	})
	if err != nil {
		t.Fatal(err)
	}
	read := []int64{1, -1, 0, 1}
	for i, r := range results {
		if read[i] < 0 {
			if !r.Reset {
				t.Errorf("result %d: %+v", i, r)
			}
			continue
		}
		if len(r.Heads) != 1 || r.Heads[0].ReadSeq != read[i] {
			t.Errorf("result %d: %+v", i, r)
		}
	}
}

func TestPagesOfConversations(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	a := ids.NewUser()
	want := make([]ids.ConversationID, 7)
	for i := range want {
		f.Clock.Add(time.Second)
		peer := ids.NewUser()
		want[len(want)-1-i] = f.OpenPair(t, a, peer, 1)
		f.Say(t, peer, want[len(want)-1-i], "x")
	}
	var (
		got   []ids.ConversationID
		token string
	)
	for {
		list, err := f.ListConversations(t.Context(), message.ListQuery{User: a, Size: 3, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		if (list.Cursor != "") != (token == "") {
			t.Errorf("cursor %q on the page of %q", list.Cursor, token)
		}
		for _, v := range list.Views {
			got = append(got, v.Conversation.ID)
			if v.Last == nil || v.Last.Conversation != v.Conversation.ID || v.Head.Unread != 1 {
				t.Errorf("view %+v", v)
			}
		}
		if token = list.Next; token == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAPageOfConversationsEndsAtItsBytes(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	a := ids.NewUser()
	for range 30 {
		peer := ids.NewUser()
		f.Say(t, peer, f.OpenPair(t, a, peer, 1), strings.Repeat("\U0001F600", message.MaxTextCharacters))
	}
	first, err := f.ListConversations(t.Context(), message.ListQuery{User: a})
	if err != nil {
		t.Fatal(err)
	}
	second, err := f.ListConversations(t.Context(), message.ListQuery{User: a, Token: first.Next})
	if err != nil || len(first.Views) != 16 || len(second.Views) != 14 || second.Next != "" {
		t.Errorf("pages of %d and %d, %v", len(first.Views), len(second.Views), err)
	}
}

func TestAPageTokenIsForItsUserAndList(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	a, b := ids.NewUser(), ids.NewUser()
	f.OpenPair(t, a, ids.NewUser(), 1)
	f.OpenPair(t, a, ids.NewUser(), 1)
	list, err := f.ListConversations(t.Context(), message.ListQuery{User: a, Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]message.ListQuery{
		"another user": {User: b, Token: list.Next}, "a cursor": {User: a, Token: list.Cursor}, "nonsense": {User: a, Token: "x"},
	} {
		if _, err := f.ListConversations(t.Context(), q); !errors.Is(err, fault.ErrPageToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnOpeningAndAMarkerAreAnnouncedOnce(t *testing.T) {
	t.Parallel()
	store := messagetest.NewStore()
	f := messagetest.Start(t, store, 1)
	a, b := ids.NewUser(), ids.NewUser()
	id := f.OpenPair(t, a, b, 1)
	f.OpenPair(t, b, a, 1)
	f.Say(t, a, id, "x")
	for _, seq := range []int64{1, 1, 0, 99} {
		if _, err := f.MarkRead(t.Context(), message.Marker{Conversation: id, User: b, Seq: seq}, false); err != nil {
			t.Fatal(err)
		}
	}
	var kinds []message.EventKind
	for _, e := range f.Publisher.Events() {
		kinds = append(kinds, e.Kind)
	}
	want := []message.EventKind{message.ConversationCreated, message.MessageCreated, message.MarkerMoved}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(store.Outbox(), f.Publisher.Events()); diff != "" {
		t.Errorf("the outbox and what was published differ:\n%s", diff)
	}
}
