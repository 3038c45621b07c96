// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

func (s suite) fileTests() []conformanceTest {
	return []conformanceTest{
		{"what a message shows comes back as it was", s.media},
		{"a retry of a file gets the first answer, also when it was taken back", s.fileRetry},
		{"who sees a message may read its file", s.fileReaders},
		{"a forwarded file is read where it was forwarded to", s.forwardedFile},
		{"members read the picture of their group", s.groupPicture},
		{"a holder shows its file until it does not", s.citations},
		{"a voice message gets one text for each request", s.transcripts},
	}
}

func (s suite) media(t *testing.T) {
	f := Start(t, s.store, 1)
	id, a, b := f.Open(t)
	names := []string{"报告 final-v2.pdf", "테스트_맥.txt", "\u1112\u1161\u11ab.png", strings.Repeat("名", 85), "a\"b\\c\u2028<d>.txt", "🙂.webm"}
	for i, name := range names {
		kind := []message.BodyKind{message.Image, message.File, message.Voice}[i%3]
		d := f.Attached(a, id, kind, name)
		if d.Attach.Alt = strings.Repeat("界", 500); kind != message.Image {
			d.Attach.Alt = ""
		}
		sent, err := f.Send(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		want := message.Media{File: d.Attach.File, Name: name, Size: 1234}
		switch kind {
		case message.Image:
			want.ContentType, want.Width, want.Height, want.Alt = "image/png", 640, 480, d.Attach.Alt
		case message.Voice:
			want.ContentType, want.Duration, want.Waveform = "audio/webm", 4200, d.Attach.Waveform
			want.Transcript = message.Transcript{State: message.TranscriptPending, Attempt: 1, AskedAt: f.Clock.Now().UnixMilli()}
		case message.File, message.Text, message.SystemBody, message.RecalledBody:
			want.ContentType = "application/octet-stream"
		}
		got := s.read(t, id, sent.Seq, sent.Seq)[0]
		if diff := cmp.Diff(want, got.Media); diff != "" || got.Kind != kind || got.Text != "" {
			t.Errorf("kind %d, text %q (-want +got):\n%s", got.Kind, got.Text, diff)
		}
	}
	view, err := f.Conversation(t.Context(), b, id)
	if err != nil || view.Last.Media.Name != names[5] || view.Head.Unread != 6 {
		t.Errorf("last %+v, %d unread, %v", view.Last, view.Head.Unread, err)
	}
}

func (s suite) fileRetry(t *testing.T) {
	f := Start(t, s.store, 1)
	id, a, _ := f.Open(t)
	d := f.Attached(a, id, message.File, "name")
	first, err := f.Send(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	f.Recall(t.Context(), a, id, first.Seq) //nolint:errcheck // seen by what follows
	f.Files.Fail(message.ErrFilesUnavailable)
	if again, err := f.Send(t.Context(), d); err != nil || again != first {
		t.Errorf("retry: %+v, %v", again, err)
	}
	d.Attach.File = ids.NewFile()
	if _, err := f.Send(t.Context(), d); !errors.Is(err, message.ErrReused) {
		t.Errorf("another file under the same id: %v", err)
	}
}

// mayRead holds who may read a file to what is wanted.
func mayRead(t *testing.T, f *Fixture, what string, file ids.FileID, want map[ids.UserID]bool) {
	t.Helper()
	for user, may := range want {
		got, err := f.CheckReadable(t.Context(), user, []ids.FileID{ids.NewFile(), file})
		if err != nil || slices.Contains(got, file) != may || len(got) > 1 {
			t.Errorf("%s: %v, %v, want %v", what, got, err, may)
		}
	}
}

func (s suite) fileReaders(t *testing.T) {
	f := Start(t, s.store, 1)
	id, list := s.group(t, 4)
	owner, stays, leaves, hides := list[0], list[1], list[2], list[3]
	late := ids.NewUser()
	first, file := f.Show(t, owner, id, message.Image, "one")
	all := map[ids.UserID]bool{owner: true, stays: true, leaves: true, hides: true, late: false}
	mayRead(t, f, "members", file, all)
	must(t)(f.LeaveGroup(t.Context(), leaves, id))
	must(t)(f.AddMembers(t.Context(), owner, id, []ids.UserID{late}))
	mayRead(t, f, "who left reads the past, who came later does not", file, all)
	_, second := f.Show(t, owner, id, message.File, "two")
	mayRead(t, f, "who left does not read what came later", second, map[ids.UserID]bool{owner: true, leaves: false, hides: true, late: true})
	if _, err := f.Hide(t.Context(), hides, id, first.Seq); err != nil {
		t.Fatal(err)
	}
	all[hides] = false
	mayRead(t, f, "who hid it", file, all)
	mayRead(t, f, "what was not hidden", second, map[ids.UserID]bool{hides: true})
	again := NewDraft(owner, id, "")
	again.Attach = message.Attachment{Kind: message.Image, File: file}
	if _, err := f.Send(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	mayRead(t, f, "shown once more", file, map[ids.UserID]bool{owner: true, stays: true, leaves: true, hides: true, late: true})
	if _, err := f.Recall(t.Context(), owner, id, first.Seq); err != nil {
		t.Fatal(err)
	}
	mayRead(t, f, "taken back once", file, map[ids.UserID]bool{owner: true, stays: true, leaves: false, hides: true, late: true})
	removal := message.Removal{Conversation: id, Seq: first.Seq + 4, Reason: "spam"}
	if m, err := f.Remove(t.Context(), message.Officer{ID: ids.NewUser(), Power: message.Power{Removes: true}}, removal); err != nil || m.Media != (message.Media{}) {
		t.Fatalf("removed %+v, %v", m, err)
	}
	mayRead(t, f, "removed", file, map[ids.UserID]bool{owner: false, stays: false, leaves: false, hides: false, late: false})
	mayRead(t, f, "the other one", second, map[ids.UserID]bool{owner: true, leaves: false})
}

func must(t *testing.T) func(message.View, error) {
	return func(_ message.View, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (s suite) forwardedFile(t *testing.T) {
	f := Start(t, s.store, 1)
	id, a, b := f.Open(t)
	c := ids.NewUser()
	other := f.OpenPair(t, b, c, 1)
	sent, file := f.Show(t, a, id, message.Voice, "voice.webm")
	answer := message.Transcript{State: message.TranscriptDone, Text: "明天十点开会", Attempt: 1}
	if err := f.SetTranscript(t.Context(), id, sent.Seq, answer); err != nil {
		t.Fatal(err)
	}
	d := NewDraft(c, other, "")
	d.Forward = message.Source{Conversation: id, Seq: sent.Seq}
	if _, err := f.Send(t.Context(), d); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("forward by who does not see it: %v", err)
	}
	mayRead(t, f, "before", file, map[ids.UserID]bool{a: true, b: true, c: false})
	d.Sender, d.ClientID = b, ids.NewClientMessage()
	forwarded, err := f.Send(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	got := s.read(t, other, forwarded.Seq, forwarded.Seq)[0]
	if got.Kind != message.Voice || got.Media.File != file || got.Media.Transcript.Text != answer.Text || got.Forward.Sender != a {
		t.Errorf("forwarded %+v", got)
	}
	mayRead(t, f, "after", file, map[ids.UserID]bool{a: true, b: true, c: true})
	last := f.Files.Cited()[len(f.Files.Cited())-1]
	if !last.Forwarded || last.By != b || last.For != message.ForVoice || last.ClientID != d.ClientID {
		t.Errorf("cited %+v", last)
	}
	if _, err := f.Recall(t.Context(), a, id, sent.Seq); err != nil {
		t.Fatal(err)
	}
	mayRead(t, f, "the first one taken back", file, map[ids.UserID]bool{a: false, b: true, c: true})
}

func (s suite) groupPicture(t *testing.T) {
	f := Start(t, s.store, 1)
	id, list := s.group(t, 3)
	picture := f.Files.Upload(list[0], message.ForAvatar, "face.png").ID
	view, err := f.SetGroupAvatar(t.Context(), list[0], id, picture)
	if err != nil || view.Conversation.Avatar != picture || view.Conversation.Seq != 2 || view.Conversation.MembersRev != 2 {
		t.Fatalf("%+v, %v", view.Conversation, err)
	}
	if what, err := view.Last.System(); err != nil || what.Kind != message.AvatarChanged || what.Actor != list[0] {
		t.Errorf("said %+v, %v", what, err)
	}
	must(t)(f.LeaveGroup(t.Context(), list[2], id))
	mayRead(t, f, "members", picture, map[ids.UserID]bool{list[0]: true, list[1]: true, list[2]: false, ids.NewUser(): false})
	if view, err := f.Conversation(t.Context(), list[2], id); err != nil || !view.Conversation.Avatar.IsZero() {
		t.Errorf("who left sees %s, %v", view.Conversation.Avatar, err)
	}
	again, err := f.SetGroupAvatar(t.Context(), list[0], id, picture)
	if err != nil || again.Conversation.Seq != 3 {
		t.Errorf("the same again: %+v, %v", again.Conversation, err)
	}
	must(t)(f.RenameGroup(t.Context(), list[0], id, "a name"))
	if c := s.conversation(t, id); c.Avatar != picture {
		t.Errorf("after another change: %s", c.Avatar)
	}
	must(t)(f.SetGroupAvatar(t.Context(), list[0], id, ids.FileID{}))
	mayRead(t, f, "nobody", picture, map[ids.UserID]bool{list[0]: false, list[1]: false})
}

func (s suite) citations(t *testing.T) {
	f := Start(t, s.store, 1)
	id, list := s.group(t, 3)
	d := f.Attached(list[0], id, message.File, "name")
	sent, err := f.Send(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	picture := f.Files.Upload(list[0], message.ForAvatar, "face.png").ID
	must(t)(f.SetGroupAvatar(t.Context(), list[0], id, picture))
	text := f.Say(t, list[0], id, "text")
	by := func(sender ids.UserID, client ids.ClientMessageID) message.Holder {
		return message.Holder{Sender: sender, ClientID: client}
	}
	asked := []message.FileShowing{
		{File: d.Attach.File, Holder: by(list[0], d.ClientID)},
		{File: picture, Holder: message.Holder{Group: id}},
		{File: d.Attach.File, Holder: by(list[1], d.ClientID)},
		{File: picture, Holder: by(list[0], d.ClientID)},
		{File: d.Attach.File, Holder: message.Holder{Group: id}},
		{File: d.Attach.File, Holder: by(list[0], ids.NewClientMessage())},
		{File: d.Attach.File, Holder: by(list[0], text.ClientID)},
		{File: picture, Holder: message.Holder{Group: ids.NewConversation()}},
		{File: d.Attach.File, Holder: by(list[0], d.ClientID)},
	}
	want := []bool{true, true, false, false, false, false, false, false, true}
	if got, err := f.CheckCitations(t.Context(), asked); err != nil || !slices.Equal(want, got) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if _, err := f.Recall(t.Context(), list[0], id, sent.Seq); err != nil {
		t.Fatal(err)
	}
	must(t)(f.SetGroupAvatar(t.Context(), list[0], id, ids.FileID{}))
	if got, err := f.CheckCitations(t.Context(), asked); err != nil || slices.Contains(got, true) {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

func (s suite) transcripts(t *testing.T) {
	f := Start(t, s.store, 1)
	id, a, b := f.Open(t)
	sent, _ := f.Show(t, a, id, message.Voice, "voice.webm")
	set := func(attempt int32, state message.TranscriptState, text string) {
		t.Helper()
		err := f.SetTranscript(t.Context(), id, sent.Seq, message.Transcript{
			State: state, Text: text, Language: "zh", Confidence: 0.91, Attempt: attempt,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, rev int64, state message.TranscriptState, text string) {
		t.Helper()
		m := s.read(t, id, sent.Seq, sent.Seq)[0]
		if m.Rev != rev || m.Media.Transcript.State != state || m.Media.Transcript.Text != text || s.conversation(t, id).Rev != rev {
			t.Errorf("%s: rev %d, %+v", what, m.Rev, m.Media.Transcript)
		}
	}
	set(2, message.TranscriptDone, "of a request that nobody made")
	expect("at first", 0, message.TranscriptPending, "")
	set(1, message.TranscriptFailed, "no text")
	expect("failed", 1, message.TranscriptFailed, "")
	set(1, message.TranscriptDone, "too late")
	expect("the first answer stays", 1, message.TranscriptFailed, "")
	f.Clock.Add(time.Minute)
	if m, err := f.Transcribe(t.Context(), b, id, sent.Seq); err != nil || m.Rev != 2 || m.Media.Transcript.State != message.TranscriptPending {
		t.Errorf("asked again: %+v, %v", m, err)
	}
	if m, err := f.Transcribe(t.Context(), b, id, sent.Seq); err != nil || m.Rev != 2 {
		t.Errorf("asked while it is made: %+v, %v", m, err)
	}
	set(1, message.TranscriptDone, "of the first request")
	expect("an old answer", 2, message.TranscriptPending, "")
	set(2, message.TranscriptDone, "明天十点开会")
	set(2, message.TranscriptDone, "twice")
	expect("done", 3, message.TranscriptDone, "明天十点开会")
	got := s.changed(t, id, 0, 10)
	if len(got) != 1 || got[0].Rev != 3 || got[0].Media.Transcript.Confidence != 0.91 || got[0].Media.Transcript.Language != "zh" {
		t.Errorf("changes %+v", got)
	}
	if _, err := f.Recall(t.Context(), a, id, sent.Seq); err != nil {
		t.Fatal(err)
	}
	err := f.SetTranscript(t.Context(), id, sent.Seq, message.Transcript{State: message.TranscriptDone, Attempt: 2})
	if !errors.Is(err, message.ErrNotFound) {
		t.Errorf("the text of what was taken back: %v", err)
	}
}
