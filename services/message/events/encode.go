// SPDX-License-Identifier: Apache-2.0

package events

import (
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/wire"
)

// Encode makes the protos of events. Events of a kind that the contract does not know are left out.
func Encode(events []message.Event) []*eventv1.Event {
	encoded := make([]*eventv1.Event, 0, len(events))
	for _, e := range events {
		if one := encode(e); one.GetType() != eventv1.EventType_EVENT_TYPE_UNSPECIFIED {
			encoded = append(encoded, one)
		}
	}
	return encoded
}

func encode(e message.Event) *eventv1.Event {
	event := &eventv1.Event{EventId: e.ID.String(), OccurredAt: e.OccurredAt, RecipientIds: ids.Texts(e.Recipients), MembersRev: e.MembersRev}
	switch e.Kind {
	case message.MessageCreated, message.MessageRecalled, message.MessageReacted, message.MessageEdited, message.MessageTranscribed:
		event.Payload = &eventv1.Event_Message{Message: encodeMessage(e.Message)}
	case message.SpeechRequested:
		event.Payload = &eventv1.Event_SpeechRequested{SpeechRequested: encodeSpeech(e.Message)}
	case message.ConversationCreated, message.ConversationUpdated:
		event.Payload = &eventv1.Event_Conversation{Conversation: encodeConversation(e.Conversation)}
	case message.MarkerMoved:
		event.Payload = &eventv1.Event_Marker{Marker: &eventv1.MarkerMoved{
			ConversationId: e.Marker.Conversation.String(), UserId: e.Marker.User.String(), Seq: e.Marker.Seq,
		}}
	case message.MessageHidden:
		event.Payload = &eventv1.Event_Hidden{Hidden: &eventv1.MessageHidden{
			ConversationId: e.Marker.Conversation.String(), UserId: e.Marker.User.String(), Seq: e.Marker.Seq,
		}}
	}
	event.Type = typeOf(e.Kind)
	return event
}

func typeOf(kind message.EventKind) eventv1.EventType {
	switch kind {
	case message.MessageCreated:
		return eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED
	case message.MessageRecalled:
		return eventv1.EventType_EVENT_TYPE_MESSAGE_RECALLED
	case message.MessageReacted:
		return eventv1.EventType_EVENT_TYPE_MESSAGE_REACTED
	case message.MessageEdited:
		return eventv1.EventType_EVENT_TYPE_MESSAGE_EDITED
	case message.MessageTranscribed:
		return eventv1.EventType_EVENT_TYPE_MESSAGE_TRANSCRIBED
	case message.SpeechRequested:
		return eventv1.EventType_EVENT_TYPE_SPEECH_REQUESTED
	case message.ConversationCreated:
		return eventv1.EventType_EVENT_TYPE_CONVERSATION_CREATED
	case message.ConversationUpdated:
		return eventv1.EventType_EVENT_TYPE_CONVERSATION_UPDATED
	case message.MarkerMoved:
		return eventv1.EventType_EVENT_TYPE_MARKER_MOVED
	case message.MessageHidden:
		return eventv1.EventType_EVENT_TYPE_MESSAGE_HIDDEN
	default:
		return eventv1.EventType_EVENT_TYPE_UNSPECIFIED
	}
}

// encodeMessage marks what differs by reader: whoever may know more reads it in history.
func encodeMessage(m message.Message) *messagev1.Message {
	encoded := wire.Message(m)
	if m.Forward != (message.Forward{}) {
		encoded.Forward = &messagev1.Forward{} // from where differs by reader
	}
	if m.ReplyTo.Seq > 0 {
		encoded.ReplyTo = &messagev1.Reply{Seq: m.ReplyTo.Seq} // what it shows differs by reader
	}
	return encoded
}

// encodeSpeech asks for a text. A message that was taken back meanwhile has no file any more, and nothing is
// to be done.
func encodeSpeech(m message.Message) *eventv1.SpeechRequested {
	asked := &eventv1.SpeechRequested{
		ConversationId: m.Conversation.String(), Seq: m.Seq, Attempt: m.Media.Transcript.Attempt, DurationMs: m.Media.Duration,
	}
	if m.Kind == message.Voice {
		asked.FileId = m.Media.File.String()
	}
	return asked
}

// encodeConversation leaves out what belongs to one user alone: every recipient gets the same bytes.
func encodeConversation(c message.Conversation) *messagev1.Conversation {
	return &messagev1.Conversation{
		ConversationId: c.ID.String(), Kind: messagev1.ConversationKind(c.Kind), State: messagev1.ConversationState(c.State),
		MemberIds: ids.Texts(c.Present()), CreatedAt: c.CreatedAt, ActiveAt: c.ActiveAt, Name: c.Name,
		AvatarFileId: c.Avatar.Optional(),
		MemberCount:  int32(c.MemberCount), //nolint:gosec // at most MaxGroupMembers
		Head:         &messagev1.Head{ConversationId: c.ID.String(), Seq: c.Seq, Rev: c.Rev, MembersRev: c.MembersRev},
	}
}
