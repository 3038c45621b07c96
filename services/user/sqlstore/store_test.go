// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"errors"
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/sqlstore"
	"github.com/parley-chat/parley/services/user/usertest"
)

func encode(e user.Updated) (outbox.Row, error) {
	return outbox.FromEvent(&eventv1.Event{
		EventId: e.ID.String(), Type: eventv1.EventType_EVENT_TYPE_USER_UPDATED, OccurredAt: e.At,
	})
}

func TestStorageOnSQLite(t *testing.T) {
	t.Parallel()
	usertest.TestStorage(t, func(t *testing.T) usertest.Storage {
		t.Helper()
		return sqlstore.New(sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sqlstore.Migrations), encode)
	})
}

func TestStorageOnMySQL(t *testing.T) {
	t.Parallel()
	usertest.TestStorage(t, func(t *testing.T) usertest.Storage {
		t.Helper()
		return sqlstore.New(sqldbtest.Open(t, sqldbtest.CreateSchema(t, "user"), sqlstore.Migrations), encode)
	})
}

type outboxRow struct {
	ID         ids.EventID `db:"id"`
	RoutingKey string      `db:"routing_key"`
	Payload    []byte      `db:"payload"`
	CreatedAt  int64       `db:"created_at"`
}

func TestAnUpdateAndItsOutboxRowAreOneTransaction(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		store := sqlstore.New(db, encode)
		account := user.Account{ID: ids.NewUser(), Username: "ann", Nickname: "Ann"}
		err := store.Create(t.Context(), user.NewAccount{
			Credentials: user.Credentials{Account: account, PasswordHash: "x"}, NicknameKey: []byte("ann"),
		}, user.LoginSession{ID: ids.NewLoginSession(), UserID: account.ID, Device: usertest.NewDevice()})
		if err != nil {
			t.Fatal(err)
		}
		event := user.Updated{ID: ids.NewEvent(), At: 77, Account: account}
		change := func(record user.Record, _ []user.LoginSession) (*user.Rewriting, error) {
			record.Account = account
			return &user.Rewriting{Record: record, NicknameKey: []byte("ann"), At: 77, Event: &event}, nil
		}
		if err := store.Rewrite(t.Context(), account.ID, change); err != nil {
			t.Fatal(err)
		}
		// The same event id again cannot be stored, so the change must not be either.
		account.Nickname = "Other"
		if err := store.Rewrite(t.Context(), account.ID, change); err == nil {
			t.Error("an update whose outbox row cannot be written succeeded")
		}
		if got, err := store.ByIDs(t.Context(), []ids.UserID{account.ID}); err != nil || got[0].Nickname != "Ann" {
			t.Errorf("account %v, %v; want the nickname before the failed update", got, err)
		}
		checkOutbox(t, db, event)
	})
}

func checkOutbox(t *testing.T, db *sqldb.DB, event user.Updated) {
	t.Helper()
	var rows []outboxRow
	if err := db.Select(t.Context(), &rows, "SELECT id, routing_key, payload, created_at FROM outbox"); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 || rows[0].ID != event.ID || rows[0].RoutingKey != "user.updated" || rows[0].CreatedAt != 77 {
		t.Fatalf("outbox %v, want one row for the event", rows)
	}
	var stored eventv1.Event
	if err := proto.Unmarshal(rows[0].Payload, &stored); err != nil || stored.GetEventId() != event.ID.String() {
		t.Errorf("payload with id %s, %v; want the event", stored.GetEventId(), err)
	}
}

func TestADatabaseThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t, "mysql://nobody@127.0.0.1:1/parley", nil)
	store := sqlstore.New(db, encode)
	none := func(int64, []user.LoginSession) (user.Opening, error) { return user.Opening{}, nil }
	calls := map[string]func() error{
		"Create":     func() error { return store.Create(t.Context(), user.NewAccount{}, user.LoginSession{}) },
		"ByUsername": func() error { _, err := store.ByUsername(t.Context(), "ann"); return err },
		"Open":       func() error { return store.Open(t.Context(), user.LoginSession{}, 0, none) },
		"End":        func() error { return store.End(t.Context(), ids.NewUser(), ids.NewLoginSession(), user.Revoked, 1) },
		"Charge":     func() error { return store.Charge(t.Context(), []user.AttemptKey{{1}}, nil) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%s: %v, want unavailable", name, err)
		}
	}
}

// What a login costs the database must not tell whether the name exists.
func TestF1_WrongAndUnknownCostTheSameStatements(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		store := sqlstore.New(db, encode)
		service := user.New(user.Ports{
			Accounts: store, Names: store, Records: store, Audit: store, Sessions: store, Ended: store, Attempts: store,
			Codes: store, Quotas: store, Numbers: usertest.Numbers{},
			Hasher: &usertest.Hasher{}, Text: usertest.Text{}, Publisher: &usertest.Publisher{},
		}, user.Options{AddressLogins: 20, Now: usertest.NewClock().Now, Logger: slog.New(slog.DiscardHandler)})
		_, err := service.Register(t.Context(), user.Registration{
			Username: "ann", Nickname: "Ann", Password: usertest.Password, Device: usertest.NewDevice(),
		})
		if err != nil {
			t.Fatal(err)
		}
		cost := func(username string) uint64 {
			before := db.Statements()
			_, err := service.Login(t.Context(), user.Credential{
				Username: username, Password: "wrong password", Device: usertest.NewDevice(), Address: "192.0.2.1",
			})
			if !errors.Is(err, user.ErrInvalidCredentials) {
				t.Errorf("login of %s: %v, want INVALID_CREDENTIALS", username, err)
			}
			return db.Statements() - before
		}
		if wrong, unknown := cost("ann"), cost("nobody"); wrong != unknown {
			t.Errorf("a wrong password costs %d statements, an unknown name %d", wrong, unknown)
		}
	})
}
