// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"testing"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestAForwardNamesItsSourceOnlyToWhoMaySeeIt(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	a, b, c := ids.NewUser(), ids.NewUser(), ids.NewUser()
	from, to := f.OpenPair(t, a, b, 1), f.OpenPair(t, a, c, 1)
	said := f.Say(t, b, from, "<@"+a.String()+"> original")
	d := messagetest.NewDraft(a, to, "")
	d.Forward = message.Source{Conversation: from, Seq: 1}
	sent, err := f.Send(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := f.Send(t.Context(), d); err != nil || again != sent {
		t.Errorf("a retry: %+v, %v", again, err)
	}
	known := message.Forward{Source: d.Forward, Sender: b, SentAt: said.SentAt}
	for user, want := range map[ids.UserID]message.Forward{a: known, c: {Hidden: true}} {
		page, err := f.ListMessages(t.Context(), message.HistoryQuery{User: user, Conversation: to})
		if err != nil || len(page.Items) != 1 || page.Items[0].Forward != want || page.Items[0].Text != "<@"+a.String()+"> original" {
			t.Errorf("history: %+v, %v, want %+v", page.Items, err, want)
		}
		view, err := f.Conversation(t.Context(), user, to)
		if err != nil || view.Last == nil || view.Last.Forward != (message.Forward{Hidden: true}) {
			t.Errorf("a line of the list: %+v, %v, want a forward without its source", view.Last, err)
		}
		if page.Items[0].Mentions != (message.Mentions{}) || page.Head.Mentions != 0 {
			t.Errorf("a forward mentions %v", page.Items[0].Mentions.Users.List())
		}
	}
	if _, err := f.Edit(t.Context(), a, to, 1, "other words"); !errors.Is(err, message.ErrForbidden) {
		t.Errorf("an edit of what another said: %v", err)
	}
	if _, err := f.Recall(t.Context(), b, from, 1); err != nil {
		t.Fatal(err)
	}
	again := messagetest.NewDraft(a, to, "")
	again.Forward = d.Forward
	if _, err := f.Send(t.Context(), again); !errors.Is(err, message.ErrForbidden) {
		t.Errorf("a forward of what was recalled: %v", err)
	}
	again.Text = "and content"
	if _, err := f.Send(t.Context(), again); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("a forward with content: %v", err)
	}
	stone, err := f.Recall(t.Context(), a, to, 1)
	if err != nil || stone.Forward != (message.Forward{}) || stone.Text != "" {
		t.Errorf("a recalled forward: %+v, %v", stone, err)
	}
}
