// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/events"
)

// relay keeps what is offered.
type relay struct{ offered []*eventv1.Event }

func (r *relay) Offer(list ...*eventv1.Event) { r.offered = append(r.offered, list...) }

// source answers a fixed event for each reference, and keeps the references.
type source struct {
	refs []message.EventRef
	err  error
}

func (s *source) LoadEvents(_ context.Context, refs []message.EventRef) ([]message.Event, error) {
	s.refs = refs
	var loaded []message.Event
	for _, ref := range refs {
		loaded = append(loaded, ref.Rebuild(message.Conversation{ID: ref.Conversation}, message.Message{Seq: ref.Seq}))
	}
	return loaded, s.err
}

func TestEncode(t *testing.T) {
	t.Parallel()
	a, b, id := ids.NewUser(), ids.NewUser(), ids.NewConversation()
	m := message.Message{
		Conversation: id, Seq: 4, ID: ids.NewMessage(), ClientID: ids.NewClientMessage(), Sender: a, SentAt: 7, Rev: 2,
		Kind: message.Text, Text: "hello",
	}
	edited, recalled, reacted := m, m, m
	given, err := json.Marshal([]message.Reaction{{Emoji: "!", Count: 1, Users: b.Bytes()}})
	if err != nil {
		t.Fatal(err)
	}
	reacted.Reactions = message.Reactions(given)
	edited.EditedAt, edited.Edits = 8, 3
	edited.ReplyTo = message.Reply{Seq: 3, Sender: b, Preview: "for one reader only"}
	edited.Forward = message.Forward{Source: message.Source{Conversation: ids.NewConversation(), Seq: 8}, Sender: a}
	edited.Mentions = message.Mentions{Users: message.UsersOf([]ids.UserID{b}), All: true}
	recalled.Kind, recalled.Text, recalled.Recall = message.RecalledBody, "", message.Recall{By: b, At: 8}
	voice := m
	voice.Kind, voice.Text = message.Voice, ""
	voice.Media = message.Media{
		File: ids.NewFile(), Name: "v.webm", Size: 5, ContentType: "audio/webm", Duration: 4200, Waveform: "\x00\xff",
		Transcript: message.Transcript{State: message.TranscriptDone, Text: "十点", Language: "zh", Confidence: 0.5, Attempt: 2},
	}
	picture := voice
	picture.Kind = message.Image
	picture.Media = message.Media{
		File: voice.Media.File, Name: "p.png", Size: 6, ContentType: "image/png", Width: 640, Height: 480, Alt: "上海",
	}
	c := message.Conversation{
		ID: id, Kind: message.Direct, State: message.ReadOnly, Seq: 4, Rev: 2, MembersRev: 3, CreatedAt: 5, ActiveAt: 7,
		Members: []message.Member{{UserID: a, JoinedSeq: 1, ReadSeq: 4}, {UserID: b, JoinedSeq: 1}},
	}
	proto := &messagev1.Conversation{
		ConversationId: id.String(), Kind: messagev1.ConversationKind_CONVERSATION_KIND_DIRECT,
		State: messagev1.ConversationState_CONVERSATION_STATE_READ_ONLY, MemberIds: []string{a.String(), b.String()},
		CreatedAt: 5, ActiveAt: 7, Head: &messagev1.Head{ConversationId: id.String(), Seq: 4, Rev: 2, MembersRev: 3},
	}
	rows := []struct {
		event message.Event
		want  *eventv1.Event
	}{
		{message.Event{Kind: message.MessageCreated, Message: m}, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED,
			Payload: &eventv1.Event_Message{Message: &messagev1.Message{
				ConversationId: id.String(), Seq: 4, MessageId: m.ID.String(), ClientMessageId: m.ClientID.String(),
				SenderId: a.String(), SentAt: 7, Rev: 2, Content: &messagev1.Message_Text{Text: &messagev1.Text{Body: "hello"}},
			}},
		}},
		{message.Event{Kind: message.MessageEdited, Message: edited}, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_MESSAGE_EDITED,
			Payload: &eventv1.Event_Message{Message: &messagev1.Message{
				ConversationId: id.String(), Seq: 4, MessageId: m.ID.String(), ClientMessageId: m.ClientID.String(),
				SenderId: a.String(), SentAt: 7, Rev: 2, EditedAt: 8, ReplyTo: &messagev1.Reply{Seq: 3}, Forward: &messagev1.Forward{},
				MentionIds: []string{b.String()}, MentionsAll: true, Content: &messagev1.Message_Text{Text: &messagev1.Text{Body: "hello"}},
			}},
		}},
		{message.Event{Kind: message.MessageReacted, Message: reacted}, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_MESSAGE_REACTED,
			Payload: &eventv1.Event_Message{Message: &messagev1.Message{
				ConversationId: id.String(), Seq: 4, MessageId: m.ID.String(), ClientMessageId: m.ClientID.String(),
				SenderId: a.String(), SentAt: 7, Rev: 2, Content: &messagev1.Message_Text{Text: &messagev1.Text{Body: "hello"}},
				Reactions: []*messagev1.Reaction{{Emoji: "!", Count: 1, UserIds: []string{b.String()}}},
			}},
		}},
		{message.Event{Kind: message.MessageTranscribed, Message: voice}, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_MESSAGE_TRANSCRIBED,
			Payload: &eventv1.Event_Message{Message: &messagev1.Message{
				ConversationId: id.String(), Seq: 4, MessageId: m.ID.String(), ClientMessageId: m.ClientID.String(),
				SenderId: a.String(), SentAt: 7, Rev: 2, Content: &messagev1.Message_Voice{Voice: &messagev1.Voice{
					File:       &messagev1.FileInfo{FileId: voice.Media.File.String(), Name: "v.webm", Size: 5, ContentType: "audio/webm"},
					DurationMs: 4200, Waveform: []byte{0, 255}, Transcript: &messagev1.Transcript{
						State: messagev1.TranscriptState_TRANSCRIPT_STATE_DONE, Text: "十点", Language: "zh", Confidence: 0.5,
					},
				}},
			}},
		}},
		{message.Event{Kind: message.SpeechRequested, Message: voice}, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_SPEECH_REQUESTED,
			Payload: &eventv1.Event_SpeechRequested{SpeechRequested: &eventv1.SpeechRequested{
				ConversationId: id.String(), Seq: 4, Attempt: 2, FileId: voice.Media.File.String(), DurationMs: 4200,
			}},
		}},
		{message.Event{Kind: message.SpeechRequested, Message: recalled}, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_SPEECH_REQUESTED,
			Payload: &eventv1.Event_SpeechRequested{SpeechRequested: &eventv1.SpeechRequested{
				ConversationId: id.String(), Seq: 4,
			}},
		}},
		{message.Event{Kind: message.MessageCreated, Message: picture}, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED,
			Payload: &eventv1.Event_Message{Message: &messagev1.Message{
				ConversationId: id.String(), Seq: 4, MessageId: m.ID.String(), ClientMessageId: m.ClientID.String(),
				SenderId: a.String(), SentAt: 7, Rev: 2, Content: &messagev1.Message_Image{Image: &messagev1.Image{
					File:  &messagev1.FileInfo{FileId: voice.Media.File.String(), Name: "p.png", Size: 6, ContentType: "image/png"},
					Width: 640, Height: 480, Alt: "上海",
				}},
			}},
		}},
		{message.Event{Kind: message.MessageRecalled, Message: recalled}, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_MESSAGE_RECALLED,
			Payload: &eventv1.Event_Message{Message: &messagev1.Message{
				ConversationId: id.String(), Seq: 4, MessageId: m.ID.String(), ClientMessageId: m.ClientID.String(),
				SenderId: a.String(), SentAt: 7, Rev: 2,
				Content: &messagev1.Message_Recalled{Recalled: &messagev1.Recalled{By: b.String(), At: 8}},
			}},
		}},
		{message.Event{Kind: message.ConversationCreated, Conversation: c}, &eventv1.Event{
			Type:    eventv1.EventType_EVENT_TYPE_CONVERSATION_CREATED,
			Payload: &eventv1.Event_Conversation{Conversation: proto},
		}},
		{message.Event{Kind: message.ConversationUpdated, Conversation: c}, &eventv1.Event{
			Type:    eventv1.EventType_EVENT_TYPE_CONVERSATION_UPDATED,
			Payload: &eventv1.Event_Conversation{Conversation: proto},
		}},
		{message.Event{Kind: message.MarkerMoved, Marker: message.Marker{Conversation: id, User: b, Seq: 3}}, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_MARKER_MOVED,
			Payload: &eventv1.Event_Marker{Marker: &eventv1.MarkerMoved{
				ConversationId: id.String(), UserId: b.String(), Seq: 3,
			}},
		}},
		{message.Event{Kind: message.MessageHidden, Marker: message.Marker{Conversation: id, User: b, Seq: 3}}, &eventv1.Event{
			Type: eventv1.EventType_EVENT_TYPE_MESSAGE_HIDDEN,
			Payload: &eventv1.Event_Hidden{Hidden: &eventv1.MessageHidden{
				ConversationId: id.String(), UserId: b.String(), Seq: 3,
			}},
		}},
	}
	r := &relay{}
	for _, row := range rows {
		row.event.ID, row.event.OccurredAt, row.event.Recipients = ids.NewEvent(), 9, []ids.UserID{a, b}
		row.want.EventId, row.want.OccurredAt, row.want.RecipientIds = row.event.ID.String(), 9, []string{a.String(), b.String()}
		events.NewPublisher(r).Publish(row.event)
		got := r.offered[len(r.offered)-1]
		if diff := cmp.Diff(row.want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.event.Kind, diff)
		}
		if key := outbox.RoutingKey(got.GetType()); key != string(row.event.Kind) {
			t.Errorf("routing key %q of %q", key, row.event.Kind)
		}
	}
	if got := events.Encode([]message.Event{{Kind: "message.unheard_of"}}); len(got) != 0 {
		t.Errorf("an unknown kind became %v", got)
	}
}

func TestLoaderFindsEventsByTheirKeys(t *testing.T) {
	t.Parallel()
	want := message.EventRef{
		ID: ids.NewEvent(), Kind: message.MessageCreated, OccurredAt: 5, Conversation: ids.NewConversation(), Seq: 8,
	}
	rows := []outbox.Row{
		{ID: ids.NewEvent(), RoutingKey: "message.created", Payload: []byte("torn"), CreatedAt: 4},
		{ID: want.ID, RoutingKey: "message.created", Payload: want.Encode(), CreatedAt: 5},
	}
	s := &source{}
	got, err := events.Loader(s)(t.Context(), rows)
	if err != nil || len(got) != 1 || got[0].GetEventId() != want.ID.String() || got[0].GetMessage().GetSeq() != 8 {
		t.Errorf("loaded %v, %v", got, err)
	}
	if diff := cmp.Diff([]message.EventRef{want}, s.refs); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	s.err = errors.New("gone")
	if _, err := events.Loader(s)(t.Context(), rows); !errors.Is(err, s.err) {
		t.Errorf("error %v", err)
	}
}
