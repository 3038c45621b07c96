// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"testing"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

const search = "parley.message.v1.MessageService/Search"

// hits waits until a person finds so many messages, and answers their texts with marks around what matched.
func hits(t *testing.T, p *people.Person, query string, want int) []string {
	t.Helper()
	var found messagev1.SearchResponse
	until(t, fmt.Sprint(want), func() people.Answer {
		answer := p.Try(t, search, &messagev1.SearchRequest{Query: query})
		if answer.Status != http.StatusOK {
			return answer // the index is still being made
		}
		p.Do(t, search, &messagev1.SearchRequest{Query: query}, &found)
		return people.Answer{Status: len(found.GetHits())}
	})
	var texts []string
	for _, hit := range found.GetHits() {
		runes, at := []rune(fieldOf(hit)), int32(0)
		var b strings.Builder
		for _, span := range hit.GetSpans() {
			b.WriteString(string(runes[at:span.GetStart()]) + "[" + string(runes[span.GetStart():span.GetEnd()]) + "]")
			at = span.GetEnd()
		}
		texts = append(texts, b.String()+string(runes[at:]))
	}
	return texts
}

// fieldOf is the text in which a hit lies.
func fieldOf(hit *messagev1.SearchHit) string {
	m := hit.GetMessage()
	switch hit.GetField() {
	case messagev1.SearchField_SEARCH_FIELD_NAME:
		return cmp.Or(m.GetFile().GetFile().GetName(), m.GetImage().GetFile().GetName())
	case messagev1.SearchField_SEARCH_FIELD_ALT:
		return m.GetImage().GetAlt()
	case messagev1.SearchField_SEARCH_FIELD_TRANSCRIPT:
		return m.GetVoice().GetTranscript().GetText()
	case messagev1.SearchField_SEARCH_FIELD_UNSPECIFIED: // the text
	}
	return m.GetText().GetBody()
}

// What was said is found by a word from the middle, follows edits and recalls, and is found by members only.
func TestF37_MessagesAreFoundThroughTheGateway(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{Gateways: 1}).Public(0)
	a, b, stranger := people.Register(t, base, "anna"), people.Register(t, base, "bo"), people.Register(t, base, "cyd")
	id := people.Befriend(t, a, b)
	for _, text := range []string{"明天十点在上海开会", "the Shanghai office"} {
		a.Do(t, send, people.Text(id, text), &messagev1.SendResponse{})
	}
	if got := hits(t, b, "上海", 1); got[0] != "明天十点在[上海]开会" {
		t.Errorf("found %v", got)
	}
	if got := hits(t, a, "shang", 1); got[0] != "the [Shang]hai office" {
		t.Errorf("found %v", got)
	}
	hits(t, stranger, "上海", 0)
	edit := &messagev1.EditRequest{ConversationId: id, Seq: 1, Text: &messagev1.Text{Body: "明天在北京开会"}}
	a.Do(t, "parley.message.v1.MessageService/Edit", edit, &messagev1.EditResponse{})
	hits(t, b, "上海", 0)
	hits(t, b, "北京", 1)
	a.Do(t, "parley.message.v1.MessageService/Recall", &messagev1.RecallRequest{ConversationId: id, Seq: 1}, &messagev1.RecallResponse{})
	hits(t, b, "北京", 0)
	hits(t, b, "开会", 0)
}
