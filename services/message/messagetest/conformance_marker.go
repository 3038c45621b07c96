// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"slices"
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// hiddenMarker reads in a pair and in a group, hidden and not; what a reader says shows both markers.
func (s suite) hiddenMarker(t *testing.T) {
	pair, a, b := s.open(t)
	group, list := s.group(t, 3)
	for _, place := range []struct {
		id             ids.ConversationID
		reader, sender ids.UserID
	}{{pair, b, a}, {group, list[1], list[0]}} {
		for range 4 {
			s.append(t, start, NewDraft(place.sender, place.id, "x"))
		}
		base := int64(0)
		if place.id == group {
			base = 1
		}
		s.stands(t, place.id, place.reader, 0, 0)
		for _, step := range []struct {
			seq, own, shown int64
			hidden          bool
		}{{1, 1, 1, false}, {2, 2, 1, true}, {2, 2, 1, true}, {2, 2, 2, false}, {3, 3, 2, true}, {4, 4, 4, false}, {4, 4, 4, true}} {
			_, _, err := s.store.MarkRead(t.Context(), message.Reading{
				Marker: message.Marker{Conversation: place.id, User: place.reader, Seq: step.seq}, At: start, EventID: ids.NewEvent(), Hidden: step.hidden,
			})
			if err != nil {
				t.Fatalf("mark %d: %v", step.seq, err)
			}
			s.stands(t, place.id, place.reader, step.own, step.shown)
		}
		s.append(t, start, NewDraft(place.sender, place.id, "y"))
		_, events, err := s.store.MarkRead(t.Context(), message.Reading{
			Marker: message.Marker{Conversation: place.id, User: place.reader, Seq: base + 5}, At: start, EventID: ids.NewEvent(), Hidden: true,
		})
		if err != nil || len(events) != 1 || events[0].MembersRev != 0 || !slices.Equal(events[0].Recipients, []ids.UserID{place.reader}) {
			t.Fatalf("a hidden reading tells %+v, %v", events, err)
		}
		s.stands(t, place.id, place.reader, base+5, 4)
		s.append(t, start, NewDraft(place.reader, place.id, "z"))
		s.stands(t, place.id, place.reader, base+6, base+6)
	}
}

// stands compares both markers with what the store holds.
func (s suite) stands(t *testing.T, id ids.ConversationID, user ids.UserID, own, shown int64) {
	t.Helper()
	m, _ := s.seen(t, id, user).Membership(user)
	if m.ReadSeq != own || m.ShownSeq != shown {
		t.Errorf("read up to %d, shown up to %d; want %d and %d", m.ReadSeq, m.ShownSeq, own, shown)
	}
}
