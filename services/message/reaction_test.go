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

func TestWhatIsAnEmoji(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "x")
	for _, emoji := range []string{"\U0001F44D", "\U0001F44D\U0001F3FD", "\u2764\ufe0f", "1\ufe0f\u20e3", "\U0001F1E8\U0001F1F3", "\u00a9", "\U0001F469\u200d\U0001F4BB", "\u203c\ufe0f", "\u2194\ufe0f", "\u3030\ufe0f"} {
		if _, err := f.React(t.Context(), message.Given{User: b, Conversation: id, Seq: 1, Emoji: emoji}); err != nil {
			t.Errorf("%q: %v", emoji, err)
		}
	}
	for _, text := range []string{
		"", "a", "1", "家", "\U0001F44D!a", " \U0001F44D", "\U0001F44D\n", "\x00", "\xff", strings.Repeat("\U0001F44D", 17),
		"\ufe0f", "\u2060", "\u2066", "\ufeff", "\U000E0061", "\U0001F44D\u202e", "\u2066\U0001F44D",
	} {
		if _, err := f.React(t.Context(), message.Given{User: b, Conversation: id, Seq: 1, Emoji: text}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAReactionIsAChangeAndNotUnread(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	a, b, c := ids.NewUser(), ids.NewUser(), ids.NewUser()
	id, other := f.OpenPair(t, a, b, 1), f.OpenPair(t, a, c, 1)
	f.Say(t, c, other, "elsewhere")
	d := messagetest.NewDraft(a, id, "")
	d.Forward = message.Source{Conversation: other, Seq: 1}
	if _, err := f.Send(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	m, err := f.React(t.Context(), message.Given{User: b, Conversation: id, Seq: 1, Emoji: "\U0001F44D"})
	if err != nil || m.Rev != 1 || m.Forward != (message.Forward{Hidden: true}) {
		t.Errorf("answer: %+v, %v", m, err)
	}
	events := f.Publisher.Events()
	if last := events[len(events)-1]; last.Kind != message.MessageReacted || last.Message.Reactions != m.Reactions || len(last.Recipients) != 2 {
		t.Errorf("announced %+v", last)
	}
	page, err := f.ListMessages(t.Context(), message.HistoryQuery{User: a, Conversation: id})
	if err != nil || page.Head.Unread != 0 || page.Head.Rev != 1 || page.Items[0].Reactions != m.Reactions {
		t.Errorf("history %+v, %v", page, err)
	}
	if err := f.CloseDirect(t.Context(), messagetest.NewPair(t, a, b), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := f.React(t.Context(), message.Given{User: a, Conversation: id, Seq: 1, Emoji: "\U0001F44D"}); !errors.Is(err, message.ErrReadOnly) {
		t.Errorf("in a closed conversation: %v", err)
	}
	if again, err := f.React(t.Context(), message.Given{User: b, Conversation: id, Seq: 1, Emoji: "\U0001F44D"}); err != nil || again.Rev != 1 {
		t.Errorf("the same again: %+v, %v", again, err)
	}
}
