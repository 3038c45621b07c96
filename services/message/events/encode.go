// SPDX-License-Identifier: Apache-2.0

package events

import (
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
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
	event := &eventv1.Event{EventId: e.ID.String(), OccurredAt: e.OccurredAt, RecipientIds: texts(e.Recipients), MembersRev: e.MembersRev}
	switch e.Kind {
	case message.MessageCreated:
		event.Type = eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED
		event.Payload = &eventv1.Event_Message{Message: encodeMessage(e.Message)}
	case message.MessageRecalled:
		event.Type = eventv1.EventType_EVENT_TYPE_MESSAGE_RECALLED
		event.Payload = &eventv1.Event_Message{Message: encodeMessage(e.Message)}
	case message.MessageReacted:
		event.Type = eventv1.EventType_EVENT_TYPE_MESSAGE_REACTED
		event.Payload = &eventv1.Event_Message{Message: encodeMessage(e.Message)}
	case message.MessageEdited:
		event.Type = eventv1.EventType_EVENT_TYPE_MESSAGE_EDITED
		event.Payload = &eventv1.Event_Message{Message: encodeMessage(e.Message)}
	case message.MessageTranscribed:
		event.Type = eventv1.EventType_EVENT_TYPE_MESSAGE_TRANSCRIBED
		event.Payload = &eventv1.Event_Message{Message: encodeMessage(e.Message)}
	case message.SpeechRequested:
		event.Type = eventv1.EventType_EVENT_TYPE_SPEECH_REQUESTED
		event.Payload = &eventv1.Event_SpeechRequested{SpeechRequested: encodeSpeech(e.Message)}
	case message.ConversationCreated:
		event.Type = eventv1.EventType_EVENT_TYPE_CONVERSATION_CREATED
		event.Payload = &eventv1.Event_Conversation{Conversation: encodeConversation(e.Conversation)}
	case message.ConversationUpdated:
		event.Type = eventv1.EventType_EVENT_TYPE_CONVERSATION_UPDATED
		event.Payload = &eventv1.Event_Conversation{Conversation: encodeConversation(e.Conversation)}
	case message.MarkerMoved:
		event.Type = eventv1.EventType_EVENT_TYPE_MARKER_MOVED
		event.Payload = &eventv1.Event_Marker{Marker: &eventv1.MarkerMoved{
			ConversationId: e.Marker.Conversation.String(), UserId: e.Marker.User.String(), Seq: e.Marker.Seq,
		}}
	case message.MessageHidden:
		event.Type = eventv1.EventType_EVENT_TYPE_MESSAGE_HIDDEN
		event.Payload = &eventv1.Event_Hidden{Hidden: &eventv1.MessageHidden{
			ConversationId: e.Marker.Conversation.String(), UserId: e.Marker.User.String(), Seq: e.Marker.Seq,
		}}
	}
	return event
}

func encodeMessage(m message.Message) *messagev1.Message {
	converted := &messagev1.Message{
		ConversationId: m.Conversation.String(), Seq: m.Seq, MessageId: m.ID.String(), ClientMessageId: m.ClientID.String(),
		SenderId: m.Sender.String(), SentAt: m.SentAt, Rev: m.Rev, EditedAt: m.EditedAt,
		MentionIds: texts(m.Mentions.Users.List()), MentionsAll: m.Mentions.All,
	}
	for _, r := range m.Reactions.List() {
		converted.Reactions = append(converted.Reactions, &messagev1.Reaction{Emoji: r.Emoji, Count: r.Count, UserIds: texts(r.UserIDs())})
	}
	if m.Forward != (message.Forward{}) {
		converted.Forward = &messagev1.Forward{} // from where differs by reader
	}
	if m.ReplyTo.Seq > 0 {
		converted.ReplyTo = &messagev1.Reply{Seq: m.ReplyTo.Seq} // what it shows differs by reader
	}
	switch m.Kind {
	case message.Text:
		converted.Content = &messagev1.Message_Text{Text: &messagev1.Text{Body: m.Text}}
	case message.Image:
		converted.Content = &messagev1.Message_Image{Image: encodeImage(m.Media)}
	case message.File:
		converted.Content = &messagev1.Message_File{File: &messagev1.Attachment{File: encodeFile(m.Media)}}
	case message.Voice:
		converted.Content = &messagev1.Message_Voice{Voice: encodeVoice(m.Media)}
	case message.SystemBody:
		converted.Content = &messagev1.Message_System{System: encodeSystem(m)}
	case message.RecalledBody:
		converted.Content = &messagev1.Message_Recalled{Recalled: encodeRecalled(m.Recall)}
	}
	return converted
}

// encodeSystem leaves out what cannot be read, as history does.
func encodeSystem(m message.Message) *messagev1.System {
	s, err := m.System()
	if err != nil {
		return &messagev1.System{}
	}
	return &messagev1.System{
		Kind: messagev1.SystemKind(s.Kind), ActorId: s.Actor.String(), UserIds: texts(s.Users), Name: s.Name,
		Role: messagev1.MemberRole(s.Role),
	}
}

// encodeConversation leaves out what belongs to one user alone: every recipient gets the same bytes.
func encodeConversation(c message.Conversation) *messagev1.Conversation {
	converted := &messagev1.Conversation{
		ConversationId: c.ID.String(), Kind: messagev1.ConversationKind(c.Kind), State: messagev1.ConversationState(c.State),
		MemberIds: texts(c.Present()), CreatedAt: c.CreatedAt, ActiveAt: c.ActiveAt, Name: c.Name,
		MemberCount: int32(c.MemberCount), //nolint:gosec // at most MaxGroupMembers
		Head:        &messagev1.Head{ConversationId: c.ID.String(), Seq: c.Seq, Rev: c.Rev, MembersRev: c.MembersRev},
	}
	if !c.Avatar.IsZero() {
		converted.AvatarFileId = c.Avatar.String()
	}
	return converted
}

func texts(users []ids.UserID) []string {
	list := make([]string, len(users))
	for i, user := range users {
		list[i] = user.String()
	}
	return list
}

// encodeRecalled says nothing of which moderator it was.
func encodeRecalled(r message.Recall) *messagev1.Recalled {
	if r.ByModeration {
		return &messagev1.Recalled{At: r.At, ByModeration: true}
	}
	return &messagev1.Recalled{By: r.By.String(), At: r.At}
}
