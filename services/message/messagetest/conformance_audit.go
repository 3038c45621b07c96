// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

func (s suite) removals(t *testing.T) {
	id, a, b := s.open(t)
	s.append(t, start, NewDraft(a, id, "one"), NewDraft(a, id, "two"))
	s.change(t, NewChange(message.Editing, a, id, 1, "eins"))
	given := NewChange(message.Reacting, b, id, 1, "")
	given.Emoji = "👍"
	s.change(t, given)
	officer := ids.NewUser()
	remove := func(seq int64, entry *audit.Entry) error {
		ch := NewChange(message.Removing, officer, id, seq, "")
		ch.Audit = entry
		_, err := s.store.Change(t.Context(), ch)
		return err
	}
	entry := audit.New(audit.Entry{At: start, Actor: officer, Action: "removed", Reason: "因为", Detail: "seq=1"}, audit.Origin{Address: "a", RequestID: "r"})
	for range 2 { // again is no error, and no second entry
		if err := remove(1, &entry); err != nil {
			t.Fatal(err)
		}
	}
	got := s.read(t, id, 1, 1)[0]
	want := message.Message{
		Conversation: id, Seq: 1, ID: got.ID, ClientID: got.ClientID, Sender: a, SentAt: start, Rev: 3,
		Kind: message.RecalledBody, Recall: message.Recall{At: start, ByModeration: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if got, err := s.store.Versions(t.Context(), message.VersionsQuery{Conversation: id, Seq: 1}); len(got) > 0 || err != nil {
		t.Errorf("versions %v, %v", got, err)
	}
	if err := remove(9, &entry); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("a message that is not there: %v", err)
	}
	noted := audit.New(audit.Entry{At: start + 1, Actor: b, Action: "looked"}, audit.Origin{})
	if err := s.store.Note(t.Context(), noted); err != nil {
		t.Fatal(err)
	}
	entry.Target = a
	log, err := s.store.Entries(t.Context(), audit.Query{From: start, Limit: 9})
	ours := log[:0]
	for _, e := range log { // other tests write too
		if e.Actor == officer || e.Actor == b {
			ours = append(ours, e)
		}
	}
	if diff := cmp.Diff([]audit.Entry{noted, entry}, ours); diff != "" || err != nil {
		t.Errorf("audit log: %v (-want +got):\n%s", err, diff)
	}
}
