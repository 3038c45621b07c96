// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"encoding/binary"
	"net/http"
	"slices"
	"testing"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// aRecording is a tenth of a second of silence, as wav.
func aRecording() []byte {
	const rate, samples = 8000, 800
	wav := []byte("RIFF\x00\x00\x00\x00WAVEfmt ")
	wav = binary.LittleEndian.AppendUint32(wav, 16)
	wav = binary.LittleEndian.AppendUint16(wav, 1) // PCM
	wav = binary.LittleEndian.AppendUint16(wav, 1) // one channel
	wav = binary.LittleEndian.AppendUint32(wav, rate)
	wav = binary.LittleEndian.AppendUint32(wav, 2*rate)
	wav = binary.LittleEndian.AppendUint16(wav, 2)
	wav = binary.LittleEndian.AppendUint16(wav, 16)
	wav = append(wav, "data"...)
	wav = binary.LittleEndian.AppendUint32(wav, 2*samples)
	wav = append(wav, make([]byte, 2*samples)...)
	binary.LittleEndian.PutUint32(wav[4:], uint32(len(wav)-8))
	return wav
}

func saying(conversation string, what *messagev1.Content) *messagev1.SendRequest {
	return &messagev1.SendRequest{ConversationId: conversation, ClientMessageId: people.NewID(), Content: what}
}

// voice sends a recording.
func voice(conversation, file string) *messagev1.SendRequest {
	return saying(conversation, &messagev1.Content{Kind: &messagev1.Content_Voice{
		Voice: &messagev1.VoiceContent{FileId: file, DurationMs: 5000, Waveform: []byte{0, 128, 255}},
	}})
}

func picture(conversation, file, alt string) *messagev1.SendRequest {
	return saying(conversation, &messagev1.Content{Kind: &messagev1.Content_Image{Image: &messagev1.ImageContent{FileId: file, Alt: alt}}})
}

func attached(conversation, file string) *messagev1.SendRequest {
	return saying(conversation, &messagev1.Content{Kind: &messagev1.Content_File{File: &messagev1.FileContent{FileId: file}}})
}

// What people send besides text is shown, found, forwarded and taken back as texts are.
func TestF18_F19_F20_F26_FilesAreSentShownForwardedAndTakenBack(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{Gateways: 1}).Public(0)
	a, b, c := people.Register(t, base, "anna"), people.Register(t, base, "bo"), people.Register(t, base, "cyd")
	id, other := people.Befriend(t, a, b), people.Befriend(t, b, c)
	image := a.Upload(t, filev1.Purpose_PURPOSE_IMAGE, "IMG_0815.png", aPicture(t, 640, 480))
	report := a.Upload(t, filev1.Purpose_PURPOSE_FILE, "报告 final-v2.pdf", []byte("%PDF-1.4 a report"))
	recording := a.Upload(t, filev1.Purpose_PURPOSE_VOICE, "voice.wav", aRecording())
	for _, message := range []*messagev1.SendRequest{
		picture(id, image.GetFileId(), "上海 skyline"), attached(id, report.GetFileId()), voice(id, recording.GetFileId()),
	} {
		a.Do(t, send, message, &messagev1.SendResponse{})
	}
	answer := people.Text(id, "thanks")
	answer.ReplyToSeq = 2
	b.Do(t, send, answer, &messagev1.SendResponse{})
	items := history(t, b, id)
	if got := items[0].GetImage(); got.GetWidth() != 640 || got.GetHeight() != 480 || got.GetAlt() != "上海 skyline" || got.GetFile().GetContentType() != "image/png" {
		t.Errorf("picture %v", got)
	}
	if got := items[1].GetFile().GetFile(); got.GetName() != "报告 final-v2.pdf" || got.GetSize() != 17 || got.GetFileId() != report.GetFileId() {
		t.Errorf("file %v", got)
	}
	if got := items[2].GetVoice(); got.GetDurationMs() != 100 || !slices.Equal(got.GetWaveform(), []byte{0, 128, 255}) ||
		got.GetTranscript().GetState() != messagev1.TranscriptState_TRANSCRIPT_STATE_PENDING {
		t.Errorf("voice message %v", got)
	}
	if got := items[3].GetReplyTo(); got.GetKind() != messagev1.ContentKind_CONTENT_KIND_FILE || got.GetPreview() != "报告 final-v2.pdf" {
		t.Errorf("answer to %v", got)
	}
	if got := slices.Concat(hits(t, b, "final", 1), hits(t, b, "上海", 1)); !slices.Equal(got, []string{"报告 [final]-v2.pdf", "[上海] skyline"}) {
		t.Errorf("found %v", got)
	}
	sendTo := &messagev1.SendRequest{
		ConversationId: other, ClientMessageId: people.NewID(), ForwardOf: &messagev1.Source{ConversationId: id, Seq: 2},
	}
	b.Do(t, send, sendTo, &messagev1.SendResponse{})
	if got := history(t, c, other)[0]; got.GetFile().GetFile().GetFileId() != report.GetFileId() || got.GetForward() == nil {
		t.Errorf("forwarded %v", got)
	}
	a.Do(t, "parley.message.v1.MessageService/Recall", &messagev1.RecallRequest{ConversationId: id, Seq: 1}, &messagev1.RecallResponse{})
	if got := history(t, b, id)[0]; got.GetRecalled() == nil || got.GetImage() != nil {
		t.Errorf("taken back %v", got)
	}
	hits(t, b, "上海", 0)
}

