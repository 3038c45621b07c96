// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// everyFile is a file service where whoever asks has every file.
type everyFile struct {
	filev1connect.UnimplementedFileServiceHandler
}

func (everyFile) Cite(_ context.Context, r *filev1.CiteRequest) (*filev1.CiteResponse, error) {
	answer := &filev1.CiteResponse{}
	for _, item := range r.GetItems() {
		answer.Results = append(answer.Results, &filev1.CiteResponse_Result{File: &filev1.File{
			FileId: item.GetCitation().GetFileId(), Name: "语音.webm", Size: 5, ContentType: "audio/webm", DurationMs: 4200,
		}})
	}
	return answer, nil
}

// files serves a file service until the test ends and answers its address.
func files(t *testing.T, keys map[component.Name]identity.Keys) string {
	t.Helper()
	rpc := rpcserver.New(rpcserver.Options{
		Component: component.File, Keys: keys[component.File], Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	rpc.Mount(filev1connect.NewFileServiceHandler(everyFile{}, rpc.HandlerOptions()...))
	return serve(t, rpc)
}

func TestF21_AVoiceMessageOverTheWire(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	a, b := ids.NewUser(), ids.NewUser()
	id, file := p.open(a, b, 1), ids.NewFile()
	send := request(id, "")
	send.Content = &messagev1.Content{Kind: &messagev1.Content_Voice{Voice: &messagev1.VoiceContent{
		FileId: file.String(), DurationMs: 1, Waveform: []byte{0, 255},
	}}}
	if _, err := p.messages(component.Gateway).Send(p.as(a), send); err != nil {
		t.Fatal(err)
	}
	asked := p.event(eventv1.EventType_EVENT_TYPE_SPEECH_REQUESTED).GetSpeechRequested()
	if asked.GetFileId() != file.String() || asked.GetSeq() != 1 || asked.GetAttempt() != 1 || asked.GetDurationMs() != 4200 {
		t.Errorf("asked %v", asked)
	}
	readable := func(user ids.UserID) []string {
		t.Helper()
		answer, err := p.messages(component.File).CheckReadable(t.Context(), &messagev1.CheckReadableRequest{
			UserId: user.String(), FileIds: []string{ids.NewFile().String(), file.String()},
		})
		if err != nil {
			t.Fatal(err)
		}
		return answer.GetFileIds()
	}
	if !slices.Equal(readable(b), []string{file.String()}) || len(readable(ids.NewUser())) > 0 {
		t.Errorf("readable %v, and for a stranger %v", readable(b), readable(ids.NewUser()))
	}
	done := &messagev1.SetTranscriptRequest{ConversationId: id, Seq: 1, Attempt: 1, Transcript: &messagev1.Transcript{
		State: messagev1.TranscriptState_TRANSCRIPT_STATE_DONE, Text: "明天十点开会", Language: "zh", Confidence: 0.91,
	}}
	if _, err := p.messages(component.Gateway).SetTranscript(p.as(a), done); fault.KindOf(err) != fault.Denied {
		t.Errorf("a user sets a transcript: %v", err)
	}
	if _, err := p.messages(component.Speech).SetTranscript(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	told := p.event(eventv1.EventType_EVENT_TYPE_MESSAGE_TRANSCRIBED).GetMessage()
	if voice := told.GetVoice(); told.GetRev() != 1 || voice.GetTranscript().GetText() != "明天十点开会" || voice.GetFile().GetName() != "语音.webm" {
		t.Errorf("told %v", told)
	}
	citations := &messagev1.CheckCitationsRequest{Citations: []*filev1.Citation{
		{FileId: file.String(), Kind: filev1.HolderKind_HOLDER_KIND_MESSAGE, HolderId: a.String(), ClientMessageId: send.GetClientMessageId()},
		{FileId: file.String(), Kind: filev1.HolderKind_HOLDER_KIND_GROUP, HolderId: id},
	}}
	shown, err := p.messages(component.File).CheckCitations(t.Context(), citations)
	if err != nil || !slices.Equal(shown.GetShown(), []bool{true, false}) {
		t.Errorf("shown %v, %v", shown, err)
	}
	citations.Citations[0].Kind = filev1.HolderKind_HOLDER_KIND_USER
	if _, err := p.messages(component.File).CheckCitations(t.Context(), citations); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a citation by a person: %v", err)
	}
	if _, err := p.messages(component.Gateway).Recall(p.as(a), &messagev1.RecallRequest{ConversationId: id, Seq: 1}); err != nil {
		t.Fatal(err)
	}
	if left := readable(a); len(left) > 0 {
		t.Errorf("after the recall %v", left)
	}
	if _, err := p.messages(component.Speech).SetTranscript(t.Context(), done); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a transcript of what was taken back: %v", err)
	}
}
