// SPDX-License-Identifier: Apache-2.0

//go:build failpoints

package sqlstore_test

import (
	"errors"
	"testing"

	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
	"github.com/parley-chat/parley/services/message/sqlstore"
)

// once arms a point of this process for its next hit. Tests that use it must not run in parallel.
func once(t *testing.T, name failpoint.Name) {
	t.Helper()
	failpoint.Set(name, func() error {
		failpoint.Set(name, nil)
		return errors.New("crash")
	})
	t.Cleanup(func() { failpoint.Set(name, nil) })
}

// serial runs a test on SQLite and, where one is offered, MySQL, one after the other.
func serial(t *testing.T, run func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { run(t, sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sqlstore.Migrations)) })
	t.Run("mysql", func(t *testing.T) {
		run(t, sqldbtest.Open(t, sqldbtest.CreateSchema(t, "failpoint"), sqlstore.Migrations))
	})
}

func TestASendThatCrashesCanBeRepeated(t *testing.T) {
	rows := []struct {
		name   string
		point  failpoint.Name
		stored int // by the call that crashed
	}{
		{"before the commit nothing is stored", failpoint.BeforeCommit, 0},
		{"after the commit all is stored, and the repeat gets the first answer", failpoint.AfterCommit, 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			serial(t, func(t *testing.T, db *sqldb.DB) {
				store := sqlstore.New(db)
				f := messagetest.Start(t, store, 1)
				id, a, b := f.Open(t)
				before := len(outboxRows(t, db))
				d := messagetest.NewDraft(a, id, "hello")
				once(t, row.point)
				if _, err := f.Send(t.Context(), d); !errors.Is(err, fault.ErrUnavailable) {
					t.Fatalf("the crash is told as %v", err)
				}
				history := stored(t, store, id)
				if len(history) != row.stored || len(outboxRows(t, db))-before != row.stored {
					t.Fatalf("%d messages, %d outbox rows", len(history), len(outboxRows(t, db))-before)
				}
				f.Say(t, b, id, "in between")
				sent, err := f.Send(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				if row.stored == 1 && sent != history[0].Sent() {
					t.Errorf("repeat: %+v, first: %+v", sent, history[0])
				}
				if after := stored(t, store, id); len(after) != 2 || after[sent.Seq-1].Sent() != sent || len(outboxRows(t, db))-before != 2 {
					t.Errorf("%d messages, %d outbox rows", len(after), len(outboxRows(t, db))-before)
				}
			})
		})
	}
}

func stored(t *testing.T, store *sqlstore.Store, id ids.ConversationID) []message.Message {
	t.Helper()
	found, err := store.Messages(t.Context(), []message.Stretch{{Conversation: id, Interval: message.Interval{From: 1, To: 99}}})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAnOpeningThatCrashesCanBeRepeated(t *testing.T) {
	for _, point := range []failpoint.Name{failpoint.BeforeCommit, failpoint.AfterCommit} {
		t.Run(string(point), func(t *testing.T) {
			serial(t, func(t *testing.T, db *sqldb.DB) {
				f := messagetest.Start(t, sqlstore.New(db), 1)
				a, b := ids.NewUser(), ids.NewUser()
				pair := messagetest.NewPair(t, a, b)
				once(t, point)
				if _, err := f.OpenDirect(t.Context(), pair, 1); err == nil {
					t.Fatal("the crash was not told")
				}
				id := f.OpenPair(t, a, b, 1)
				if again := f.OpenPair(t, b, a, 1); again != id {
					t.Errorf("two conversations: %s and %s", id, again)
				}
				if n := len(outboxRows(t, db)); n != 1 {
					t.Errorf("%d outbox rows", n)
				}
			})
		})
	}
}

func TestAGroupThatCrashesCanBeMadeAgain(t *testing.T) {
	for _, point := range []failpoint.Name{failpoint.BeforeCommit, failpoint.AfterCommit} {
		t.Run(string(point), func(t *testing.T) {
			serial(t, func(t *testing.T, db *sqldb.DB) {
				f := messagetest.Start(t, sqlstore.New(db), 1)
				d := message.GroupDraft{
					Creator: ids.NewUser(), Key: ids.NewIdempotencyKey(), Members: []ids.UserID{ids.NewUser(), ids.NewUser()},
				}
				once(t, point)
				if _, err := f.CreateGroup(t.Context(), d); err == nil {
					t.Fatal("the crash was not told")
				}
				first, err := f.CreateGroup(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				once(t, point)
				if _, err := f.LeaveGroup(t.Context(), d.Members[0], first.Conversation.ID); err == nil {
					t.Fatal("the crash was not told")
				}
				left, err := f.LeaveGroup(t.Context(), d.Members[0], first.Conversation.ID)
				if err != nil || left.Head.Seq != 2 || !left.Head.Left {
					t.Errorf("left at %+v, %v", left.Head, err)
				}
				list, err := f.ListConversations(t.Context(), message.ListQuery{User: d.Creator})
				if err != nil || len(list.Views) != 1 || list.Views[0].Conversation.MemberCount != 2 || len(outboxRows(t, db)) != 4 {
					t.Errorf("%d groups, %d outbox rows, %v", len(list.Views), len(outboxRows(t, db)), err)
				}
			})
		})
	}
}
