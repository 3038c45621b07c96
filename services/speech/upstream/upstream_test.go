// SPDX-License-Identifier: Apache-2.0

package upstream_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/upstream"
)

// messages keeps what it is told, and answers err.
type messages struct {
	messagev1connect.MessageServiceClient
	got *messagev1.SetTranscriptRequest
	err error
}

func (m *messages) SetTranscript(_ context.Context, r *messagev1.SetTranscriptRequest) (*messagev1.SetTranscriptResponse, error) {
	m.got = r
	return &messagev1.SetTranscriptResponse{}, m.err
}

func TestATranscriptIsTold(t *testing.T) {
	t.Parallel()
	r := speech.Request{Conversation: ids.NewConversation(), Seq: 7, Attempt: 2}
	for state, want := range map[speech.State]messagev1.TranscriptState{
		speech.Done: messagev1.TranscriptState_TRANSCRIPT_STATE_DONE, speech.Failed: messagev1.TranscriptState_TRANSCRIPT_STATE_FAILED,
		speech.Unsupported: messagev1.TranscriptState_TRANSCRIPT_STATE_UNSUPPORTED,
	} {
		m := &messages{}
		err := upstream.NewTranscripts(m).Set(t.Context(), r, state, speech.Transcript{Text: "hello", Language: "en", Confidence: 0.5})
		told := &messagev1.SetTranscriptRequest{
			ConversationId: r.Conversation.String(), Seq: 7, Attempt: 2,
			Transcript: &messagev1.Transcript{State: want, Text: "hello", Language: "en", Confidence: 0.5},
		}
		if diff := cmp.Diff(told, m.got, protocmp.Transform()); diff != "" || err != nil {
			t.Errorf("%s %v", diff, err)
		}
	}
	for answer, want := range map[error]error{
		fault.New(fault.NotFound, "NOT_FOUND", "no"): speech.ErrGone, fault.ErrForbidden: speech.ErrGone, fault.ErrUnavailable: fault.ErrUnavailable,
	} {
		if err := upstream.NewTranscripts(&messages{err: answer}).Set(t.Context(), r, speech.Done, speech.Transcript{}); !errors.Is(err, want) {
			t.Errorf("%v becomes %v", answer, err)
		}
	}
}

// files answers one recording, or err.
type files struct {
	filev1connect.FileServiceClient
	content []byte
	err     error
}

func (f files) ReadVoice(context.Context, *filev1.ReadVoiceRequest) (*filev1.ReadVoiceResponse, error) {
	return &filev1.ReadVoiceResponse{ContentType: "audio/whatever", Content: f.content}, f.err
}

func TestARecordingIsWhatItsBytesSay(t *testing.T) {
	t.Parallel()
	got, err := upstream.NewRecordings(files{content: []byte("OggS and so on")}).Read(t.Context(), ids.NewFile())
	if err != nil || got.Format != speech.Ogg || string(got.Bytes) != "OggS and so on" {
		t.Errorf("%+v, %v", got, err)
	}
	for answer, want := range map[error]error{
		fault.New(fault.NotFound, "NOT_FOUND", "no"): speech.ErrGone, fault.New(fault.Invalid, "FILE_UNFIT", "no"): speech.ErrAudioUnfit,
		fault.New(fault.Unavailable, "FILES_UNAVAILABLE", "no"): fault.New(fault.Unavailable, "FILES_UNAVAILABLE", ""),
	} {
		if _, err := upstream.NewRecordings(files{err: answer}).Read(t.Context(), ids.NewFile()); !errors.Is(err, want) {
			t.Errorf("%v becomes %v", answer, err)
		}
	}
}
