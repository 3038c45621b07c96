// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/transmit"
	"github.com/parley-chat/parley/services/transmit/events"
)

// fixture holds two people and their conversation.
type fixture struct {
	amy, ben     ids.UserID
	conversation ids.ConversationID
}

func newFixture() fixture {
	return fixture{ids.NewUser(), ids.NewUser(), ids.NewConversation()}
}

func (f fixture) both() []string { return []string{f.amy.String(), f.ben.String()} }

func (f fixture) message(seq int64, body string) *eventv1.Event {
	return &eventv1.Event{
		EventId: ids.NewEvent().String(), Type: eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED, RecipientIds: f.both(),
		Payload: &eventv1.Event_Message{Message: &messagev1.Message{
			ConversationId: f.conversation.String(), Seq: seq, SenderId: f.amy.String(),
			Content: &messagev1.Message_Text{Text: &messagev1.Text{Body: body}},
		}},
	}
}

// changed is message, changed later.
func (f fixture) changed(kind eventv1.EventType, seq, rev int64) *eventv1.Event {
	e := f.message(seq, "new")
	e.Type, e.GetMessage().Rev = kind, rev
	return e
}

func (f fixture) conversationEvent() *eventv1.Event {
	return &eventv1.Event{
		Type: eventv1.EventType_EVENT_TYPE_CONVERSATION_CREATED, RecipientIds: f.both(),
		Payload: &eventv1.Event_Conversation{Conversation: &messagev1.Conversation{
			ConversationId: f.conversation.String(), Head: &messagev1.Head{Seq: 7, MembersRev: 2},
		}},
	}
}

func (f fixture) marker() *eventv1.Event {
	return &eventv1.Event{
		Type: eventv1.EventType_EVENT_TYPE_MARKER_MOVED, RecipientIds: f.both(),
		Payload: &eventv1.Event_Marker{Marker: &eventv1.MarkerMoved{
			ConversationId: f.conversation.String(), UserId: f.amy.String(), Seq: 5,
		}},
	}
}

func (f fixture) hidden() *eventv1.Event {
	return &eventv1.Event{
		Type: eventv1.EventType_EVENT_TYPE_MESSAGE_HIDDEN, RecipientIds: f.both()[:1],
		Payload: &eventv1.Event_Hidden{Hidden: &eventv1.MessageHidden{
			ConversationId: f.conversation.String(), UserId: f.amy.String(), Seq: 5,
		}},
	}
}

// inGroup makes an event one of a group at version 5.
func inGroup(e *eventv1.Event) *eventv1.Event {
	e.MembersRev = 5
	return e
}

func (f fixture) profile() *eventv1.Event {
	return &eventv1.Event{
		Type:    eventv1.EventType_EVENT_TYPE_USER_UPDATED,
		Payload: &eventv1.Event_User{User: &userv1.User{UserId: f.amy.String()}},
	}
}

