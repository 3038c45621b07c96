// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const emoji, han = "\U0001F600", "字"
	rows := []struct{ name, text, rule string }{
		{"an empty text is refused", "", "min_len"},
		{"a space is a text", " ", ""},
		{"U+0000 is kept", "\x00", ""},
		{"a bidi override is kept", "\u202e", ""},
		{"8,000 letters are allowed", strings.Repeat("x", 8000), ""},
		{"8,001 letters are refused", strings.Repeat("x", 8001), "max_len"},
		{"8,000 characters of three bytes are allowed", strings.Repeat(han, 8000), ""},
		{"8,000 characters of four bytes are allowed", strings.Repeat(emoji, 8000), ""},
		{"8,001 characters of four bytes are refused", strings.Repeat(emoji, 8001), "max_len"},
		{"combining characters count one by one", strings.Repeat("e\u0301", 4000), ""},
		{"half a combination too many is refused", strings.Repeat("e\u0301", 4000) + "e", "max_len"},
		{"more than 32 KiB are refused", strings.Repeat(emoji, 8192) + "x", "max_bytes"},
		{"a lone surrogate is refused", "\xed\xa0\x80", "utf8"},
		{"an overlong form is refused", "\xc0\xaf", "utf8"},
		{"a cut character is refused", emoji[:3], "utf8"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := messagetest.NewDraft(ids.NewUser(), ids.NewConversation(), row.text).Check()
			checkRule(t, err, "content.text.body", row.rule)
		})
	}
}

func checkRule(t *testing.T, err error, field, rule string) {
	t.Helper()
	if rule == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	known, _ := fault.Of(err)
	if !errors.Is(err, fault.ErrInvalid) || known.Metadata()["field"] != field || known.Metadata()["rule"] != rule {
		t.Errorf("got %v, want rule %s of %s", err, rule, field)
	}
}

func TestCheckWantsEveryID(t *testing.T) {
	t.Parallel()
	rows := map[string]func(d *message.Draft){
		"sender_id":         func(d *message.Draft) { d.Sender = ids.UserID{} },
		"conversation_id":   func(d *message.Draft) { d.Conversation = ids.ConversationID{} },
		"client_message_id": func(d *message.Draft) { d.ClientID = ids.ClientMessageID{} },
	}
	for field, change := range rows {
		d := messagetest.NewDraft(ids.NewUser(), ids.NewConversation(), "x")
		change(&d)
		checkRule(t, d.Check(), field, "uuid")
	}
}

func TestHashIsThePayload(t *testing.T) {
	t.Parallel()
	d := messagetest.NewDraft(ids.NewUser(), ids.NewConversation(), "hello")
	retry, text, place := d, d, d
	retry.Sender, retry.ClientID = ids.NewUser(), ids.NewClientMessage()
	text.Text = "hello "
	place.Conversation = ids.NewConversation()
	if d.Hash() != retry.Hash() {
		t.Error("the hash depends on more than the payload")
	}
	if d.Hash() == text.Hash() || d.Hash() == place.Hash() {
		t.Error("two payloads have one hash")
	}
}

func TestNewPair(t *testing.T) {
	t.Parallel()
	a, b := ids.NewUser(), ids.NewUser()
	if messagetest.NewPair(t, a, b) != messagetest.NewPair(t, b, a) {
		t.Error("the order of the users matters")
	}
	if key := messagetest.NewPair(t, a, b).Key(); len(key) != 32 {
		t.Errorf("key of %d bytes", len(key))
	}
	for name, pair := range map[string][2]ids.UserID{"one user twice": {a, a}, "nobody": {a, {}}, "nobody first": {{}, a}} {
		if _, err := message.NewPair(pair[0], pair[1]); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
