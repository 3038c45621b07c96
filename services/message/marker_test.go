// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestF28_AHiddenReadingMovesTheOwnMarkerOnly(t *testing.T) {
	t.Parallel()
	id, reader, peer := ids.NewConversation(), ids.NewUser(), ids.NewUser()
	all, own := []ids.UserID{reader, peer}, []ids.UserID{reader}
	for name, row := range map[string]struct {
		read, shown, asked  int64
		hidden              bool
		wantRead, wantShown int64
		wantPeers, wantSelf bool
	}{
		"shown":                                {2, 2, 5, false, 5, 5, true, true},
		"hidden":                               {2, 2, 5, true, 5, 2, false, true},
		"hidden, past the head":                {2, 2, 99, true, 8, 2, false, true},
		"hidden, again":                        {5, 2, 5, true, 5, 2, false, false},
		"hidden, back":                         {5, 5, 3, true, 5, 5, false, false},
		"shown after hidden ones":              {5, 2, 7, false, 7, 7, true, true},
		"shown up to where it was hidden":      {5, 2, 5, false, 5, 5, true, true},
		"shown below where it was hidden":      {5, 2, 3, false, 5, 3, true, true},
		"shown below what was shown":           {5, 3, 2, false, 5, 3, false, false},
		"hidden between the shown and the own": {5, 2, 4, true, 5, 2, false, false},
	} {
		for _, kind := range []message.Kind{message.Direct, message.Group} {
			c := message.Conversation{ID: id, Kind: kind, State: message.Open, Seq: 8, MembersRev: 4, MemberCount: 2, Members: []message.Member{
				{UserID: reader, JoinedSeq: 1, ReadSeq: row.read, ShownSeq: row.shown}, {UserID: peer, JoinedSeq: 1},
			}}
			m, events, err := message.DecideReading(c, message.Reading{
				Marker: message.Marker{Conversation: id, User: reader, Seq: row.asked}, Hidden: row.hidden,
			})
			if err != nil || m.ReadSeq != row.wantRead || m.ShownSeq != row.wantShown || len(events) == 1 != row.wantSelf {
				t.Errorf("%s: read %d, shown %d, %d events, %v", name, m.ReadSeq, m.ShownSeq, len(events), err)
				continue
			}
			if !row.wantSelf {
				continue
			}
			to, rev := own, int64(0)
			if row.wantPeers && kind == message.Group {
				rev = 4
			} else if row.wantPeers {
				to = all
			}
			if diff := cmp.Diff(to, events[0].Recipients); diff != "" || events[0].MembersRev != rev {
				t.Errorf("%s: event to version %d and (-want +got):\n%s", name, events[0].MembersRev, diff)
			}
		}
	}
}

func TestF28_WhatIsHiddenIsSeenByItsReaderAlone(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, u := newGroup(t, f, 3)
	for _, step := range []struct {
		hidden    bool
		own, peer int64
	}{{true, 1, 0}, {false, 1, 1}} {
		if _, err := f.MarkRead(t.Context(), message.Marker{Conversation: id, User: u[1], Seq: 1}, step.hidden); err != nil {
			t.Fatal(err)
		}
		for viewer, want := range map[ids.UserID]int64{u[1]: step.own, u[0]: step.peer} {
			page, err := f.ListMembers(t.Context(), viewer, id, 0, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Members {
				if m.UserID == u[1] && m.ReadSeq != want {
					t.Errorf("hidden %v: marker at %d, want %d", step.hidden, m.ReadSeq, want)
				}
			}
		}
	}
}

// Where a friendship has ended, nobody learns of the other side's reading any more.
func TestF10_AReadingInAClosedConversationIsTheReadersAlone(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "read later")
	if err := f.CloseDirect(t.Context(), messagetest.NewPair(t, a, b), 2); err != nil {
		t.Fatal(err)
	}
	read := func() message.Event {
		head, err := f.MarkRead(t.Context(), message.Marker{Conversation: id, User: b, Seq: 1}, false)
		if err != nil || head.ReadSeq != 1 || head.Unread != 0 {
			t.Fatalf("head %+v, %v", head, err)
		}
		events := f.Publisher.Events()
		return events[len(events)-1]
	}
	shown := func() int64 {
		view, err := f.Conversation(t.Context(), a, id)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := view.Conversation.Membership(b)
		return m.ReadSeq
	}
	if e := read(); e.Kind != message.MarkerMoved || len(e.Recipients) != 1 || e.Recipients[0] != b {
		t.Errorf("%s is told to %v, not to the reader %s alone", e.Kind, e.Recipients, b)
	}
	if seq := shown(); seq != 0 {
		t.Errorf("the other side sees the marker at %d", seq)
	}
	f.OpenPair(t, a, b, 3)
	if e := read(); e.Kind != message.MarkerMoved || len(e.Recipients) != 2 {
		t.Errorf("after they became friends again %s is told to %v", e.Kind, e.Recipients)
	}
	if seq := shown(); seq != 1 {
		t.Errorf("the other side sees the marker at %d then", seq)
	}
}
