// SPDX-License-Identifier: Apache-2.0

package friendtest

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
)

// Clock is a clock that a test moves.
type Clock struct{ ms atomic.Int64 }

// NewClock starts at a fixed time.
func NewClock() *Clock {
	c := &Clock{}
	c.ms.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

// Now is the time.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.ms.Load()).UTC() }

// Advance moves the time on.
func (c *Clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// Fixture is a Service on fakes, or on another store.
type Fixture struct {
	*friend.Service
	Clock         *Clock
	Store         *Store // nil on another store
	storage       Storage
	Users         *Users
	Companions    *Companions
	Conversations *Conversations
	Published     *Publisher
}

// NewFixture makes one on a fake store.
func NewFixture() *Fixture {
	store := NewStore()
	f := NewFixtureOn(store)
	f.Store = store
	return f
}

// NewFixtureOn makes one on a store.
func NewFixtureOn(store Storage) *Fixture {
	f := &Fixture{
		Clock: NewClock(), storage: store, Users: NewUsers(), Companions: &Companions{}, Conversations: NewConversations(), Published: &Publisher{},
	}
	f.Service = f.On(f.Conversations)
	return f
}

// On is one more process on the same store, with another message service.
func (f *Fixture) On(conversations friend.Conversations) *friend.Service {
	return friend.New(friend.Ports{
		Store: f.storage, Lists: f.storage, Blocks: f.storage, Users: f.Users, Companions: f.Companions, Conversations: conversations, Publisher: f.Published,
	}, friend.Options{
		Pages: page.NewCodec([]byte("a key for tests")), Now: f.Clock.Now, Logger: slog.New(slog.DiscardHandler),
	})
}

// Wish is a new wish of one person to another.
func Wish(from, to friend.Profile) friend.Wish {
	return friend.Wish{Applicant: from.ID, Respondent: to.ID, Text: "hello", Key: ids.NewIdempotencyKey()}
}

// Ask sends a request.
func (f *Fixture) Ask(t testing.TB, from, to friend.Profile) friend.Outcome {
	t.Helper()
	outcome, err := f.SendRequest(t.Context(), Wish(from, to))
	if err != nil {
		t.Fatalf("request of %s to %s: %v", from.Username, to.Username, err)
	}
	return outcome
}

// Befriend makes friends of two people.
func (f *Fixture) Befriend(t testing.TB, a, b friend.Profile) friend.Outcome {
	t.Helper()
	outcome, err := f.RespondToRequest(t.Context(), b.ID, f.Ask(t, a, b).Request.ID, true)
	if err != nil {
		t.Fatalf("answer of %s to %s: %v", b.Username, a.Username, err)
	}
	return outcome
}

// sweepWait is longer than any hand-over may be on its way.
const sweepWait = time.Minute
