// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

func (s suite) raceTests() []conformanceTest {
	return []conformanceTest{
		{"a recall, an edit, a reaction and a removal at once with sends leave no hole", s.changeRace},
		{"of an owner who leaves and hands over at once one owner is left", s.ownerRace},
		{"many who give different emoji at once give twenty", s.emojiRace},
		{"who is a member is linearizable", s.linearizable},
	}
}

// changeRace has a member send while an admin takes back what they said and removes them.
func (s suite) changeRace(t *testing.T) {
	const sends = 6
	id, list := s.group(t, 3)
	owner, target := list[0], list[1]
	s.append(t, start, NewDraft(target, id, "first")) // 2
	var wg sync.WaitGroup
	change := func(ch message.Change, allowed ...error) {
		wg.Go(func() {
			_, err := s.store.Change(t.Context(), ch)
			for _, one := range append(allowed, nil) {
				if errors.Is(err, one) {
					return
				}
			}
			t.Errorf("change %d: %v", ch.Kind, err)
		})
	}
	for range sends {
		wg.Go(func() {
			committed, err := s.tryAppend(t.Context(), start, NewDraft(target, id, "x"))
			if err != nil || committed.Results[0].Err != nil && !errors.Is(committed.Results[0].Err, message.ErrNotFound) {
				t.Errorf("send: %+v, %v", committed.Results, err)
			}
		})
	}
	change(NewChange(message.Recalling, owner, id, 2, ""))
	change(NewChange(message.Editing, target, id, 2, "second"), message.ErrRecalled, message.ErrNotFound)
	change(reaction(list[2], id, 2, faces(1)[0], false), message.ErrRecalled)
	wg.Go(func() {
		if _, err := s.store.ChangeGroup(t.Context(), action(id, owner, message.UserRemoved, start, target)); err != nil {
			t.Errorf("remove: %v", err)
		}
	})
	wg.Wait()
	c, end := s.seen(t, id, target), int64(0)
	for _, m := range c.Members {
		end = m.LeftSeq
	}
	for i, m := range s.read(t, id, 1, 99) {
		if m.Seq != int64(i+1) || m.Sender == target && m.Seq > end {
			t.Errorf("message %d by %s at %d, the sender left at %d", i+1, m.Sender, m.Seq, end)
		}
	}
	stone := s.read(t, id, 2, 2)[0]
	if stone.Kind != message.RecalledBody || stone.Text != "" || stone.Edits != 0 || stone.Reactions != "" {
		t.Errorf("what was taken back: %+v", stone)
	}
	if versions, err := s.store.Versions(t.Context(), message.VersionsQuery{Conversation: id, Seq: 2}); err != nil || len(versions) != 0 {
		t.Errorf("versions of it: %v, %v", versions, err)
	}
	if changed := s.changed(t, id, 0, 99); len(changed) != 1 || changed[0].Rev != c.Rev {
		t.Errorf("changes %+v up to %d", changed, c.Rev)
	}
}

// ownerRace: leaving is refused while one owns the group, and allowed right after.
func (s suite) ownerRace(t *testing.T) {
	const rounds = 5
	for range rounds {
		id, list := s.group(t, 3)
		var wg sync.WaitGroup
		handOver := func(to ids.UserID) {
			wg.Go(func() {
				a := action(id, list[0], message.RoleChanged, start, to)
				a.Role = message.RoleOwner
				_, err := s.store.ChangeGroup(t.Context(), a)
				// The second of two comes from who owns it no more, or who has left.
				if err != nil && !errors.Is(err, message.ErrForbidden) && !errors.Is(err, message.ErrNotFound) {
					t.Errorf("hand over: %v", err)
				}
			})
		}
		handOver(list[1])
		handOver(list[2])
		for _, who := range list {
			wg.Go(func() {
				_, err := s.store.ChangeGroup(t.Context(), action(id, who, message.UserLeft, start))
				if err != nil && !errors.Is(err, message.ErrOwnerMustHandOver) {
					t.Errorf("leave: %v", err)
				}
			})
		}
		wg.Wait()
		members, err := s.store.Members(t.Context(), message.MembersQuery{Conversation: id, Limit: 9})
		owners := 0
		for _, m := range members {
			if m.Role == message.RoleOwner {
				owners++
			}
		}
		if err != nil || owners != 1 {
			t.Errorf("%d owners of %+v, %v", owners, members, err)
		}
	}
}

func (s suite) emojiRace(t *testing.T) {
	const more = 10
	id, list := s.group(t, 4)
	s.append(t, start, NewDraft(list[0], id, "x"))
	var (
		wg      sync.WaitGroup
		refused atomic.Int32
	)
	for i, face := range faces(message.MaxReactions + more) {
		wg.Go(func() {
			_, err := s.store.Change(t.Context(), reaction(list[i%4], id, 2, face, false))
			if errors.Is(err, message.ErrTooManyReactions) {
				refused.Add(1)
			} else if err != nil {
				t.Errorf("react: %v", err)
			}
		})
	}
	wg.Wait()
	m := s.read(t, id, 2, 2)[0]
	if n := len(m.Reactions.List()); n != message.MaxReactions || refused.Load() != more || m.Rev != message.MaxReactions {
		t.Errorf("%d emoji, %d refused, rev %d", n, refused.Load(), m.Rev)
	}
}
