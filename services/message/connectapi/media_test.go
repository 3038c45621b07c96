// SPDX-License-Identifier: Apache-2.0

package connectapi_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/connectapi"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestF18_F19_F20_EachKindIsSentAndReadOverConnect(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	h := connectapi.New(f.Service)
	id, a, b := f.Open(t)
	picture, file, voice := f.Files.Upload(a, message.ForImage, "p.png"), f.Files.Upload(a, message.ForFile, "报告.pdf"), f.Files.Upload(a, message.ForVoice, "v.webm")
	for _, content := range []*messagev1.Content{
		{Kind: &messagev1.Content_Image{Image: &messagev1.ImageContent{FileId: picture.ID.String(), Alt: "上海"}}},
		{Kind: &messagev1.Content_File{File: &messagev1.FileContent{FileId: file.ID.String()}}},
		{Kind: &messagev1.Content_Voice{Voice: &messagev1.VoiceContent{FileId: voice.ID.String(), DurationMs: 4200, Waveform: []byte{0, 255}}}},
	} {
		send := &messagev1.SendRequest{ConversationId: id.String(), ClientMessageId: ids.NewClientMessage().String(), Content: content}
		if _, err := h.Send(as(t, a), send); err != nil {
			t.Fatal(err)
		}
	}
	waits, err := h.Transcribe(as(t, b), &messagev1.TranscribeRequest{ConversationId: id.String(), Seq: 3})
	if err != nil || waits.GetMessage().GetVoice().GetTranscript().GetState() != messagev1.TranscriptState_TRANSCRIPT_STATE_PENDING {
		t.Errorf("asked for %v, %v", waits, err)
	}
	done := &messagev1.Transcript{State: messagev1.TranscriptState_TRANSCRIPT_STATE_DONE, Text: "十点", Language: "zh", Confidence: 0.5}
	if _, err := h.SetTranscript(t.Context(), &messagev1.SetTranscriptRequest{ConversationId: id.String(), Seq: 3, Attempt: 1, Transcript: done}); err != nil {
		t.Fatal(err)
	}
	page, err := h.ListMessages(as(t, b), &messagev1.ListMessagesRequest{ConversationId: id.String()})
	if err != nil || len(page.GetItems()) != 3 {
		t.Fatalf("%v, %v", page, err)
	}
	info := func(f message.CitedFile) *messagev1.FileInfo {
		return &messagev1.FileInfo{FileId: f.ID.String(), Name: f.Name, Size: f.Size, ContentType: f.ContentType}
	}
	got := []any{page.GetItems()[0].GetImage(), page.GetItems()[1].GetFile(), page.GetItems()[2].GetVoice()}
	want := []any{
		&messagev1.Image{File: info(picture), Width: 640, Height: 480, Alt: "上海"},
		&messagev1.Attachment{File: info(file)},
		&messagev1.Voice{File: info(voice), DurationMs: 4200, Waveform: []byte{0, 255}, Transcript: done},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	hits, err := h.Search(as(t, b), &messagev1.SearchRequest{Query: "十点", Kinds: []messagev1.ContentKind{messagev1.ContentKind_CONTENT_KIND_VOICE}})
	if err != nil || len(hits.GetHits()) != 1 || hits.GetHits()[0].GetField() != messagev1.SearchField_SEARCH_FIELD_TRANSCRIPT {
		t.Errorf("hits %v, %v", hits, err)
	}
	readable, err := h.CheckReadable(t.Context(), &messagev1.CheckReadableRequest{
		UserId: b.String(), FileIds: []string{ids.NewFile().String(), voice.ID.String()},
	})
	if err != nil || !slices.Equal(readable.GetFileIds(), []string{voice.ID.String()}) {
		t.Errorf("readable %v, %v", readable, err)
	}
}

func TestCitationsOverConnect(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	h := connectapi.New(f.Service)
	id, a, _ := f.Open(t)
	sent, file := f.Show(t, a, id, message.File, "x")
	by := func(kind filev1.HolderKind, holder string) *messagev1.CheckCitationsRequest {
		return &messagev1.CheckCitationsRequest{Citations: []*filev1.Citation{
			{FileId: file.String(), Kind: kind, HolderId: holder, ClientMessageId: sent.ClientID.String()},
		}}
	}
	for name, row := range map[string]struct {
		request *messagev1.CheckCitationsRequest
		want    bool
	}{
		"the message": {by(filev1.HolderKind_HOLDER_KIND_MESSAGE, a.String()), true},
		"of another":  {by(filev1.HolderKind_HOLDER_KIND_MESSAGE, ids.NewUser().String()), false},
		"a group":     {by(filev1.HolderKind_HOLDER_KIND_GROUP, id.String()), false},
	} {
		got, err := h.CheckCitations(t.Context(), row.request)
		if err != nil || !slices.Equal(got.GetShown(), []bool{row.want}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, bad := range []*messagev1.CheckCitationsRequest{
		by(filev1.HolderKind_HOLDER_KIND_USER, a.String()),
		by(filev1.HolderKind_HOLDER_KIND_MESSAGE, "x"),
		by(filev1.HolderKind_HOLDER_KIND_GROUP, "x"),
		{Citations: []*filev1.Citation{{FileId: "x"}}},
	} {
		if _, err := h.CheckCitations(t.Context(), bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestAGroupPictureOverConnect(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	h := connectapi.New(f.Service)
	a := ids.NewUser()
	made, err := h.CreateGroup(as(t, a), &messagev1.CreateGroupRequest{
		IdempotencyKey: ids.NewIdempotencyKey().String(), MemberIds: []string{ids.NewUser().String(), ids.NewUser().String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	set := func(file string) *messagev1.Conversation {
		t.Helper()
		got, err := h.SetGroupAvatar(as(t, a), &messagev1.SetGroupAvatarRequest{
			ConversationId: made.GetConversation().GetConversationId(), FileId: file,
		})
		if err != nil {
			t.Fatal(err)
		}
		return got.GetConversation()
	}
	face := f.Files.Upload(a, message.ForAvatar, "face.png").ID.String()
	c := set(face)
	if c.GetAvatarFileId() != face || c.GetLastMessage().GetSystem().GetKind() != messagev1.SystemKind_SYSTEM_KIND_AVATAR_CHANGED {
		t.Errorf("group %v", c)
	}
	if c = set(""); c.GetAvatarFileId() != "" || c.GetHead().GetSeq() != 3 {
		t.Errorf("without %v", c)
	}
}
