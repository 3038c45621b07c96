// SPDX-License-Identifier: Apache-2.0

package message

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// Kinds of documents in the index.
const (
	kindText  = "TEXT"
	kindLink  = "LINK" // a text with a link in it
	kindImage = "IMAGE"
	kindFile  = "FILE"
	kindVoice = "VOICE"
)

// kinds of documents that a search wants, none for all; some is false if there can be no such message.
func (q SearchQuery) kinds() (kinds []string, some bool) {
	switch {
	case q.Links:
		return []string{kindLink}, len(q.Kinds) == 0 || slices.Contains(q.Kinds, Text)
	case slices.Contains(q.Kinds, Text):
		kinds = append(kinds, kindLink)
	}
	for _, kind := range q.Kinds {
		kinds = append(kinds, Message{Kind: kind}.documentKind())
	}
	return kinds, true
}

func (m Message) documentKind() string {
	switch m.Kind {
	case Image:
		return kindImage
	case File:
		return kindFile
	case Voice:
		return kindVoice
	case Text, SystemBody, RecalledBody:
	}
	if hasLink(m.Text) {
		return kindLink
	}
	return kindText
}

// SearchField is which text of a message matches.
type SearchField int32

// The texts of a message that are searched.
const (
	FieldText       SearchField = 0
	FieldName       SearchField = 1 // of the file
	FieldAlt        SearchField = 2 // what a picture shows
	FieldTranscript SearchField = 3 // what was understood of a voice message
)

// fieldText is one text of a message.
type fieldText struct {
	field SearchField
	text  string
}

// searched lists the texts of a message, the one that says most first. Names of voice messages are made by
// programs.
func (m Message) searched() []fieldText {
	switch m.Kind {
	case Image:
		return []fieldText{{FieldAlt, m.Media.Alt}, {FieldName, m.Media.Name}}
	case File:
		return []fieldText{{FieldName, m.Media.Name}}
	case Voice:
		return []fieldText{{FieldTranscript, m.Media.Transcript.Text}}
	case Text:
		return []fieldText{{FieldText, searchable(m.Text)}}
	case SystemBody, RecalledBody:
	}
	return nil
}

// match finds the first text that matches as a whole.
func (m Message) match(query textmatch.Query) (SearchHit, bool) {
	for _, one := range m.searched() {
		if spans, ok := query.Match(one.text); ok {
			return SearchHit{Message: m, Field: one.field, Spans: spans}, true
		}
	}
	return SearchHit{}, false
}

func hasLink(text string) bool {
	return strings.Contains(text, "http://") || strings.Contains(text, "https://")
}

// searchable is a text with blanks where ids of mentioned people stand: nobody types these, and what comes
// after keeps its place.
func searchable(text string) string {
	if !strings.Contains(text, mentionStart) {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, mentionStart)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after := mentioned(rest)
		if _, err := ids.ParseUser("", name); name == "" || err != nil && name != mentionAll {
			b.WriteString(mentionStart)
			text = rest
			continue
		}
		b.WriteString(strings.Repeat(" ", len(mentionStart)+utf8.RuneCountInString(name)+len(mentionEnd)))
		text = after
	}
}

// Document is the message as an index keeps it. What the server said, and what was taken back, is gone there.
func (m Message) Document() searchindex.Document {
	d := searchindex.Document{
		ID: PlaceID(m.Conversation, m.Seq), Version: m.Rev, Group: m.Conversation.String(), At: time.UnixMilli(m.SentAt),
	}
	if !m.Kind.said() {
		d.Gone = true
		return d
	}
	d.Author, d.Kind = m.Sender.String(), m.documentKind()
	for _, one := range m.searched() {
		d.Grams = append(d.Grams, textmatch.Grams(one.text)...)
	}
	slices.Sort(d.Grams)
	d.Grams = slices.Compact(d.Grams)
	for _, user := range m.Mentions.Users.List() {
		d.Refs = append(d.Refs, user.String())
	}
	slices.Sort(d.Refs)
	return d
}

// PlaceID names a message in an index: its conversation and seq. Later ones of a conversation are higher.
func PlaceID(id ids.ConversationID, seq int64) string { return fmt.Sprintf("%s:%019d", id, seq) }

// ParsePlace reads what PlaceID wrote; ok is false for anything else.
func ParsePlace(text string) (p Place, ok bool) {
	name, number, _ := strings.Cut(text, ":")
	id, err := ids.ParseConversation("", name)
	seq, bad := strconv.ParseInt(number, 10, 64)
	return Place{Conversation: id, Seq: seq}, err == nil && bad == nil
}
