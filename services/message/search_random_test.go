// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

// blab offers whatever holds the grams, to anybody.
type blab struct{ index *messagetest.ScanIndex }

func (x blab) Find(ctx context.Context, l searchindex.Lookup) ([]searchindex.Hit, error) {
	l.Groups = nil
	return x.index.Find(ctx, l)
}

// town is a store in which people talk, join, leave, take back, change and hide at random.
type town struct {
	*messagetest.Fixture
	r      *rand.Rand
	people []ids.UserID
	talks  []ids.ConversationID
	words  []string
}

func newTown(t *testing.T, store *messagetest.Store) *town {
	t.Helper()
	w := &town{
		Fixture: messagetest.Start(t, store, 1), r: rand.New(rand.NewPCG(7, 4)), people: newUsers(12),
		words: strings.Fields("上海 开会 报表 秘密 项目 tea report secret plan v1.2.3"),
	}
	for i, a := range w.people {
		for _, b := range w.people[i+1:] {
			if w.r.IntN(3) == 0 {
				w.talks = append(w.talks, w.OpenPair(t, a, b, 1))
			}
		}
	}
	for range 6 {
		some := w.r.Perm(len(w.people))
		view, err := w.CreateGroup(t.Context(), draftOf(w.people[some[0]], w.people[some[1]], w.people[some[2]], w.people[some[3]]))
		if err != nil {
			t.Fatal(err)
		}
		w.talks = append(w.talks, view.Conversation.ID)
	}
	for range 2500 {
		w.live(t)
	}
	return w
}

func (w *town) anybody() ids.UserID { return w.people[w.r.IntN(len(w.people))] }

// live lets somebody do something; that they may not is as good.
func (w *town) live(t *testing.T) {
	t.Helper()
	who, where, seq := w.anybody(), w.talks[w.r.IntN(len(w.talks))], int64(1+w.r.IntN(60))
	w.Clock.Add(time.Duration(w.r.IntN(3)) * time.Second)
	switch w.r.IntN(20) {
	case 0:
		_, _ = w.AddMembers(t.Context(), who, where, []ids.UserID{w.anybody()})
	case 1:
		_, _ = w.LeaveGroup(t.Context(), who, where)
	case 2:
		_, _ = w.RemoveMember(t.Context(), who, where, w.anybody())
	case 3:
		_, _ = w.Recall(t.Context(), who, where, seq)
	case 4:
		_, _ = w.Edit(t.Context(), who, where, seq, w.text())
	case 5:
		_, _ = w.Hide(t.Context(), who, where, seq)
	default:
		_, _ = w.Send(t.Context(), messagetest.NewDraft(who, where, w.text()))
	}
}

func (w *town) text() string {
	var b strings.Builder
	for range 1 + w.r.IntN(3) {
		b.WriteString(w.words[w.r.IntN(len(w.words))])
		b.WriteString(strings.Repeat(" ", w.r.IntN(2)))
	}
	return b.String()
}

// typed is a piece of a word, or two.
func (w *town) typed() string {
	word := []rune(w.words[w.r.IntN(len(w.words))])
	text := string(word[:1+w.r.IntN(len(word))])
	if w.r.IntN(3) == 0 {
		text += " " + w.words[w.r.IntN(len(w.words))]
	}
	return text
}

// readable are the texts that a person gets from the lists of all conversations.
func (w *town) readable(t *testing.T, user ids.UserID) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, id := range w.talks {
		for after, head := int64(0), int64(1); after < head; after += message.MaxPageItems {
			h, err := w.ListMessages(t.Context(), message.HistoryQuery{
				User: user, Conversation: id, Kind: message.AfterRange, Seq: after, Limit: message.MaxPageItems,
			})
			if err != nil {
				break // not theirs
			}
			for _, m := range h.Items {
				texts[message.PlaceID(id, m.Seq)] = m.Text
			}
			head = h.Head.Seq
		}
	}
	return texts
}

// Whoever searches for whatever finds only what the list of messages gives them at the same moment, even if the
// index offers everything to everybody.
func TestF37_HitsAreWhatTheSearcherMayRead(t *testing.T) {
	t.Parallel()
	store := messagetest.NewStore()
	w := newTown(t, store)
	searcher := message.New(message.Options{
		Store: store, Publisher: w.Publisher, Friends: w.Friends, Now: w.Clock.Now, Index: blab{&messagetest.ScanIndex{Store: store}},
		Tokens: page.NewCodec([]byte("a key of thirty-two bytes, or so")),
	})
	const queries, each = 1000, 25
	total := 0
	var mine map[string]string
	var user ids.UserID
	for i := range queries {
		if i%each == 0 {
			w.live(t)
			user = w.anybody()
			mine = w.readable(t, user)
		}
		q := message.SearchQuery{User: user, Text: w.typed(), Size: message.MaxSearchPage}
		found, err := searcher.Search(t.Context(), q)
		if err != nil {
			t.Fatalf("%q: %v", q.Text, err)
		}
		for _, h := range found.Hits {
			place := message.PlaceID(h.Conversation, h.Seq)
			if text, ok := mine[place]; !ok || text != h.Text {
				t.Errorf("%q finds %s %q, the list has %q", q.Text, place, h.Text, text)
			}
		}
		total += len(found.Hits)
	}
	if total < queries {
		t.Errorf("only %d hits in %d queries prove little", total, queries)
	}
	t.Logf("%d queries, %d hits", queries, total)
}
