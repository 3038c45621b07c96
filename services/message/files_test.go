// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestF19_AMessageCitesOnlyWhatItsSenderHas(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	for name, row := range map[string]struct {
		kind message.BodyKind
		file ids.FileID
		want error
	}{
		"a file of one's own": {message.File, f.Files.Upload(a, message.ForFile, "x").ID, nil},
		"a file of the other": {message.File, f.Files.Upload(b, message.ForFile, "x").ID, message.ErrFileNotReady},
		"for another purpose": {message.Image, f.Files.Upload(a, message.ForFile, "x").ID, message.ErrFileNotReady},
		"one that is not":     {message.File, ids.NewFile(), message.ErrFileNotReady},
		"no id":               {message.File, ids.FileID{}, fault.ErrInvalid},
		"no kind of file":     {message.SystemBody, ids.NewFile(), fault.ErrInvalid},
	} {
		d := messagetest.NewDraft(a, id, "")
		d.Attach = message.Attachment{Kind: row.kind, File: row.file}
		if _, err := f.Send(t.Context(), d); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	stranger := f.Attached(ids.NewUser(), id, message.File, "x")
	if _, err := f.Send(t.Context(), stranger); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
}

func TestWhatComesWithAFileHasBounds(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, _ := f.Open(t)
	for name, row := range map[string]struct {
		kind   message.BodyKind
		change func(d *message.Draft)
		field  string
	}{
		"a long alt":       {message.Image, func(d *message.Draft) { d.Attach.Alt = strings.Repeat("界", 501) }, "content.image.alt"},
		"broken alt":       {message.Image, func(d *message.Draft) { d.Attach.Alt = "\xff" }, "content.image.alt"},
		"no length":        {message.Voice, func(d *message.Draft) { d.Attach.Duration = 0 }, "content.voice.duration_ms"},
		"longer than 5 m":  {message.Voice, func(d *message.Draft) { d.Attach.Duration = 300_001 }, "content.voice.duration_ms"},
		"a large waveform": {message.Voice, func(d *message.Draft) { d.Attach.Waveform = strings.Repeat("x", 129) }, "content.voice.waveform"},
		"with a text":      {message.File, func(d *message.Draft) { d.Text = "x" }, "content"},
		"with a forward": {message.File, func(d *message.Draft) {
			d.Forward = message.Source{Conversation: id, Seq: 1}
		}, "content"},
	} {
		d := f.Attached(a, id, row.kind, "x")
		row.change(&d)
		_, err := f.Send(t.Context(), d)
		if known, ok := fault.Of(err); !ok || known.Metadata()["field"] != row.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(f.Files.Cited()) > 0 {
		t.Error("what cannot be sent is cited")
	}
}

func TestTheBytesOfAVoiceMessageTellItsLength(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, _ := f.Open(t)
	d := f.Attached(a, id, message.Voice, "x")
	f.Files.Measure(d.Attach.File, 1234)
	if _, err := f.Send(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if got := f.Publisher.Events()[1].Message.Media.Duration; got != 1234 {
		t.Errorf("%d ms", got)
	}
}

func TestF55_TextsGoOnWithoutFiles(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	f.Files.Fail(fault.ErrUnavailable)
	batch := []message.Draft{
		messagetest.NewDraft(a, id, "before"), f.Attached(a, id, message.Image, "x"), messagetest.NewDraft(b, id, "after"),
	}
	results := f.SendBatch(t.Context(), batch)
	if results[0].Err != nil || results[2].Err != nil || results[2].Sent.Seq != 2 || !errors.Is(results[1].Err, message.ErrFilesUnavailable) {
		t.Fatalf("%+v", results)
	}
	asked := len(f.Files.Cited())
	f.Files.Fail(nil)
	if _, err := f.Send(t.Context(), batch[1]); !errors.Is(err, message.ErrFilesUnavailable) || len(f.Files.Cited()) != asked {
		t.Errorf("right after: %v, asked %d times more", err, len(f.Files.Cited())-asked)
	}
	f.Clock.Add(2 * time.Second)
	if sent, err := f.Send(t.Context(), batch[1]); err != nil || sent.Seq != 3 {
		t.Errorf("afterwards: %+v, %v", sent, err)
	}
}

// A file service that hangs holds up what comes after a file in its conversation, and for a second only.
func TestTextsOfOthersDoNotWaitForFiles(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, _ := f.Open(t)
	other, c, _ := f.Open(t)
	f.Files.Hang()
	batch := []message.Draft{
		f.Attached(a, id, message.Image, "x"), messagetest.NewDraft(a, id, "behind it"), messagetest.NewDraft(c, other, "of others"),
	}
	results := f.SendBatch(t.Context(), batch)
	if !errors.Is(results[0].Err, message.ErrFilesUnavailable) || results[1].Err != nil || results[2].Err != nil {
		t.Fatalf("%+v", results)
	}
	order := []string{}
	for _, e := range f.Publisher.Events() {
		if e.Kind == message.MessageCreated {
			order = append(order, e.Message.Text)
		}
	}
	if strings.Join(order, ", ") != "of others, behind it" {
		t.Errorf("stored %v", order)
	}
}

func TestWithoutAFileServiceKindsAreRefused(t *testing.T) {
	t.Parallel()
	s := message.New(message.Options{Store: messagetest.NewStore(), Now: messagetest.NewClock().Now})
	if _, err := s.SetGroupAvatar(t.Context(), ids.NewUser(), ids.NewConversation(), ids.NewFile()); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("a group that is not: %v", err)
	}
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, list := newGroup(t, f, 3)
	f.Files.Fail(fault.ErrUnavailable)
	if _, err := f.SetGroupAvatar(t.Context(), list[0], id, ids.NewFile()); !errors.Is(err, message.ErrFilesUnavailable) {
		t.Errorf("files are away: %v", err)
	}
}

func TestWhoMayGiveAGroupItsPicture(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, list := newGroup(t, f, 3)
	direct, a, _ := f.Open(t)
	face := f.Files.Upload(list[0], message.ForAvatar, "face").ID
	for name, row := range map[string]struct {
		actor ids.UserID
		group ids.ConversationID
		file  ids.FileID
		want  error
	}{
		"a member":              {list[1], id, f.Files.Upload(list[1], message.ForAvatar, "face").ID, message.ErrForbidden},
		"a stranger":            {ids.NewUser(), id, face, message.ErrNotFound},
		"of two people":         {a, direct, f.Files.Upload(a, message.ForAvatar, "face").ID, message.ErrNotGroup},
		"a picture of a member": {list[0], id, f.Files.Upload(list[1], message.ForAvatar, "face").ID, message.ErrFileNotReady},
		"a picture for a chat":  {list[0], id, f.Files.Upload(list[0], message.ForImage, "x").ID, message.ErrFileNotReady},
		"the owner":             {list[0], id, face, nil},
	} {
		if _, err := f.SetGroupAvatar(t.Context(), row.actor, row.group, row.file); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
}

func TestWhatMayBeDoneToAFileMessage(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	sent, _ := f.Show(t, a, id, message.File, "报告.pdf")
	if _, err := f.Edit(t.Context(), a, id, sent.Seq, "text"); !errors.Is(err, message.ErrForbidden) {
		t.Errorf("edit: %v", err)
	}
	given := message.Given{User: b, Conversation: id, Seq: sent.Seq, Emoji: "👍"}
	if m, err := f.React(t.Context(), given); err != nil || len(m.Reactions.List()) != 1 || m.Media.Name != "报告.pdf" {
		t.Errorf("reaction: %+v, %v", m, err)
	}
	answer := messagetest.NewDraft(b, id, "thanks")
	answer.ReplyTo = sent.Seq
	if _, err := f.Send(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	quoted := func() message.Reply {
		page, err := f.ListMessages(t.Context(), message.HistoryQuery{User: b, Conversation: id})
		if err != nil {
			t.Fatal(err)
		}
		return page.Items[1].ReplyTo
	}
	if got := quoted(); got.Kind != message.File || got.Preview != "报告.pdf" {
		t.Errorf("quoted %+v", got)
	}
	m, err := f.Recall(t.Context(), a, id, sent.Seq)
	if err != nil || m.Kind != message.RecalledBody || m.Media != (message.Media{}) {
		t.Errorf("recalled %+v, %v", m, err)
	}
	if got := quoted(); got.Kind != 0 || got.Preview != "" || !got.Recalled {
		t.Errorf("quoted %+v", got)
	}
}

func TestAVoiceMessageAsksForItsText(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, _ := f.Open(t)
	sent, file := f.Show(t, a, id, message.Voice, "x")
	f.Show(t, a, id, message.File, "x")
	var asked []message.Event
	for _, e := range f.Publisher.Events() {
		if e.Kind == message.SpeechRequested {
			asked = append(asked, e)
		}
	}
	if len(asked) != 1 || asked[0].Message.Seq != sent.Seq || asked[0].Message.Media.File != file || len(asked[0].Recipients) > 0 || asked[0].MembersRev > 0 {
		t.Fatalf("asked %+v", asked)
	}
	if asked[0].Message.Media.Transcript.State != message.TranscriptPending {
		t.Errorf("message %+v", asked[0].Message)
	}
}

func TestWithoutSpeechNothingIsAsked(t *testing.T) {
	t.Parallel()
	f := messagetest.StartWith(t, messagetest.NewStore(), message.Options{Lanes: 1})
	id, a, _ := f.Open(t)
	sent, _ := f.Show(t, a, id, message.Voice, "x")
	for _, e := range f.Publisher.Events() {
		if e.Kind == message.SpeechRequested || e.Message.Media.Transcript.State != message.NoTranscript {
			t.Errorf("event %+v", e)
		}
	}
	if _, err := f.Transcribe(t.Context(), a, id, sent.Seq); !errors.Is(err, message.ErrSpeechUnavailable) {
		t.Errorf("asked: %v", err)
	}
}

func TestATextThatNeverCameIsAskedForAgainAfterAnHour(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, _ := f.Open(t)
	sent, _ := f.Show(t, a, id, message.Voice, "x")
	f.Clock.Add(59 * time.Minute)
	if m, err := f.Transcribe(t.Context(), a, id, sent.Seq); err != nil || m.Rev != 0 {
		t.Errorf("too early: %+v, %v", m, err)
	}
	f.Clock.Add(time.Minute)
	if m, err := f.Transcribe(t.Context(), a, id, sent.Seq); err != nil || m.Media.Transcript.Attempt != 2 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestWhatATranscriptMayHold(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, _ := f.Open(t)
	sent, _ := f.Show(t, a, id, message.Voice, "x")
	for name, given := range map[string]message.Transcript{
		"no state": {}, "not final": {State: message.TranscriptPending}, "an unknown state": {State: 9},
		"broken text": {State: message.TranscriptDone, Text: "\xff"},
	} {
		given.Attempt = 1
		if err := f.SetTranscript(t.Context(), id, sent.Seq, given); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := f.SetTranscript(t.Context(), id, sent.Seq, message.Transcript{
		State: message.TranscriptDone, Attempt: 1, Text: strings.Repeat("界", 9000), Language: strings.Repeat("x", 99), Confidence: 7,
	})
	events := f.Publisher.Events()
	got := events[len(events)-1]
	if err != nil || got.Kind != message.MessageTranscribed || got.Message.Media.Transcript.Text != strings.Repeat("界", 8000) ||
		got.Message.Media.Transcript.Language != "" || got.Message.Media.Transcript.Confidence != 0 {
		t.Errorf("%v, %+v", err, got)
	}
	text := f.Say(t, a, id, "text")
	if err := f.SetTranscript(t.Context(), id, text.Seq, message.Transcript{State: message.TranscriptFailed, Attempt: 1}); !errors.Is(err, message.ErrForbidden) {
		t.Errorf("the transcript of a text: %v", err)
	}
}

func TestSearchFindsNamesAltAndTranscripts(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	f.Show(t, a, id, message.File, "\u1110\u1166\u1109\u1173\u1110\u1173_\u1106\u1162\u11a8.txt") // 테스트_맥.txt, decomposed
	f.Clock.Add(time.Second)
	f.Show(t, a, id, message.File, "report_final-v2.pdf")
	f.Clock.Add(time.Second)
	picture := f.Attached(a, id, message.Image, "IMG_0815.png")
	picture.Attach.Alt = "上海 skyline"
	if _, err := f.Send(t.Context(), picture); err != nil {
		t.Fatal(err)
	}
	f.Clock.Add(time.Second)
	voice, _ := f.Show(t, a, id, message.Voice, "voice.webm")
	f.Clock.Add(time.Second)
	f.Say(t, a, id, "final words, see https://example.com/final")
	f.Clock.Add(time.Second)
	f.Say(t, a, id, "final")
	if err := f.SetTranscript(t.Context(), id, voice.Seq, message.Transcript{State: message.TranscriptDone, Text: "明天十点开会", Attempt: 1}); err != nil {
		t.Fatal(err)
	}
	type found struct {
		seq   int64
		field message.SearchField
	}
	for name, row := range map[string]struct {
		q    message.SearchQuery
		want []found
	}{
		"S19 Hangul, decomposed in the name": {message.SearchQuery{Text: "테스트"}, []found{{1, message.FieldName}}},
		"S19 a word of a name":               {message.SearchQuery{Text: "final", Kinds: []message.BodyKind{message.File}}, []found{{2, message.FieldName}}},
		"a name of a picture":                {message.SearchQuery{Text: "img_0815"}, []found{{3, message.FieldName}}},
		"what a picture shows":               {message.SearchQuery{Text: "上海"}, []found{{3, message.FieldAlt}}},
		"S28 what was said":                  {message.SearchQuery{Text: "十点"}, []found{{4, message.FieldTranscript}}},
		"no words over two texts":            {message.SearchQuery{Text: "上海 img_0815"}, nil},
		"the name of a voice message":        {message.SearchQuery{Text: "voice"}, nil},
		"all kinds":                          {message.SearchQuery{Text: "final"}, []found{{6, 0}, {5, 0}, {2, message.FieldName}}},
		"texts":                              {message.SearchQuery{Text: "final", Kinds: []message.BodyKind{message.Text, message.Voice}}, []found{{6, 0}, {5, 0}}},
		"links":                              {message.SearchQuery{Text: "final", Links: true}, []found{{5, 0}}},
		"links among texts":                  {message.SearchQuery{Text: "final", Links: true, Kinds: []message.BodyKind{message.Text}}, []found{{5, 0}}},
		"links among files":                  {message.SearchQuery{Text: "final", Links: true, Kinds: []message.BodyKind{message.File}}, nil},
		"a kind that has none":               {message.SearchQuery{Text: "final", Kinds: []message.BodyKind{message.Image}}, nil},
	} {
		row.q.User = b
		page, err := f.Search(t.Context(), row.q)
		var got []found
		for _, h := range page.Hits {
			if got = append(got, found{h.Seq, h.Field}); len(h.Spans) == 0 {
				t.Errorf("%s: a hit without its place", name)
			}
		}
		if len(got) != len(row.want) || err != nil {
			t.Errorf("%s: %v, %v, want %v", name, got, err, row.want)
			continue
		}
		for i := range got {
			if got[i] != row.want[i] {
				t.Errorf("%s: %v, want %v", name, got, row.want)
			}
		}
	}
	if _, err := f.Recall(t.Context(), a, id, voice.Seq); err != nil {
		t.Fatal(err)
	}
	if page, err := f.Search(t.Context(), message.SearchQuery{User: b, Text: "十点"}); err != nil || len(page.Hits) > 0 {
		t.Errorf("what was taken back is found: %+v, %v", page, err)
	}
}
