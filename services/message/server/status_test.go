// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
	"github.com/parley-chat/parley/services/message/server"
)

func TestWithoutItsDatabaseTheServiceStaysUp(t *testing.T) {
	t.Parallel()
	l := listen(t)
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p := start(t, "mysql://nobody@"+address+"/gone")
	for name, err := range map[string]error{
		"send": second(p.messages(component.Gateway).Send(p.as(ids.NewUser()), request(ids.NewConversation().String(), "x"))),
		"list": second(p.conversations(component.Gateway).ListConversations(p.as(ids.NewUser()), &messagev1.ListConversationsRequest{})),
	} {
		if !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.awaitClass(component.ClassUnreachable)
	if got := p.probe("/readyz"); got != http.StatusOK {
		t.Errorf("readiness: %d", got)
	}
}

func TestStatusOfAFileNamesNoDependency(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	if diff := cmp.Diff(component.Status{Component: component.Message, Ready: true}, p.status()); diff != "" {
		t.Error(diff)
	}
}

func TestTheDurabilityOfAFile(t *testing.T) {
	t.Parallel()
	if got, err := server.Durability(t.Context(), secret.New(sqlite(t))); got != "Durable" || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := server.Durability(t.Context(), secret.New("mysql://nobody@127.0.0.1:1/gone")); got != "Unknown" || err == nil {
		t.Errorf("of a server that is away: got %s, %v", got, err)
	}
}

func TestOnMySQL(t *testing.T) {
	t.Parallel()
	dsn := sqldbtest.CreateSchema(t, "message")
	if err := server.Migrate(t.Context(), server.Config{MySQLDSN: secret.New(dsn)}); err != nil {
		t.Fatal(err)
	}
	p := start(t, dsn)
	a := ids.NewUser()
	id := p.open(a, ids.NewUser(), 1)
	sent, err := p.messages(component.Gateway).Send(p.as(a), request(id, "hello"))
	if err != nil || sent.GetSent().GetSeq() != 1 {
		t.Fatalf("send: %v, %v", sent, err)
	}
	if got := p.event(eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED).GetMessage().GetText().GetBody(); got != "hello" {
		t.Errorf("event with %q", got)
	}
	p.awaitClass(component.ClassReachable)
	if level, err := server.Durability(t.Context(), secret.New(dsn)); level != "Durable" && level != "Weak" {
		t.Errorf("durability %s, %v", level, err)
	}
}
