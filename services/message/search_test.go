// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

// texts of the hits, in order.
func search(t *testing.T, f *messagetest.Fixture, q message.SearchQuery) []string {
	t.Helper()
	page, err := f.Search(t.Context(), q)
	if err != nil {
		t.Fatalf("search %q: %v", q.Text, err)
	}
	texts := []string{}
	for _, h := range page.Hits {
		texts = append(texts, h.Text)
	}
	return texts
}

func TestSearchFindsWhatItsUserMayRead(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	other, c, _ := f.Open(t)
	stranger := ids.NewUser()
	for _, text := range []string{"明天十点在上海开会", "上海", "北京"} {
		f.Say(t, a, id, text)
		f.Clock.Add(time.Minute)
	}
	f.Say(t, c, other, "上海 of others")
	for name, row := range map[string]struct {
		q    message.SearchQuery
		want []string
	}{
		"newest first":           {message.SearchQuery{User: b, Text: "上海"}, []string{"上海", "明天十点在上海开会"}},
		"any order":              {message.SearchQuery{User: a, Text: "开会 上海"}, []string{"明天十点在上海开会"}},
		"one conversation":       {message.SearchQuery{User: a, Text: "上海", Conversation: id}, []string{"上海", "明天十点在上海开会"}},
		"a sender":               {message.SearchQuery{User: a, Text: "上海", Sender: b}, []string{}},
		"who has none":           {message.SearchQuery{User: stranger, Text: "上海"}, []string{}},
		"the others have theirs": {message.SearchQuery{User: c, Text: "上海"}, []string{"上海 of others"}},
		"from a time":            {message.SearchQuery{User: a, Text: "上海", From: messagetest.NewClock().Now().UnixMilli() + 1}, []string{"上海"}},
		"until a time":           {message.SearchQuery{User: a, Text: "上海", Until: messagetest.NewClock().Now().UnixMilli() + 1}, []string{"明天十点在上海开会"}},
	} {
		if diff := cmp.Diff(row.want, search(t, f, row.q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := f.Search(t.Context(), message.SearchQuery{User: stranger, Text: "上海", Conversation: id}); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("a foreign conversation: %v", err)
	}
}

// What an index offers wrongly, because it lies behind, is not shown.
func TestSearchBelievesTheStoreOnly(t *testing.T) {
	t.Parallel()
	store := messagetest.NewStore()
	f := messagetest.Start(t, store, 1)
	id, a, b := f.Open(t)
	for _, text := range []string{"秘密 recalled", "旧文本", "秘密 hidden"} {
		f.Say(t, a, id, text)
	}
	late := &messagetest.ScanIndex{Store: store}
	offers, err := late.Find(t.Context(), searchindex.Lookup{Limit: 9})
	if err != nil || len(offers) != 3 {
		t.Fatalf("%v %v", offers, err)
	}
	f.Index.Offers = offers
	if _, err := f.Recall(t.Context(), a, id, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Edit(t.Context(), a, id, 2, "新文本"); err != nil {
		t.Fatal(err)
	}
	hide(t, f, b, id, 3)
	for query, want := range map[string][]string{"秘密": {}, "旧": {}, "新文本": {"新文本"}} {
		if diff := cmp.Diff(want, search(t, f, message.SearchQuery{User: b, Text: query})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if got := search(t, f, message.SearchQuery{User: a, Text: "秘密"}); !slices.Equal(got, []string{"秘密 hidden"}) {
		t.Errorf("who hid nothing finds %v", got)
	}
	f.Index.Offers = append(offers, searchindex.Hit{ID: "no place"}, searchindex.Hit{ID: ids.NewConversation().String() + ":1"})
	if got := search(t, f, message.SearchQuery{User: b, Text: "新文本"}); len(got) != 1 {
		t.Errorf("with offers of nothing: %v", got)
	}
}

func TestSearchPagesRepeatAndSkipNothing(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	var want []string
	for i := range 53 {
		if i%7 == 0 {
			f.Clock.Add(time.Second)
		}
		text := fmt.Sprintf("word %02d", i)
		f.Say(t, a, id, text)
		f.Say(t, a, id, "else")
		want = append(want, text)
	}
	slices.Reverse(want)
	q := message.SearchQuery{User: b, Text: "wor", Size: 10}
	var got []string
	for pages := 1; ; pages++ {
		page, err := f.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range page.Hits {
			got = append(got, h.Text)
		}
		if q.Token = page.Next; q.Token == "" {
			break
		}
		if pages > 10 {
			t.Fatal("pages without end")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	page, err := f.Search(t.Context(), message.SearchQuery{User: b, Text: "wor", Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	for name, foreign := range map[string]message.SearchQuery{
		"of somebody else":    {User: a, Text: "wor", Token: page.Next},
		"of another question": {User: b, Text: "word", Token: page.Next},
		"of nobody":           {User: b, Text: "wor", Token: "x"},
	} {
		if _, err := f.Search(t.Context(), foreign); fault.KindOf(err) != fault.Invalid {
			t.Errorf("a token %s: %v", name, err)
		}
	}
}

func TestSearchMarksWhatWasTyped(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "<@"+b.String()+"> 上海 <@all> <@x> 上海")
	page, err := f.Search(t.Context(), message.SearchQuery{User: b, Text: "上海"})
	if err != nil || len(page.Hits) != 1 {
		t.Fatalf("%v %v", page, err)
	}
	text := []rune(page.Hits[0].Text)
	for _, span := range page.Hits[0].Spans {
		if got := string(text[span.Start:span.End]); got != "上海" {
			t.Errorf("marked %q", got)
		}
	}
	if got := len(page.Hits[0].Spans); got != 2 {
		t.Errorf("%d marks", got)
	}
	if got := search(t, f, message.SearchQuery{User: b, Text: b.String()[:8]}); len(got) > 0 {
		t.Errorf("the id of who is mentioned is found in %v", got)
	}
}

func TestSearchRefuses(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	_, a, _ := f.Open(t)
	many := ""
	for i := range 33 {
		many += fmt.Sprintf("w%d ", i)
	}
	for _, text := range []string{"", "  ", strings.Repeat("x", 257), many} {
		if _, err := f.Search(t.Context(), message.SearchQuery{User: a, Text: text}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
	f.Index.Err = searchindex.ErrUnavailable
	if _, err := f.Search(t.Context(), message.SearchQuery{User: a, Text: "x"}); !errors.Is(err, message.ErrSearchUnavailable) {
		t.Errorf("without an index: %v", err)
	}
}

// An index offers what lies before a member joined too. The token of a page that ends there must not tell that.
func TestATokenOfASearchTellsNothingOfWhatItsUserMayNotRead(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, u := newGroup(t, f, 3)
	for range 11 {
		f.Say(t, u[1], id, "秘密 before they came")
		f.Clock.Add(time.Second)
	}
	late := ids.NewUser()
	if _, err := f.AddMembers(t.Context(), u[0], id, []ids.UserID{late}); err != nil {
		t.Fatal(err)
	}
	page, err := f.Search(t.Context(), message.SearchQuery{User: late, Text: "秘密", Size: 1})
	if err != nil || len(page.Hits) > 0 || page.Next == "" {
		t.Fatalf("%d hits, token %q, %v", len(page.Hits), page.Next, err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(page.Next)
	if err != nil || strings.Contains(string(raw), id.String()) || strings.Contains(string(raw), "At") {
		t.Errorf("the token says %q, %v", raw, err)
	}
	next, err := f.Search(t.Context(), message.SearchQuery{User: late, Text: "秘密", Size: 1, Token: page.Next})
	if err != nil || len(next.Hits) > 0 || next.Next != "" {
		t.Errorf("the page after it has %d hits, token %q, %v", len(next.Hits), next.Next, err)
	}
}
