// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
	"github.com/parley-chat/parley/services/message/sqlstore"
)

// maxStatementsPerSend is the gate for a message alone in its batch, whatever the size of its group.
const maxStatementsPerSend = 10

func TestStatementsOfASendToAGroup(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		t.Helper()
		f := messagetest.Start(t, sqlstore.New(db), 1)
		for _, n := range []int{message.MinGroupMembers, 2000} {
			id, list := f.LargeGroup(t, n)
			before := db.Statements()
			f.Say(t, list[1], id, "hello")
			used := db.Statements() - before
			t.Logf("%d members: %d statements", n, used)
			if used > maxStatementsPerSend {
				t.Errorf("%d members: %d statements", n, used)
			}
		}
	})
}

// The rows that a call reads do not grow with the group: no other member is looked at.
func TestRowsReadInALargeGroup(t *testing.T) {
	t.Parallel()
	dsn := sqldbtest.CreateSchema(t, "group_reads")
	db, err := sqldb.Open(sqldb.Config{DSN: secret.New(dsn), MaxOpenConns: 1}) // the counters are the connection's
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := sqlstore.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	f := messagetest.Start(t, sqlstore.New(db), 1)
	small, few := f.LargeGroup(t, message.MinGroupMembers)
	large, many := f.LargeGroup(t, 3000)
	calls := map[string]func(id ids.ConversationID, user ids.UserID) error{
		"send": func(id ids.ConversationID, user ids.UserID) error {
			_, err := f.Send(t.Context(), messagetest.NewDraft(user, id, "hello"))
			return err
		},
		"history": func(id ids.ConversationID, user ids.UserID) error {
			_, err := f.ListMessages(t.Context(), message.HistoryQuery{User: user, Conversation: id})
			return err
		},
		"list": func(_ ids.ConversationID, user ids.UserID) error {
			_, err := f.ListConversations(t.Context(), message.ListQuery{User: user})
			return err
		},
		"mark": func(id ids.ConversationID, user ids.UserID) error {
			_, err := f.MarkRead(t.Context(), message.Marker{Conversation: id, User: user, Seq: 1}, false)
			return err
		},
		"companions": func(_ ids.ConversationID, user ids.UserID) error {
			_, err := f.CheckCompanions(t.Context(), user, []ids.UserID{few[0], many[0], many[5], ids.NewUser()})
			return err
		},
		"rename": func(id ids.ConversationID, _ ids.UserID) error {
			owner := map[ids.ConversationID]ids.UserID{small: few[0], large: many[0]}[id]
			_, err := f.RenameGroup(t.Context(), owner, id, "Name of "+id.String()[:8])
			return err
		},
	}
	for name, call := range calls {
		var used [2]int64
		for i, id := range []ids.ConversationID{small, large} {
			idle := handlerReads(t, db)
			base := handlerReads(t, db) - idle
			before := handlerReads(t, db)
			if err := call(id, [2]ids.UserID{few[1], many[1]}[i]); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			used[i] = handlerReads(t, db) - before - base
		}
		t.Logf("%s: %d rows read with 3 members, %d with 3,000", name, used[0], used[1])
		if used[1] > used[0]+20 { // the group was made by more messages of the server
			t.Errorf("%s: %d rows read with 3 members, %d with 3,000", name, used[0], used[1])
		}
	}
}

func TestLoadedEventsOfAGroupReachWhoTheyDid(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		t.Helper()
		store := sqlstore.New(db)
		f := messagetest.Start(t, store, 1)
		id, list := f.LargeGroup(t, 5)
		sent := f.Say(t, list[1], id, "two")
		if _, err := f.MarkRead(t.Context(), message.Marker{Conversation: id, User: list[2], Seq: 2}, false); err != nil {
			t.Fatal(err)
		}
		if _, err := f.RemoveMember(t.Context(), list[0], id, list[1]); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Recall(t.Context(), list[0], id, sent.Seq); err != nil {
			t.Fatal(err)
		}
		if _, err := f.RenameGroup(t.Context(), list[0], id, "Secret"); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Hide(t.Context(), list[0], id, sent.Seq); err != nil {
			t.Fatal(err)
		}
		var refs []message.EventRef
		for _, row := range outboxRows(t, db) {
			ref := message.EventRef{ID: row.ID, Kind: message.EventKind(row.RoutingKey), OccurredAt: row.CreatedAt}
			if err := ref.Decode(row.Payload); err != nil {
				t.Fatal(err)
			}
			refs = append(refs, ref)
		}
		loaded, err := store.LoadEvents(t.Context(), refs)
		if err != nil {
			t.Fatal(err)
		}
		now, err := store.Conversation(t.Context(), id, list[0])
		if err != nil {
			t.Fatal(err)
		}
		// What is told as it is now goes to who is a member now: the name is nothing for who was removed.
		want := f.Publisher.Events()
		for i := range want {
			switch e := &want[i]; e.Kind {
			case message.ConversationCreated, message.ConversationUpdated:
				now.Members = nil
				e.Conversation, e.MembersRev, e.Recipients = now, now.MembersRev, nil
			case message.MarkerMoved, message.MessageRecalled, message.MessageEdited, message.MessageReacted, message.MessageTranscribed:
				e.MembersRev = now.MembersRev
			case message.MessageHidden, message.SpeechRequested: // for one person or none, whoever is a member
			case message.MessageCreated:
				if e.Message.Seq == sent.Seq { // recalled since
					e.Message = byID(loaded)[e.ID].Message
				}
			}
		}
		if diff := cmp.Diff(byID(want), byID(loaded)); diff != "" {
			t.Errorf("(-published +loaded):\n%s", diff)
		}
	})
}

func byID(events []message.Event) map[ids.EventID]message.Event {
	all := map[ids.EventID]message.Event{}
	for _, e := range events {
		all[e.ID] = e
	}
	return all
}
