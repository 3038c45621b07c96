// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// said waits until the text of the first message of a conversation is final.
func said(t *testing.T, p *people.Person, conversation string) *messagev1.Transcript {
	t.Helper()
	var history messagev1.ListMessagesResponse
	until(t, "DONE ", func() people.Answer {
		p.Do(t, "parley.message.v1.MessageService/ListMessages", &messagev1.ListMessagesRequest{ConversationId: conversation, Limit: 10}, &history)
		state := history.GetItems()[0].GetVoice().GetTranscript().GetState()
		return people.Answer{Code: messagev1.TranscriptState_name[int32(state)][len("TRANSCRIPT_STATE_"):]}
	})
	return history.GetItems()[0].GetVoice().GetTranscript()
}

// A voice message gets its text without anybody asking, and is found by it.
func TestF21_AVoiceMessageIsFoundByWhatWasSaid(t *testing.T) {
	t.Parallel()
	settings, _ := listener(t, "see you at ten in Shanghai")
	sys := devtest.Start(t, devtest.Options{Speech: settings})
	anna, bob := people.Register(t, sys.Public(0), "anna"), people.Register(t, sys.Public(0), "bob")
	conversation := people.Befriend(t, anna, bob)
	file := anna.Upload(t, filev1.Purpose_PURPOSE_VOICE, "voice.wav", wave(3))
	message := people.Text(conversation, "")
	message.Content = &messagev1.Content{Kind: &messagev1.Content_Voice{Voice: &messagev1.VoiceContent{FileId: file.GetFileId(), DurationMs: 3000}}}
	anna.Do(t, send, message, &messagev1.SendResponse{})
	if got := said(t, bob, conversation); got.GetText() != "see you at ten in Shanghai" || got.GetLanguage() != "en" || got.GetConfidence() != 0.75 {
		t.Errorf("bob reads %v", got)
	}
	var found messagev1.SearchResponse
	until(t, "1", func() people.Answer {
		bob.Do(t, search, &messagev1.SearchRequest{Query: "shanghai"}, &found)
		return people.Answer{Status: len(found.GetHits())}
	})
	if hit := found.GetHits()[0]; hit.GetField() != messagev1.SearchField_SEARCH_FIELD_TRANSCRIPT || len(hit.GetSpans()) != 1 {
		t.Errorf("hit %v", hit)
	}
}
