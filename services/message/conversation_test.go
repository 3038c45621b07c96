// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

// comesAndGoes is a conversation of twenty messages: stays was there from the start, left saw 3 to 8,
// back saw 5 to 9 and sees from 15 on.
func comesAndGoes() (c message.Conversation, stays, left, back ids.UserID) {
	stays, left, back = ids.NewUser(), ids.NewUser(), ids.NewUser()
	return message.Conversation{
		ID: ids.NewConversation(), Kind: message.Direct, State: message.Open, Seq: 20, MembersRev: 5,
		Members: []message.Member{
			{UserID: stays, JoinedSeq: 1, ReadSeq: 4},
			{UserID: left, JoinedSeq: 3, LeftSeq: 8, Left: true, ReadSeq: 6},
			{UserID: back, JoinedSeq: 5, LeftSeq: 9, Left: true, ReadSeq: 9},
			{UserID: back, JoinedSeq: 15, ReadSeq: 0},
		},
	}, stays, left, back
}

func TestMembershipIntervals(t *testing.T) {
	t.Parallel()
	c, stays, left, back := comesAndGoes()
	stranger := ids.NewUser()
	rows := []struct {
		name    string
		user    ids.UserID
		visible []message.Interval
		head    message.Head
	}{
		{"who stayed sees all", stays, []message.Interval{{From: 1, To: 20}}, message.Head{Seq: 20, ReadSeq: 4, Unread: 16}},
		{"who left sees up to leaving", left, []message.Interval{{From: 3, To: 8}}, message.Head{Seq: 8, ReadSeq: 6, Unread: 2, Left: true}},
		{
			"who came back sees both intervals and has only the new ones unread", back,
			[]message.Interval{{From: 5, To: 9}, {From: 15, To: 20}},
			message.Head{Seq: 20, Unread: 6},
		},
	}
	for _, row := range rows {
		row.head.Conversation, row.head.MembersRev = c.ID, 5
		if diff := cmp.Diff(row.visible, c.Visible(row.user)); diff != "" {
			t.Errorf("%s: visible (-want +got):\n%s", row.name, diff)
		}
		if diff := cmp.Diff(row.head, c.Head(row.user)); diff != "" {
			t.Errorf("%s: head (-want +got):\n%s", row.name, diff)
		}
	}
	if got := c.Visible(stranger); got != nil || c.Head(stranger) != (message.Head{}) {
		t.Errorf("a stranger sees %v", got)
	}
	if diff := cmp.Diff([]ids.UserID{stays, back}, c.Present()); diff != "" {
		t.Errorf("present (-want +got):\n%s", diff)
	}
	for seq, want := range map[int64][]ids.UserID{1: {stays}, 3: {stays, left}, 8: {stays, left, back}, 9: {stays, back}, 10: {stays}, 15: {stays, back}} {
		if diff := cmp.Diff(want, c.PresentAt(seq)); diff != "" {
			t.Errorf("present at %d (-want +got):\n%s", seq, diff)
		}
	}
}

func TestUnreadIsCountedUpTo999(t *testing.T) {
	t.Parallel()
	m := message.Member{JoinedSeq: 1}
	for seq, want := range map[int64]int32{0: 0, 1: 1, 999: 999, 1000: 999, 1 << 40: 999} {
		if got := message.HeadOf(message.Conversation{Seq: seq}, m).Unread; got != want {
			t.Errorf("%d messages: %d unread", seq, got)
		}
	}
}