func history(t *testing.T, p *people.Person, id string) []*messagev1.Message {
	t.Helper()
	var page messagev1.ListMessagesResponse
	p.Do(t, "parley.message.v1.MessageService/ListMessages", &messagev1.ListMessagesRequest{ConversationId: id}, &page)
	return page.GetItems()
}

// Who sees a message that shows a file reads the file, as long as they see it.
func TestF19_F22_WhoSeesAMessageReadsItsFile(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{Gateways: 1}).Public(0)
	a, b, c := people.Register(t, base, "anna"), people.Register(t, base, "bo"), people.Register(t, base, "cyd")
	id, other := people.Befriend(t, a, b), people.Befriend(t, b, c)
	file := a.Upload(t, filev1.Purpose_PURPOSE_FILE, "报告.txt", []byte("a report")).GetFileId()
	reads := func(what string, want map[*people.Person]string) {
		t.Helper()
		for p, answer := range want {
			got := p.Try(t, fileCalls+"GetFile", &filev1.GetFileRequest{FileId: file})
			if told := got.String(); told != answer {
				t.Errorf("%s: %s, want %s", what, told, answer)
			}
		}
	}
	reads("not sent yet", map[*people.Person]string{a: ok, b: notFound, c: notFound})
	a.Do(t, send, attached(id, file), &messagev1.SendResponse{})
	reads("sent", map[*people.Person]string{a: ok, b: ok, c: notFound})
	var found filev1.GetFileResponse
	b.Do(t, fileCalls+"GetFile", &filev1.GetFileRequest{FileId: file}, &found)
	url := found.GetFile().GetLink().GetUrl()
	if status, _, body := b.Bytes(t, http.MethodGet, url, nil); status != http.StatusOK || string(body) != "a report" {
		t.Errorf("the bytes: %d %q", status, body)
	}
	if status, _, _ := c.Bytes(t, http.MethodGet, url, nil); status != http.StatusForbidden {
		t.Errorf("the link of another: %d", status)
	}
	b.Do(t, send, &messagev1.SendRequest{
		ConversationId: other, ClientMessageId: people.NewID(), ForwardOf: &messagev1.Source{ConversationId: id, Seq: 1},
	}, &messagev1.SendResponse{})
	reads("forwarded", map[*people.Person]string{b: ok, c: ok})
	recall := func(p *people.Person, conversation string) {
		t.Helper()
		p.Do(t, "parley.message.v1.MessageService/Recall", &messagev1.RecallRequest{ConversationId: conversation, Seq: 1}, &messagev1.RecallResponse{})
	}
	recall(a, id)
	reads("the first taken back", map[*people.Person]string{a: ok, b: ok, c: ok})
	c.Do(t, "parley.message.v1.MessageService/HideMessage", &messagev1.HideMessageRequest{ConversationId: other, Seq: 1}, &messagev1.HideMessageResponse{})
	reads("hidden by one", map[*people.Person]string{b: ok, c: notFound})
	recall(b, other)
	reads("both taken back", map[*people.Person]string{a: ok, b: notFound, c: notFound})
}

// The picture of a group is for its members.
func TestF13_APictureOfAGroup(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{Gateways: 1}).Public(0)
	a, b, c, d := people.Register(t, base, "anna"), people.Register(t, base, "bo"), people.Register(t, base, "cyd"), people.Register(t, base, "dan")
	people.Befriend(t, a, b)
	people.Befriend(t, a, c)
	id := people.Group(t, a, b, c)
	face := a.Upload(t, filev1.Purpose_PURPOSE_AVATAR, "face.png", aPicture(t, 64, 64)).GetFileId()
	const avatar = "parley.message.v1.ConversationService/SetGroupAvatar"
	a.Do(t, avatar, &messagev1.SetGroupAvatarRequest{ConversationId: id, FileId: face}, &messagev1.SetGroupAvatarResponse{})
	c.Do(t, "parley.message.v1.ConversationService/LeaveGroup", &messagev1.LeaveGroupRequest{ConversationId: id}, &messagev1.LeaveGroupResponse{})
	for p, want := range map[*people.Person]string{a: face, c: ""} {
		var seen messagev1.GetConversationResponse
		p.Do(t, "parley.message.v1.ConversationService/GetConversation", &messagev1.GetConversationRequest{ConversationId: id}, &seen)
		if got := seen.GetConversation().GetAvatarFileId(); got != want {
			t.Errorf("picture %q, want %q", got, want)
		}
	}
	for p, want := range map[*people.Person]string{b: ok, c: notFound, d: notFound} {
		if got := p.Try(t, fileCalls+"GetFile", &filev1.GetFileRequest{FileId: face}).String(); got != want {
			t.Errorf("reads %s, want %s", got, want)
		}
	}
	if got := a.Try(t, fileCalls+"DeleteFile", &filev1.DeleteFileRequest{FileId: face}).String(); got != "failed_precondition FILE_IN_USE" {
		t.Errorf("deleted while it is shown: %s", got)
	}
}