func TestOfANewAccountNobodyHears(t *testing.T) {
	t.Parallel()
	body, err := proto.Marshal(&eventv1.EventBatch{Events: []*eventv1.Event{{
		EventId: ids.NewEvent().String(), Type: eventv1.EventType_EVENT_TYPE_USER_CREATED,
		Payload: &eventv1.Event_User{User: &userv1.User{UserId: ids.NewUser().String()}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := events.Decode(body); err != nil || len(got) != 0 {
		t.Errorf("%v, %v; want nothing to forward", got, err)
	}
}

func (f fixture) request() *eventv1.Event {
	return &eventv1.Event{
		Type: eventv1.EventType_EVENT_TYPE_FRIEND_REQUESTED, RecipientIds: f.both(),
		Payload: &eventv1.Event_FriendRequest{FriendRequest: &friendv1.FriendRequest{Text: "hi"}},
	}
}

const (
	edited   = eventv1.EventType_EVENT_TYPE_MESSAGE_EDITED
	recalled = eventv1.EventType_EVENT_TYPE_MESSAGE_RECALLED
	reacted  = eventv1.EventType_EVENT_TYPE_MESSAGE_REACTED

	transcribed = eventv1.EventType_EVENT_TYPE_MESSAGE_TRANSCRIBED
)

func (f fixture) changeFrame(kind gatewayv1.ChangeKind, event eventv1.EventType) *gatewayv1.ServerFrame {
	return &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Change{Change: &gatewayv1.Change{
		ConversationId: f.conversation.String(), Rev: 9, Kind: kind, Message: f.changed(event, 3, 9).GetMessage(),
	}}}
}

func body(t *testing.T, list ...*eventv1.Event) []byte {
	t.Helper()
	b, err := proto.Marshal(&eventv1.EventBatch{Events: list})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t *testing.T, list ...*eventv1.Event) ([]transmit.Event, []*gatewayv1.ServerFrame) {
	t.Helper()
	got, err := events.Decode(body(t, list...))
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	var frames []*gatewayv1.ServerFrame
	for _, e := range got {
		frame := &gatewayv1.ServerFrame{}
		if err := proto.Unmarshal(e.Frame, frame); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, frame)
	}
	return got, frames
}

// hide is a change of who may see the presence of the owner of a profile.
func hide(e *eventv1.Event) *eventv1.Event {
	e.PrivacyChanged = true
	return e
}

// parting is an event for one person.
func parting(f fixture, e *eventv1.Event) *eventv1.Event {
	e.RecipientIds = []string{f.amy.String()}
	return e
}

// leaving says that amy is a member of a group no more, by her own doing or not.
func (f fixture) leaving(kind messagev1.SystemKind, actor ids.UserID) *eventv1.Event {
	e := f.message(3, "")
	said := &messagev1.System{Kind: kind, ActorId: actor.String()}
	if actor != f.amy {
		said.UserIds = []string{f.amy.String()}
	}
	e.GetMessage().Content = &messagev1.Message_System{System: said}
	e.RecipientIds, e.MembersRev = []string{f.amy.String()}, 5
	return e
}

func TestDecodeFacts(t *testing.T) {
	t.Parallel()
	f := newFixture()
	recipients := []ids.UserID{f.amy, f.ben}
	rows := map[string]struct {
		event *eventv1.Event
		want  transmit.Event
	}{
		"a message moves its conversation": {f.message(3, "hi"), transmit.Event{
			Recipients: recipients,
			Notice:     transmit.Notice{Class: transmit.Durable, Conversation: f.conversation, Seq: 3},
		}},
		"a change tells its rev and no position": {f.changed(edited, 3, 9), transmit.Event{
			Recipients: recipients, Notice: transmit.Notice{Class: transmit.Durable, Conversation: f.conversation, Rev: 9},
		}},
		"a conversation tells its head": {f.conversationEvent(), transmit.Event{
			Recipients: recipients,
			Notice:     transmit.Notice{Class: transmit.Durable, Conversation: f.conversation, Seq: 7, MembersRev: 2},
		}},
		"a marker may give way and moves no conversation": {f.marker(), transmit.Event{
			Recipients: recipients, Notice: transmit.Notice{Class: transmit.Marker},
		}},
		"what one person hides is for them alone and moves no conversation": {f.hidden(), transmit.Event{
			Recipients: recipients[:1], Notice: transmit.Notice{Class: transmit.Durable},
		}},
		"a message in a group goes to its members at the version": {inGroup(f.message(3, "hi")), transmit.Event{
			Recipients: recipients, MembersOf: transmit.Membership{Group: f.conversation, Rev: 5},
			Notice: transmit.Notice{Class: transmit.Durable, Conversation: f.conversation, Seq: 3},
		}},
		"so does a group that changed": {inGroup(f.conversationEvent()), transmit.Event{
			Recipients: recipients, MembersOf: transmit.Membership{Group: f.conversation, Rev: 5},
			Notice: transmit.Notice{Class: transmit.Durable, Conversation: f.conversation, Seq: 7, MembersRev: 2},
		}},
		"so does a marker in a group": {inGroup(f.marker()), transmit.Event{
			Recipients: recipients, MembersOf: transmit.Membership{Group: f.conversation, Rev: 5},
			Notice: transmit.Notice{Class: transmit.Marker},
		}},
		"a friend request goes to both": {f.request(), transmit.Event{
			Recipients: recipients, Notice: transmit.Notice{Class: transmit.Durable},
		}},
		"whoever hides their presence hears it alone, and rights are looked at again": {hide(f.profile()), transmit.Event{
			Recipients: []ids.UserID{f.amy}, Notice: transmit.Notice{Class: transmit.Durable, Recheck: f.amy},
		}},
		"the end of a friendship makes rights looked at again": {parting(f, &eventv1.Event{
			Type:    eventv1.EventType_EVENT_TYPE_FRIEND_REMOVED,
			Payload: &eventv1.Event_FriendRemoved{FriendRemoved: &eventv1.FriendRemoved{UserId: f.amy.String(), FriendId: ids.NewUser().String()}},
		}), transmit.Event{Recipients: []ids.UserID{f.amy}, Notice: transmit.Notice{Class: transmit.Durable, Recheck: f.amy}}},
		"so does a block": {parting(f, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_FRIEND_UPDATED,
			Payload: &eventv1.Event_FriendUpdated{
				FriendUpdated: &eventv1.FriendUpdated{UserId: f.amy.String(), FriendId: ids.NewUser().String(), Blocked: true},
			},
		}), transmit.Event{Recipients: []ids.UserID{f.amy}, Notice: transmit.Notice{Class: transmit.Durable, Recheck: f.amy}}},
		"who leaves a group is looked at again": {f.leaving(messagev1.SystemKind_SYSTEM_KIND_LEFT, f.amy), transmit.Event{
			Recipients: []ids.UserID{f.amy}, MembersOf: transmit.Membership{Group: f.conversation, Rev: 5},
			Notice: transmit.Notice{Class: transmit.Durable, Conversation: f.conversation, Seq: 3, Recheck: f.amy},
		}},
		"so is who is removed": {f.leaving(messagev1.SystemKind_SYSTEM_KIND_REMOVED, f.ben), transmit.Event{
			Recipients: []ids.UserID{f.amy}, MembersOf: transmit.Membership{Group: f.conversation, Rev: 5},
			Notice: transmit.Notice{Class: transmit.Durable, Conversation: f.conversation, Seq: 3, Recheck: f.amy},
		}},
		"a profile goes to the friends of its owner": {f.profile(), transmit.Event{
			Recipients: []ids.UserID{}, FriendsOf: f.amy, Notice: transmit.Notice{Class: transmit.Durable},
		}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := decode(t, row.event)
			got[0].Frame = nil
			if diff := cmp.Diff([]transmit.Event{row.want}, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeFrames(t *testing.T) {
	t.Parallel()
	f := newFixture()
	shown := proto.CloneOf(f.request())
	shown.RecipientIds = nil
	rows := map[string]struct {
		event *eventv1.Event
		want  *gatewayv1.ServerFrame
	}{
		"an edit becomes a change frame": {f.changed(edited, 3, 9), f.changeFrame(gatewayv1.ChangeKind_CHANGE_KIND_EDITED, edited)},
		"a reaction becomes a change frame": {
			f.changed(reacted, 3, 9), f.changeFrame(gatewayv1.ChangeKind_CHANGE_KIND_REACTED, reacted),
		},
		"a transcript becomes a change frame": {
			f.changed(transcribed, 3, 9), f.changeFrame(gatewayv1.ChangeKind_CHANGE_KIND_TRANSCRIBED, transcribed),
		},
		"a recall becomes a change frame": {
			f.changed(recalled, 3, 9), f.changeFrame(gatewayv1.ChangeKind_CHANGE_KIND_RECALLED, recalled),
		},
		"a conversation becomes a conversation frame": {
			f.conversationEvent(),
			&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Conversation{Conversation: f.conversationEvent().GetConversation()}},
		},
		"a marker becomes a read frame": {
			f.marker(), &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Read{Read: f.marker().GetMarker()}},
		},
		"a hidden message becomes a hidden frame": {
			f.hidden(), &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Hidden{Hidden: f.hidden().GetHidden()}},
		},
		"an event about people hides who else hears of it": {
			f.request(), &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Event{Event: shown}},
		},
		"a profile becomes an event frame": {
			f.profile(), &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Event{Event: f.profile()}},
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, frames := decode(t, row.event)
			if diff := cmp.Diff([]*gatewayv1.ServerFrame{row.want}, frames, protocmp.Transform()); diff != "" {
				t.Errorf("frame (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEachChangeHasAFrameOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newFixture()
	_, frames := decode(t, f.changed(edited, 3, 1), f.changed(edited, 3, 2), f.changed(edited, 4, 3))
	var revs []int64
	for _, frame := range frames {
		revs = append(revs, frame.GetChange().GetRev())
	}
	if diff := cmp.Diff([]int64{1, 2, 3}, revs); diff != "" {
		t.Errorf("revs (-want +got):\n%s", diff)
	}
}

func TestDecodeSharesFrames(t *testing.T) {
	t.Parallel()
	f, other := newFixture(), newFixture()
	joined := f.message(9, "to one only")
	joined.RecipientIds = joined.RecipientIds[:1]
	large := strings.Repeat("x", 90<<10)
	var many []*eventv1.Event
	for seq := range int64(101) {
		many = append(many, f.message(seq+1, "hi"))
	}
	rows := map[string]struct {
		events []*eventv1.Event
		want   []int // items of each frame
	}{
		"messages of one conversation share a frame":      {[]*eventv1.Event{f.message(1, "a"), f.message(2, "b")}, []int{2}},
		"messages of two conversations do not":            {[]*eventv1.Event{f.message(1, "a"), other.message(1, "b")}, []int{1, 1}},
		"a message between two of another stays between":  {[]*eventv1.Event{f.message(1, "a"), other.message(1, "b"), f.message(2, "c")}, []int{1, 1, 1}},
		"messages to different recipients do not":         {[]*eventv1.Event{f.message(8, "a"), joined}, []int{1, 1}},
		"a frame has a hundred messages at most":          {many, []int{100, 1}},
		"a frame has about 200 KiB of messages at most":   {[]*eventv1.Event{f.message(1, large), f.message(2, large), f.message(3, large)}, []int{2, 1}},
		"a message and another event stay separate":       {[]*eventv1.Event{f.message(1, "a"), f.marker()}, []int{1, 0}},
		"an event about people is never joined to others": {[]*eventv1.Event{f.request(), f.request()}, []int{0, 0}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, frames := decode(t, row.events...)
			var items []int
			for i, frame := range frames {
				list := frame.GetMessages().GetItems()
				items = append(items, len(list))
				if len(list) > 0 && got[i].Seq != list[len(list)-1].GetSeq() {
					t.Errorf("frame %d moves to seq %d, want that of its last message", i, got[i].Seq)
				}
			}
			if diff := cmp.Diff(row.want, items); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture()
	change := func(e *eventv1.Event, with func(*eventv1.Event)) []byte {
		with(e)
		return body(t, e)
	}
	rows := map[string][]byte{
		"garbage":                {0xff, 0xff},
		"a batch without events": body(t),
		"an unknown type":        change(f.marker(), func(e *eventv1.Event) { e.Type = 99 }),
		"a missing type":         change(f.marker(), func(e *eventv1.Event) { e.Type = 0 }),
		"a recipient that is no id": change(f.marker(), func(e *eventv1.Event) {
			e.RecipientIds = []string{"amy"}
		}),
		"a message without conversation": change(f.message(1, "a"), func(e *eventv1.Event) {
			e.GetMessage().ConversationId = ""
		}),
		"a payload of another type": change(f.marker(), func(e *eventv1.Event) {
			e.Type = eventv1.EventType_EVENT_TYPE_CONVERSATION_UPDATED
		}),
		"a marker without payload": change(f.marker(), func(e *eventv1.Event) { e.Payload = nil }),
		"a profile of nobody": change(f.profile(), func(e *eventv1.Event) {
			e.GetUser().UserId = ""
		}),
	}
	for name, b := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := events.Decode(b); err == nil {
				t.Errorf("decoded as %v", got)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	x := newFixture()
	for _, e := range []*eventv1.Event{x.message(1, "hi"), x.conversationEvent(), x.marker(), x.request(), x.profile()} {
		b, err := proto.Marshal(&eventv1.EventBatch{Events: []*eventv1.Event{e}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := events.Decode(b)
		if err == nil && len(got) == 0 {
			t.Error("a batch became nothing")
		}
	})
}
