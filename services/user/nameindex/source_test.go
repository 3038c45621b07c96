// SPDX-License-Identifier: Apache-2.0

package nameindex_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/bleveindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/nameindex"
	"github.com/parley-chat/parley/services/user/usertest"
)

// told is an index that says when something was written.
type told struct {
	searchindex.Index

	written chan int
}

func (x told) Put(ctx context.Context, documents []searchindex.Document) error {
	err := x.Index.Put(ctx, documents)
	x.written <- len(documents)
	return err
}

// rig is a user service whose events reach an index.
type rig struct {
	*usertest.Fixture
	index told
	bus   *membroker.Broker
}

func start(t *testing.T) *rig {
	t.Helper()
	index, err := bleveindex.Open("")
	if err != nil {
		t.Fatal(err)
	}
	if err := index.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &rig{Fixture: usertest.NewFixture(), index: told{index, make(chan int, 9)}, bus: membroker.New()}
	r.Index = index
	x := indexer.New(indexer.Options{
		Subscriber: r.bus, Source: nameindex.Source{Names: r.Store},
		Index: r.index, Now: r.Clock.Now, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = x.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	<-x.Hears()
	return r
}

// tell publishes that an account is new or changed, and waits until the index has it.
func (r *rig) tell(t *testing.T, key string, id ids.UserID) {
	t.Helper()
	body, err := proto.Marshal(&eventv1.EventBatch{Events: []*eventv1.Event{{
		OccurredAt: r.Clock.Now().UnixMilli(), Payload: &eventv1.Event_User{User: &userv1.User{UserId: id.String()}},
	}}})
	if err == nil {
		err = r.bus.Publish(t.Context(), broker.Message{Exchange: broker.EventsExchange, RoutingKey: key, Body: body})
	}
	if err != nil {
		t.Fatal(err)
	}
	<-r.index.written
}

func (r *rig) want(t *testing.T, when, query string, want ...string) {
	t.Helper()
	page, err := r.SearchUsers(t.Context(), user.Search{Query: query, Part: user.OnlyNames})
	var got []string
	for _, f := range page.Found {
		got = append(got, f.Account.Nickname)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: %s finds %q, %v; want %q", when, query, got, err, want)
	}
}

// offered counts what the index offers.
func (r *rig) offered(t *testing.T) int {
	t.Helper()
	hits, err := r.index.Find(t.Context(), searchindex.Lookup{Limit: 9})
	if err != nil {
		t.Fatal(err)
	}
	return len(hits)
}

// The index follows registration, nickname and deletion by events, which only say where to look.
func TestF11_TheIndexFollowsNicknames(t *testing.T) {
	t.Parallel()
	r := start(t)
	login := r.Person(t, "carl", "王小明")
	if got := r.Published.Created(); !slices.Equal(got, []ids.UserID{login.Account.ID}) {
		t.Errorf("told of new accounts %v", got)
	}
	r.want(t, "before the event", "小明")
	r.tell(t, nameindex.Created, login.Account.ID)
	r.want(t, "registered", "小明", "王小明")
	nickname := "李白"
	if _, err := r.UpdateProfile(t.Context(), usertest.CallerOf(login), user.ProfileChange{Nickname: &nickname}); err != nil {
		t.Fatal(err)
	}
	r.tell(t, "user.updated", login.Account.ID)
	r.tell(t, nameindex.Created, login.Account.ID) // late
	r.want(t, "renamed", "小明")
	r.want(t, "renamed", "白", "李白")
	if err := r.DeleteAccount(t.Context(), usertest.CallerOf(login), user.Proof{Password: usertest.Password}); err != nil {
		t.Fatal(err)
	}
	r.tell(t, "user.updated", login.Account.ID)
	r.want(t, "deleted", "白")
	r.want(t, "deleted", "Deleted user")
	if n := r.offered(t); n != 0 {
		t.Errorf("the index offers %d deleted accounts", n)
	}
}

// A fill gives what following gives, deleted accounts included.
func TestAFillGivesAllNames(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, name := range []string{"ann", "bob", "cyd"} {
		r.Person(t, name, "Name of "+name)
	}
	gone := r.Person(t, "dan", "Dan")
	if err := r.DeleteAccount(t.Context(), usertest.CallerOf(gone), user.Proof{Password: usertest.Password}); err != nil {
		t.Fatal(err)
	}
	source, n := nameindex.Source{Names: r.Store}, 0
	err := indexer.Fill(t.Context(), source, r.index.Index, "", func(b indexer.Batch) error {
		n += b.Read
		return nil
	})
	if err != nil || n != 4 || r.offered(t) != 3 {
		t.Errorf("%d written, %d offered, %v; want all, and those who live", n, r.offered(t), err)
	}
	if _, err := source.CountAfter(t.Context(), "nonsense"); err == nil {
		t.Error("a place that is none was counted from")
	}
}
