// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"errors"
	"testing"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/friend/friendtest"
	"github.com/parley-chat/parley/services/friend/sqlstore"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

func encode(e friend.Event) (outbox.Row, error) {
	return outbox.FromEvent(&eventv1.Event{
		EventId: e.ID.String(), Type: eventv1.EventType_EVENT_TYPE_FRIEND_REQUESTED, OccurredAt: e.At,
	})
}

func TestStorageOnSQLite(t *testing.T) {
	t.Parallel()
	friendtest.TestStorage(t, func(t *testing.T) friendtest.Storage {
		t.Helper()
		return sqlstore.New(sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sqlstore.Migrations), encode)
	})
}

func TestStorageOnMySQL(t *testing.T) {
	t.Parallel()
	friendtest.TestStorage(t, func(t *testing.T) friendtest.Storage {
		t.Helper()
		return sqlstore.New(sqldbtest.Open(t, sqldbtest.CreateSchema(t, "friend"), sqlstore.Migrations), encode)
	})
}

func TestAChangeAndItsOutboxRowsAreOneTransaction(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		store := sqlstore.New(db, encode)
		pair := friend.PairOf(ids.NewUser(), ids.NewUser())
		event := friend.Event{ID: ids.NewEvent(), At: 77}
		change := friend.Change{
			Relation: &friend.Relation{Pair: pair, Version: 1, Friends: true, Since: 5, PendingSince: 5},
			Events:   []friend.Event{event},
		}
		decide := func(friend.Snapshot) (friend.Change, error) { return change, nil }
		if err := store.Update(t.Context(), friend.Query{Pair: pair}, decide); err != nil {
			t.Fatal(err)
		}
		// The same event id again cannot be stored, so the removal must not be either.
		change.Relation = &friend.Relation{Pair: pair, Version: 2, PendingSince: 6}
		if err := store.Update(t.Context(), friend.Query{Pair: pair}, decide); err == nil {
			t.Error("a change whose outbox row cannot be written succeeded")
		}
		if got, err := store.Relation(t.Context(), pair); err != nil || got.Version != 1 || !got.Friends {
			t.Errorf("relation %+v, %v; want the one before the failed change", got, err)
		}
		var keys []string
		if err := db.Select(t.Context(), &keys, "SELECT routing_key FROM outbox"); err != nil || len(keys) != 1 || keys[0] != "friend.requested" {
			t.Errorf("outbox %v, %v; want one row", keys, err)
		}
	})
}

func TestADatabaseThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	store := sqlstore.New(sqldbtest.Open(t, "mysql://nobody@127.0.0.1:1/parley", nil), encode)
	pair := friend.PairOf(ids.NewUser(), ids.NewUser())
	_, relation := store.Relation(t.Context(), pair)
	_, request := store.Request(t.Context(), ids.NewFriendRequest())
	_, list := store.FriendIDs(t.Context(), pair.Low)
	for name, err := range map[string]error{
		"Update": store.Update(t.Context(), friend.Query{Pair: pair}, nil), "Relation": relation, "Request": request, "FriendIDs": list,
	} {
		if !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%s: %v, want unavailable", name, err)
		}
	}
}
