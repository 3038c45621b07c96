// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

func (s suite) hideTests() []conformanceTest {
	return []conformanceTest{
		{"a hidden message is neither unread nor a mention, for its user alone", s.hides},
		{"what is hidden is listed in the order of hiding and found in stretches", s.hiddenList},
		{"what a member hid stays hidden after they left and came back", s.hiddenAcrossIntervals},
		{"hides at once are counted without a hole", s.concurrentHides},
	}
}

func (s suite) hide(t *testing.T, user ids.UserID, id ids.ConversationID, seq int64) (message.Head, []message.Event) {
	t.Helper()
	head, events, err := s.store.Hide(t.Context(), hiding(user, id, seq))
	if err != nil {
		t.Fatalf("hide: %v", err)
	}
	return head, events
}

func hiding(user ids.UserID, id ids.ConversationID, seq int64) message.Hiding {
	return message.Hiding{Conversation: id, User: user, Seq: seq, At: start + 5, EventID: ids.NewEvent()}
}

// movedHead is the only head of a user that has moved since a time.
func (s suite) movedHead(t *testing.T, user ids.UserID, since int64) message.Head {
	t.Helper()
	heads, err := s.store.Heads(t.Context(), []message.HeadsQuery{{User: user, Since: since, Limit: 9}})
	if err != nil || len(heads[0]) > 1 {
		t.Fatalf("heads: %+v, %v", heads, err)
	}
	if len(heads[0]) == 0 {
		return message.Head{}
	}
	return heads[0][0].Head
}

func (s suite) hides(t *testing.T) {
	id, a, b := s.open(t)
	s.append(t, start, NewDraft(a, id, "1"), NewDraft(a, id, "2 <@"+b.String()+">"), NewDraft(a, id, "3"), NewDraft(a, id, "4"))
	want := message.Head{Conversation: id, Seq: 4, MembersRev: 1, Unread: 3, HiddenRev: 1}
	for round := range 2 {
		head, events := s.hide(t, b, id, 2)
		if head != want || len(events) != 1-round {
			t.Errorf("round %d: %+v, %d events, want %+v", round, head, len(events), want)
		}
		if round == 0 {
			e := events[0]
			e.ID = ids.EventID{}
			told := message.Event{
				Kind: message.MessageHidden, OccurredAt: start + 5, Recipients: []ids.UserID{b},
				Marker: message.Marker{Conversation: id, User: b, Seq: 2},
			}
			if diff := cmp.Diff(told, e); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		}
	}
	if got := s.movedHead(t, b, start+5); got != want {
		t.Errorf("the head moved to %+v, want %+v", got, want)
	}
	if got := s.movedHead(t, a, start+5); got != (message.Head{}) {
		t.Errorf("for the other one something moved: %+v", got)
	}
	s.change(t, NewChange(message.Recalling, a, id, 2, "")) // counted once
	s.change(t, NewChange(message.Recalling, a, id, 3, ""))
	want.Unread, want.Rev = 2, 2
	if got := s.movedHead(t, b, 0); got != want {
		t.Errorf("after recalls %+v, want %+v", got, want)
	}
	head, _, err := s.markRead(t, b, id, 3, start)
	if want.ReadSeq, want.Unread = 3, 1; err != nil || head != want {
		t.Errorf("after reading %+v, %v, want %+v", head, err, want)
	}
	for name, h := range map[string]message.Hiding{
		"a stranger": hiding(ids.NewUser(), id, 1), "past the end": hiding(b, id, 5), "position 0": hiding(b, id, 0),
		"an unknown conversation": hiding(b, ids.NewConversation(), 1),
	} {
		if _, _, err := s.store.Hide(t.Context(), h); !errors.Is(err, message.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (s suite) hiddenList(t *testing.T) {
	id, a, b := s.open(t)
	for range 6 {
		s.append(t, start, NewDraft(a, id, "x"))
	}
	for _, seq := range []int64{5, 2, 6} {
		s.hide(t, b, id, seq)
	}
	s.hide(t, a, id, 4)
	for after, want := range map[int64][]int64{0: {5, 2}, 1: {2, 6}, 2: {6}, 3: nil, 9: nil} {
		got, err := s.store.Hidden(t.Context(), message.HiddenQuery{Conversation: id, User: b, After: after, Limit: 2})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("after %d: %v, %v, want %v", after, got, err, want)
		}
	}
	found, err := s.store.HiddenIn(t.Context(), b, []message.Stretch{stretch(id, 1, 4), stretch(id, 6, 9)})
	slices.Sort(found)
	if err != nil || !slices.Equal(found, []int64{2, 6}) {
		t.Errorf("in stretches: %v, %v", found, err)
	}
	last, err := s.store.LastShown(t.Context(), b, []message.Stretch{stretch(id, 1, 6), stretch(id, 1, 3), stretch(id, 5, 6)})
	if err != nil || !slices.Equal(last, []int64{4, 3, 0}) {
		t.Errorf("last shown: %v, %v", last, err)
	}
}

func (s suite) hiddenAcrossIntervals(t *testing.T) {
	id, list := s.group(t, 3)
	owner, member := list[0], list[1]
	s.append(t, start, NewDraft(owner, id, "2"))
	s.hide(t, member, id, 2)
	s.act(t, action(id, owner, message.UserRemoved, start, member)) // 3
	s.append(t, start, NewDraft(owner, id, "4"))
	if head, _ := s.hide(t, member, id, 1); !head.Left || head.HiddenRev != 2 || head.Seq != 3 {
		t.Errorf("who left hides: %+v", head)
	}
	if _, _, err := s.store.Hide(t.Context(), hiding(member, id, 4)); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("what was said after they left: %v", err)
	}
	s.act(t, action(id, owner, message.UsersJoined, start, member)) // 5
	if c := s.seen(t, id, member); c.Head(member).HiddenRev != 2 {
		t.Errorf("back again: %+v", c.Head(member))
	}
	if head, _ := s.hide(t, member, id, 5); head.HiddenRev != 3 {
		t.Errorf("the next one: %+v", head)
	}
}

func (s suite) concurrentHides(t *testing.T) {
	id, a, b := s.open(t)
	const n = 8
	for range n {
		s.append(t, start, NewDraft(a, id, "x"))
	}
	var wg sync.WaitGroup
	for seq := range int64(n) {
		for range 2 {
			wg.Go(func() {
				if _, _, err := s.store.Hide(t.Context(), hiding(b, id, seq+1)); err != nil {
					t.Errorf("hide: %v", err)
				}
			})
		}
	}
	wg.Wait()
	hidden, err := s.store.Hidden(t.Context(), message.HiddenQuery{Conversation: id, User: b, Limit: 2 * n})
	slices.Sort(hidden)
	if head := s.movedHead(t, b, 0); err != nil || len(hidden) != n || hidden[n-1] != n || head.HiddenRev != n || head.Unread != 0 {
		t.Errorf("hidden %v, %v, head %+v", hidden, err, head)
	}
}