func TestWhoLeftCannotSendButKeepsTheOldAnswers(t *testing.T) {
	t.Parallel()
	c, stays, left, back := comesAndGoes()
	drafts := []message.Pending{}
	for _, user := range []ids.UserID{left, back, stays} {
		drafts = append(drafts, messagetest.NewPending(messagetest.NewDraft(user, c.ID, "x")))
	}
	facts := message.Facts{Conversations: map[ids.ConversationID]message.Conversation{c.ID: c}}
	plan := message.Decide(drafts, facts)
	if !errors.Is(plan.Results[0].Err, message.ErrNotFound) {
		t.Errorf("who left: %v", plan.Results[0].Err)
	}
	if plan.Results[1].Sent.Seq != 21 || plan.Results[2].Sent.Seq != 22 {
		t.Errorf("members: %+v", plan.Results[1:])
	}
	for _, e := range plan.Events {
		if diff := cmp.Diff([]ids.UserID{stays, back}, e.Recipients); diff != "" {
			t.Errorf("recipients (-want +got):\n%s", diff)
		}
	}
	changed := plan.Conversations[0]
	if got := []int64{changed.Members[0].ReadSeq, changed.Members[1].ReadSeq, changed.Members[2].ReadSeq, changed.Members[3].ReadSeq}; !cmp.Equal(got, []int64{22, 6, 9, 21}) {
		t.Errorf("markers %v", got)
	}
	if c.Seq != 20 || c.Members[0].ReadSeq != 4 {
		t.Error("the facts were changed")
	}
	key := drafts[0].Key()
	facts.Stored = map[message.ClientKey]message.Stored{key: {Sent: message.Sent{Seq: 7}, Hash: drafts[0].Hash}}
	if got := message.Decide(drafts[:1], facts).Results[0]; got.Err != nil || got.Sent.Seq != 7 {
		t.Errorf("a retry of who left: %+v", got)
	}
}

func TestActivityNeverGoesBack(t *testing.T) {
	t.Parallel()
	c, stays, _, _ := comesAndGoes()
	c.ActiveAt = 500
	facts := message.Facts{Conversations: map[ids.ConversationID]message.Conversation{c.ID: c}, Now: 400}
	plan := message.Decide([]message.Pending{messagetest.NewPending(messagetest.NewDraft(stays, c.ID, "x"))}, facts)
	if got := plan.Conversations[0].ActiveAt; got != 500 || plan.Rows[0].SentAt != 400 {
		t.Errorf("active at %d, sent at %d", got, plan.Rows[0].SentAt)
	}
}

func TestEventKeysComeBack(t *testing.T) {
	t.Parallel()
	c, stays, left, back := comesAndGoes()
	c.Members[3].ReadSeq, c.Members[3].ShownSeq = 19, 17
	m := message.Message{Conversation: c.ID, Seq: 6, Sender: stays, Text: "x", SentAt: 9}
	rows := []message.Event{
		{Kind: message.MessageCreated, Message: m, Recipients: []ids.UserID{stays, left, back}},
		{Kind: message.MessageEdited, Message: m, Recipients: []ids.UserID{stays, back}},
		{Kind: message.MessageRecalled, Message: m, Recipients: []ids.UserID{stays, back}},
		{Kind: message.ConversationCreated, Conversation: c, Recipients: []ids.UserID{stays, back}},
		{Kind: message.ConversationUpdated, Conversation: c, Recipients: []ids.UserID{stays, back}},
		{
			Kind: message.MarkerMoved, Marker: message.Marker{Conversation: c.ID, User: back, Seq: 17},
			Recipients: []ids.UserID{stays, back},
		},
		{
			Kind: message.MarkerMoved, Marker: message.Marker{Conversation: c.ID, User: back, Seq: 18}, // hidden
			Recipients: []ids.UserID{back},
		},
	}
	for _, want := range rows {
		want.ID, want.OccurredAt = ids.NewEvent(), 9
		ref := message.EventRef{ID: want.ID, Kind: want.Kind, OccurredAt: want.OccurredAt}
		if err := ref.Decode(want.Ref().Encode()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Ref(), ref); diff != "" {
			t.Errorf("%s: keys (-want +got):\n%s", want.Kind, diff)
		}
		if diff := cmp.Diff(want, ref.Rebuild(c, m)); diff != "" {
			t.Errorf("%s: event (-want +got):\n%s", want.Kind, diff)
		}
	}
}

func FuzzEventKeys(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 40))
	f.Add(make([]byte, 41))
	f.Fuzz(func(t *testing.T, b []byte) {
		var ref message.EventRef
		if err := ref.Decode(b); err == nil {
			if diff := cmp.Diff(b, ref.Encode()); diff != "" {
				t.Error(diff)
			}
		}
	})
}
