// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestAModeratorRemovesWhatNobodyElseCan(t *testing.T) {
	t.Parallel()
	store := messagetest.NewStore()
	f := messagetest.Start(t, store, 1)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "an insult")
	f.Clock.Add(1000 * time.Hour)
	officer := message.Officer{ID: ids.NewUser(), Power: message.Power{Removes: true}, From: audit.Origin{RequestID: "r"}}
	_, powerless := f.Remove(t.Context(), message.Officer{ID: b}, message.Removal{Conversation: id, Seq: 1, Reason: "x"})
	_, silent := f.Remove(t.Context(), officer, message.Removal{Conversation: id, Seq: 1, Reason: " "})
	if !errors.Is(powerless, fault.ErrForbidden) || fault.KindOf(silent) != fault.Invalid {
		t.Errorf("without power: %v; without a reason: %v", powerless, silent)
	}
	for range 2 {
		stone, err := f.Remove(t.Context(), officer, message.Removal{Conversation: id, Seq: 1, Reason: "insult"})
		if err != nil || stone.Kind != message.RecalledBody || !stone.Recall.ByModeration || !stone.Recall.By.IsZero() {
			t.Fatalf("tombstone %+v, %v", stone, err)
		}
	}
	log, err := store.Entries(t.Context(), audit.Query{Limit: 9})
	if err != nil || len(log) != 1 || log[0].Target != a || log[0].Actor != officer.ID || log[0].Action != "message.removed" {
		t.Errorf("audit log %+v, %v; want one entry", log, err)
	}
}

func TestDeniedCallsAreNotedUpToALimitAnHour(t *testing.T) {
	t.Parallel()
	store := messagetest.NewStore()
	f := messagetest.Start(t, store, 1)
	curious, other := message.Officer{ID: ids.NewUser()}, message.Officer{ID: ids.NewUser()}
	ask := func(who message.Officer, times int) {
		for range times {
			if err := f.NoteDenied(t.Context(), who, "x"); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask(curious, 30)
	ask(other, 1)
	f.Clock.Add(time.Hour)
	ask(curious, 1)
	if log, err := store.Entries(t.Context(), audit.Query{Limit: 99}); err != nil || len(log) != 22 {
		t.Errorf("%d entries, %v; want 20, 1 and 1", len(log), err)
	}
}
