// SPDX-License-Identifier: Apache-2.0

package events

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/transmit"
)

// Bounds of one messages frame, from the client protocol; a frame may have 256 KiB.
const (
	maxItems     = 100
	maxItemBytes = 200 << 10
)

// Decode reads the body of an AMQP message and makes one transmit event per client frame: messages of
// one conversation with the same recipients that follow each other share a frame. Of a new account nobody
// hears. Any error means that no repeat will ever succeed.
func Decode(body []byte) ([]transmit.Event, error) {
	batch := &eventv1.EventBatch{}
	if err := proto.Unmarshal(body, batch); err != nil {
		return nil, fmt.Errorf("decode event batch: %w", err)
	}
	if len(batch.GetEvents()) == 0 {
		return nil, errors.New("event batch without events")
	}
	var out []transmit.Event
	for rest := batch.GetEvents(); len(rest) > 0; {
		if rest[0].GetType() == eventv1.EventType_EVENT_TYPE_USER_CREATED { // comes by the pattern of user.updated
			rest = rest[1:]
			continue
		}
		n := run(rest)
		e, err := convert(rest[:n])
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", rest[0].GetEventId(), err)
		}
		out = append(out, e)
		rest = rest[n:]
	}
	return out, nil
}

// run counts the events at the front that share one frame.
func run(events []*eventv1.Event) int {
	first := events[0]
	if first.GetType() != eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED || first.GetMessage() == nil {
		return 1
	}
	n, bytes := 1, proto.Size(first.GetMessage())
	for n < len(events) && n < maxItems {
		next := events[n]
		bytes += proto.Size(next.GetMessage())
		if bytes > maxItemBytes || !joins(first, next) {
			return n
		}
		n++
	}
	return n
}

// joins tells whether two message events can share a frame.
func joins(first, next *eventv1.Event) bool {
	return next.GetMessage() != nil &&
		next.GetType() == first.GetType() &&
		next.GetMessage().GetConversationId() == first.GetMessage().GetConversationId() &&
		next.GetMembersRev() == first.GetMembersRev() &&
		slices.Equal(next.GetRecipientIds(), first.GetRecipientIds())
}

// convert makes one event of a run.
func convert(run []*eventv1.Event) (transmit.Event, error) {
	recipients, err := ids.ParseUsers("recipient_ids", run[0].GetRecipientIds())
	if err != nil {
		return transmit.Event{}, err
	}
	e := transmit.Event{Recipients: recipients}
	if rev := run[0].GetMembersRev(); rev > 0 {
		if e.MembersOf, err = membership(run[0], rev); err != nil {
			return transmit.Event{}, err
		}
	}
	frame, err := fill(&e, run)
	if err != nil {
		return transmit.Event{}, err
	}
	e.Frame, err = proto.Marshal(frame)
	return e, err
}

// membership is the group of the payload at a version. A changed message is nothing for who joined after
// it was sent.
func membership(e *eventv1.Event, rev int64) (transmit.Membership, error) {
	m := transmit.Membership{Rev: rev}
	if e.GetType() != eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED {
		m.Seq = e.GetMessage().GetSeq()
	}
	text := e.GetMessage().GetConversationId()
	switch e.GetPayload().(type) {
	case *eventv1.Event_Conversation:
		text = e.GetConversation().GetConversationId()
	case *eventv1.Event_Marker:
		text = e.GetMarker().GetConversationId()
	}
	var err error
	m.Group, err = ids.ParseConversation("conversation_id", text)
	return m, err
}

// fill sets what a gateway must know of the event and answers its frame.
func fill(e *transmit.Event, run []*eventv1.Event) (*gatewayv1.ServerFrame, error) {
	e.Class = transmit.Durable
	first := run[0]
	switch first.GetType() {
	case eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED:
		return fillMessages(e, run)
	case eventv1.EventType_EVENT_TYPE_MESSAGE_RECALLED:
		return fillChange(e, gatewayv1.ChangeKind_CHANGE_KIND_RECALLED, first.GetMessage())
	case eventv1.EventType_EVENT_TYPE_MESSAGE_REACTED:
		return fillChange(e, gatewayv1.ChangeKind_CHANGE_KIND_REACTED, first.GetMessage())
	case eventv1.EventType_EVENT_TYPE_MESSAGE_EDITED:
		return fillChange(e, gatewayv1.ChangeKind_CHANGE_KIND_EDITED, first.GetMessage())
	case eventv1.EventType_EVENT_TYPE_MESSAGE_TRANSCRIBED:
		return fillChange(e, gatewayv1.ChangeKind_CHANGE_KIND_TRANSCRIBED, first.GetMessage())
	case eventv1.EventType_EVENT_TYPE_CONVERSATION_CREATED, eventv1.EventType_EVENT_TYPE_CONVERSATION_UPDATED:
		return fillConversation(e, first.GetConversation())
	case eventv1.EventType_EVENT_TYPE_MARKER_MOVED:
		e.Class = transmit.Marker
		return fillMarker(first.GetMarker())
	case eventv1.EventType_EVENT_TYPE_MESSAGE_HIDDEN:
		return fillHidden(first.GetHidden())
	case eventv1.EventType_EVENT_TYPE_USER_UPDATED:
		user, err := ids.ParseUser("user_id", first.GetUser().GetUserId())
		if e.FriendsOf = user; first.GetPrivacyChanged() {
			// Nobody else hears: what changed is for the user alone.
			e.FriendsOf, e.Recipients, e.Recheck = ids.UserID{}, []ids.UserID{user}, user
		}
		return people(first), err
	case eventv1.EventType_EVENT_TYPE_FRIEND_REQUESTED, eventv1.EventType_EVENT_TYPE_FRIEND_RESPONDED,
		eventv1.EventType_EVENT_TYPE_FRIEND_CANCELLED, eventv1.EventType_EVENT_TYPE_FRIEND_REMOVED,
		eventv1.EventType_EVENT_TYPE_FRIEND_UPDATED:
		var err error
		e.Recheck, err = parted(first)
		return people(first), err
	case eventv1.EventType_EVENT_TYPE_USER_CREATED, eventv1.EventType_EVENT_TYPE_SESSION_ENDED, eventv1.EventType_EVENT_TYPE_SPEECH_REQUESTED,
		eventv1.EventType_EVENT_TYPE_UNSPECIFIED: // not for people
	}
	return nil, fmt.Errorf("type %d is not known", first.GetType())
}

