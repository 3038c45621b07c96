// SPDX-License-Identifier: Apache-2.0

package upstream_test

import (
	"slices"
	"testing"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

// say sends a text, or a file if the body is "file".
func (w *world) say(by ids.UserID, conversation ids.ConversationID, body string) <-chan outcome {
	result := make(chan outcome, 1)
	request := &messagev1.SendRequest{
		ConversationId: conversation.String(), ClientMessageId: ids.NewClientMessage().String(),
		Content: &messagev1.Content{Kind: &messagev1.Content_Text{Text: &messagev1.Text{Body: body}}},
	}
	if body == "file" {
		request.Content.Kind = &messagev1.Content_File{File: &messagev1.FileContent{FileId: ids.NewFile().String()}}
	}
	w.messages.Send(gateway.Outgoing{Sender: by, Conversation: conversation, Size: 100, Request: request}, func(s gateway.Sent, err error) { result <- outcome{s, err} })
	return result
}

// sameLane makes a conversation that shares its lane with another.
func sameLane(as ids.ConversationID) ids.ConversationID {
	other := ids.NewConversation()
	other[len(other)-1] = as[len(as)-1]
	return other
}

// While files are waited for, texts go on: in other conversations and of other people. What comes behind a file of the
// same sender stays behind it.
func TestF55_TextsPassFilesThatHang(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.service.files = make(chan struct{})
	conversation, ann, bob := ids.NewConversation(), ids.NewUser(), ids.NewUser()
	before := w.say(ann, conversation, "ok")
	file := w.say(ann, conversation, "file")
	behind := []<-chan outcome{w.say(ann, conversation, "ok"), w.say(ann, conversation, "ok")}
	for range 3 {
		for name, sent := range map[string]<-chan outcome{
			"by another": w.say(bob, conversation, "ok"), "elsewhere": w.say(ann, sameLane(conversation), "ok"), "elsewhere by another": w.say(bob, sameLane(conversation), "ok"),
		} {
			if got := <-sent; got.err != nil {
				t.Errorf("a text %s: %v", name, got.err)
			}
		}
	}
	if got := <-before; got.err != nil {
		t.Errorf("the text before: %v", got.err)
	}
	for _, sent := range append(behind, file) {
		if len(sent) > 0 {
			t.Error("what hangs is answered")
		}
	}
	close(w.service.files)
	for _, sent := range append(behind, file) {
		if got := <-sent; got.err != nil {
			t.Error(got.err)
		}
	}
	w.service.mu.Lock()
	stored := slices.Clone(w.service.stored)
	w.service.mu.Unlock()
	if len(stored) != 13 || !slices.Equal(stored[10:], []string{"file", "ok", "ok"}) {
		t.Errorf("stored %v", stored)
	}
	// Then all is as it was: nothing is held any more.
	w.service.mu.Lock()
	w.service.sends = nil
	w.service.mu.Unlock()
	if got := <-w.say(ann, conversation, "ok"); got.err != nil {
		t.Error(got.err)
	}
}
