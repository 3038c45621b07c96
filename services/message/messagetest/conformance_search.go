// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

func (s suite) searchTests() []conformanceTest {
	return []conformanceTest{
		{"who may read something of what is listed", s.readable},
		{"all messages are read in order, from any place on", s.scan},
	}
}

func (s suite) readable(t *testing.T) {
	a, b, c := ids.NewUser(), ids.NewUser(), ids.NewUser()
	first, second := s.relate(t, NewPair(t, a, b), 1, true), s.relate(t, NewPair(t, a, c), 1, true)
	list := func(user ids.UserID, limit int) []ids.ConversationID {
		found, err := s.store.Readable(t.Context(), user, limit)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(found, ids.ConversationID.Compare)
		return found
	}
	both := []ids.ConversationID{first, second}
	slices.SortFunc(both, ids.ConversationID.Compare)
	if diff := cmp.Diff(both, list(a, 10)); diff != "" {
		t.Errorf("of two (-want +got):\n%s", diff)
	}
	if got := list(b, 10); !slices.Equal(got, []ids.ConversationID{first}) {
		t.Errorf("of one: %v", got)
	}
	if got := list(a, 1); len(got) != 1 {
		t.Errorf("one at most: %v", got)
	}
	if got := list(ids.NewUser(), 10); len(got) != 0 {
		t.Errorf("of nobody: %v", got)
	}
}

func (s suite) scan(t *testing.T) {
	id, a, _ := s.open(t)
	for range 5 {
		s.append(t, start, NewDraft(a, id, "x"))
	}
	// The store may be shared: only the conversation's own part is looked at.
	var seqs []int64
	for after := (message.Place{Conversation: id, Seq: 1}); ; {
		found, err := s.store.Scan(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range found {
			if m.Conversation == id {
				seqs = append(seqs, m.Seq)
			}
		}
		if len(found) == 0 || found[len(found)-1].Conversation != id {
			break
		}
		after.Seq = found[len(found)-1].Seq
	}
	if !slices.Equal(seqs, []int64{2, 3, 4, 5}) {
		t.Errorf("after the first: %v", seqs)
	}
	found, err := s.store.Scan(t.Context(), message.Place{}, 3)
	if err != nil || len(found) != 3 {
		t.Errorf("from the start: %d, %v", len(found), err)
	}
	ordered := slices.IsSortedFunc(found, func(x, y message.Message) int { return x.Conversation.Compare(y.Conversation) })
	if !ordered {
		t.Error("not in order")
	}
}