func fillMessages(e *transmit.Event, run []*eventv1.Event) (*gatewayv1.ServerFrame, error) {
	last := run[len(run)-1].GetMessage()
	conversation, err := ids.ParseConversation("conversation_id", last.GetConversationId())
	if err != nil {
		return nil, err
	}
	e.Conversation, e.Seq = conversation, last.GetSeq()
	e.Recheck = gone(last.GetSystem())
	items := make([]*messagev1.Message, 0, len(run))
	for _, event := range run {
		items = append(items, event.GetMessage())
	}
	return &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Messages{Messages: &gatewayv1.Messages{
		ConversationId: last.GetConversationId(), Items: items,
	}}}, nil
}

// gone is who is a member of a group no more, if a message of the server says that: they and the members may
// have seen each other's presence for want of another reason. It never shares a frame with what follows.
func gone(s *messagev1.System) ids.UserID {
	var text string
	switch s.GetKind() {
	case messagev1.SystemKind_SYSTEM_KIND_LEFT:
		text = s.GetActorId()
	case messagev1.SystemKind_SYSTEM_KIND_REMOVED:
		text = strings.Join(s.GetUserIds(), "") // there is one
	default:
	}
	user, err := ids.ParseUser("user_id", text)
	if err != nil {
		return ids.UserID{} // nobody, and a message must not be held up for this
	}
	return user
}

// fillChange names no last position: the message may lie anywhere.
func fillChange(e *transmit.Event, kind gatewayv1.ChangeKind, m *messagev1.Message) (*gatewayv1.ServerFrame, error) {
	conversation, err := ids.ParseConversation("conversation_id", m.GetConversationId())
	if err != nil {
		return nil, err
	}
	e.Conversation, e.Rev = conversation, m.GetRev()
	return &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Change{Change: &gatewayv1.Change{
		ConversationId: m.GetConversationId(), Rev: m.GetRev(), Kind: kind, Message: m,
	}}}, nil
}

func fillConversation(e *transmit.Event, c *messagev1.Conversation) (*gatewayv1.ServerFrame, error) {
	conversation, err := ids.ParseConversation("conversation_id", c.GetConversationId())
	if err != nil {
		return nil, err
	}
	e.Conversation, e.Seq, e.MembersRev = conversation, c.GetHead().GetSeq(), c.GetHead().GetMembersRev()
	return &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Conversation{Conversation: c}}, nil
}

// fillMarker names no conversation: a marker moves no head.
func fillMarker(m *eventv1.MarkerMoved) (*gatewayv1.ServerFrame, error) {
	if _, err := ids.ParseConversation("conversation_id", m.GetConversationId()); err != nil {
		return nil, err
	}
	return &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Read{Read: m}}, nil
}

// fillHidden names no conversation: what one person hides moves no head of the others.
func fillHidden(h *eventv1.MessageHidden) (*gatewayv1.ServerFrame, error) {
	if _, err := ids.ParseConversation("conversation_id", h.GetConversationId()); err != nil {
		return nil, err
	}
	return &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Hidden{Hidden: h}}, nil
}

// parted is the one of a pair who ended the friendship, or blocks the other or no longer does. What both may
// see of each other hangs on it.
func parted(e *eventv1.Event) (ids.UserID, error) {
	text := e.GetFriendUpdated().GetUserId()
	if removed := e.GetFriendRemoved(); removed != nil {
		text = removed.GetUserId()
	}
	if text == "" {
		return ids.UserID{}, nil
	}
	return ids.ParseUser("user_id", text)
}

// people shows an event about people, without the list of who else hears of it.
func people(e *eventv1.Event) *gatewayv1.ServerFrame {
	e.RecipientIds, e.PrivacyChanged = nil, false
	return &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Event{Event: e}}
}
