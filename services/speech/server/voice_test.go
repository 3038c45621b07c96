// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/speech/speechtest"
)

// voices stands for the file service and the message service.
type voices struct {
	filev1connect.UnimplementedFileServiceHandler
	messagev1connect.UnimplementedMessageServiceHandler

	file  string
	audio []byte
	set   chan *messagev1.SetTranscriptRequest
}

func (v *voices) ReadVoice(_ context.Context, r *filev1.ReadVoiceRequest) (*filev1.ReadVoiceResponse, error) {
	if r.GetFileId() != v.file {
		return nil, rpcserver.ErrTooLarge
	}
	return &filev1.ReadVoiceResponse{ContentType: "audio/wav", Content: v.audio}, nil
}

func (v *voices) SetTranscript(_ context.Context, r *messagev1.SetTranscriptRequest) (*messagev1.SetTranscriptResponse, error) {
	v.set <- r
	return &messagev1.SetTranscriptResponse{}, nil
}

// Five minutes of sound, 9.6 MB, come from the file service, go to the provider, and come back as text.
func TestF21_AVoiceMessageOnItsWay(t *testing.T) {
	t.Parallel()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"text":"see you at ten","language":"en"}`)
	}))
	t.Cleanup(provider.Close)
	v := &voices{file: ids.NewFile().String(), audio: speechtest.Sound(5 * time.Minute).WAV(), set: make(chan *messagev1.SetTranscriptRequest, 2)}
	others := newOthers(t, identity.GenerateKeys(component.All()...), v)
	r := startWith(t, map[string]string{
		"PARLEY_SPEECH_PROVIDER": "OpenAI", "PARLEY_SPEECH_URL": provider.URL,
		"PARLEY_UPSTREAM_FILE_URL": others.file, "PARLEY_UPSTREAM_MESSAGE_URL": others.message,
	}, others.keys)
	asked := &eventv1.SpeechRequested{ConversationId: ids.NewConversation().String(), Seq: 7, Attempt: 1, FileId: v.file, DurationMs: 300_000}
	publish(t, r.bus, wanted(t, asked))
	select {
	case got := <-v.set:
		if got.GetConversationId() != asked.GetConversationId() || got.GetSeq() != 7 || got.GetAttempt() != 1 ||
			got.GetTranscript().GetText() != "see you at ten" || got.GetTranscript().GetState() != messagev1.TranscriptState_TRANSCRIPT_STATE_DONE {
			t.Errorf("%v", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no text came")
	}
	if class := r.status(t).Dependencies[component.SpeechProvider]; class != component.ClassReachable {
		t.Errorf("the provider is %q", class)
	}
}

// wanted is the event that asks for the text of a voice message.
func wanted(t *testing.T, asked *eventv1.SpeechRequested) broker.Message {
	t.Helper()
	body, err := proto.Marshal(&eventv1.EventBatch{Events: []*eventv1.Event{{
		EventId: ids.NewEvent().String(), Type: eventv1.EventType_EVENT_TYPE_SPEECH_REQUESTED, OccurredAt: time.Now().UnixMilli(),
		Payload: &eventv1.Event_SpeechRequested{SpeechRequested: asked},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return broker.Message{Exchange: broker.EventsExchange, RoutingKey: "speech.requested", Body: body, Persistent: true}
}
