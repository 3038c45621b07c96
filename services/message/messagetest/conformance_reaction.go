// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

func reaction(by ids.UserID, id ids.ConversationID, seq int64, emoji string, remove bool) message.Change {
	ch := NewChange(message.Reacting, by, id, seq, "")
	ch.Emoji, ch.Remove = emoji, remove
	return ch
}

// faces are that many different emoji.
func faces(n int) (list []string) {
	for i := range n {
		list = append(list, string(rune(0x1F600+i)))
	}
	return list
}

// counted lists the reactions of a message by emoji.
func counted(m message.Message) map[string]int32 {
	counts := map[string]int32{}
	for _, r := range m.Reactions.List() {
		counts[r.Emoji] = r.Count
	}
	return counts
}

func (s suite) reactions(t *testing.T) {
	id, a, b := s.open(t)
	s.append(t, start, NewDraft(a, id, "x"), NewDraft(a, id, "y"))
	heart, thumb := "\u2764\ufe0f", "\U0001F44D"
	steps := []struct {
		by      ids.UserID
		emoji   string
		remove  bool
		changed bool
		want    map[string]int32
	}{
		{b, heart, true, false, map[string]int32{}},
		{b, heart, false, true, map[string]int32{heart: 1}},
		{b, heart, false, false, map[string]int32{heart: 1}},
		{a, heart, false, true, map[string]int32{heart: 2}},
		{b, thumb, false, true, map[string]int32{heart: 2, thumb: 1}},
		{b, heart, true, true, map[string]int32{heart: 1, thumb: 1}},
		{a, heart, true, true, map[string]int32{thumb: 1}},
		{a, thumb, true, false, map[string]int32{thumb: 1}},
	}
	rev := int64(0)
	for i, step := range steps {
		plan := s.change(t, reaction(step.by, id, 1, step.emoji, step.remove))
		if plan.Changed {
			rev++
		}
		stored := s.read(t, id, 1, 1)[0]
		if plan.Changed != step.changed || stored != plan.Message || stored.Rev != rev || s.conversation(t, id).Rev != rev {
			t.Errorf("step %d: %+v, stored %+v", i, plan, stored)
		}
		if diff := cmp.Diff(step.want, counted(stored)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
	if got := s.read(t, id, 1, 1)[0].Reactions.List()[0].UserIDs(); !cmp.Equal(got, []ids.UserID{b}) {
		t.Errorf("given by %v", got)
	}
	for _, face := range faces(message.MaxReactions - 1) {
		s.change(t, reaction(a, id, 1, face, false))
	}
	if _, err := s.store.Change(t.Context(), reaction(b, id, 1, heart, false)); !errors.Is(err, message.ErrTooManyReactions) {
		t.Errorf("one emoji more: %v", err)
	}
	s.change(t, reaction(a, id, 1, thumb, false)) // one that is there
	s.change(t, NewChange(message.Recalling, a, id, 1, ""))
	if _, err := s.store.Change(t.Context(), reaction(b, id, 1, heart, false)); !errors.Is(err, message.ErrRecalled) {
		t.Errorf("below what was recalled: %v", err)
	}
	if m := s.read(t, id, 1, 1)[0]; m.Reactions != "" {
		t.Errorf("a tombstone with reactions %q", m.Reactions)
	}
	s.change(t, reaction(b, id, 2, heart, false)) // another message
	if _, err := s.store.Change(t.Context(), reaction(ids.NewUser(), id, 2, heart, false)); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
}

// concurrentReactions has more people than are named give one emoji, and some take it back.
func (s suite) concurrentReactions(t *testing.T) {
	const people, leave = message.MaxReactors + 10, 5
	id, members := s.group(t, people)
	s.append(t, start, NewDraft(members[0], id, "x"))
	at := s.conversation(t, id).Seq
	face := faces(1)[0]
	var wg sync.WaitGroup
	for i, user := range members {
		wg.Go(func() {
			for _, remove := range []bool{false, true}[:1+min(1, max(0, leave-i))] {
				if _, err := s.store.Change(t.Context(), reaction(user, id, at, face, remove)); err != nil {
					t.Errorf("react: %v", err)
				}
			}
		})
	}
	wg.Wait()
	m := s.read(t, id, at, at)[0]
	list := m.Reactions.List()
	if len(list) != 1 || list[0].Count != people-leave || len(list[0].UserIDs()) > message.MaxReactors || m.Rev != people+leave {
		t.Errorf("rev %d, reactions %+v", m.Rev, list)
	}
	s.change(t, NewChange(message.Recalling, members[0], id, at, ""))
}
