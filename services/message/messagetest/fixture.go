// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/message"
)

// Clock stands still until it is moved. It is safe for concurrent use.
type Clock struct{ ms atomic.Int64 }

// NewClock starts at a fixed time.
func NewClock() *Clock {
	c := &Clock{}
	c.ms.Store(1_800_000_000_000)
	return c
}

// Now is the time.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.ms.Load()).UTC() }

// Add moves the clock.
func (c *Clock) Add(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// Fixture is a running service.
type Fixture struct {
	*message.Service
	Clock     *Clock
	Publisher *Publisher
	Friends   *Friends
	Files     *Files
	Index     *ScanIndex // of a Store in memory
}

// Start runs a service on a store with a number of lanes until the test ends. Voice messages are read.
func Start(t testing.TB, store message.Store, lanes int) *Fixture {
	t.Helper()
	return StartWith(t, store, message.Options{Lanes: lanes, Transcripts: true})
}

// StartWith is Start with some options set.
func StartWith(t testing.TB, store message.Store, o message.Options) *Fixture {
	t.Helper()
	f := &Fixture{Clock: NewClock(), Publisher: &Publisher{}, Friends: &Friends{}, Files: NewFiles()}
	var index message.Finder
	if memory, ok := store.(*Store); ok {
		f.Index = &ScanIndex{Store: memory}
		index = f.Index
	}
	o.Index, o.Store, o.Publisher, o.Friends, o.Files, o.Now = index, store, f.Publisher, f.Friends, f.Files, f.Clock.Now
	o.Tokens = page.NewCodec([]byte("a key of thirty-two bytes, or so"))
	f.Service = message.New(o)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = f.Run(ctx) }) // returns nil only
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return f
}

// Open opens a direct conversation of two new users and answers its id with them.
func (f *Fixture) Open(t testing.TB) (ids.ConversationID, ids.UserID, ids.UserID) {
	t.Helper()
	a, b := ids.NewUser(), ids.NewUser()
	return f.OpenPair(t, a, b, 1), a, b
}

// OpenPair opens the direct conversation of two users.
func (f *Fixture) OpenPair(t testing.TB, a, b ids.UserID, version int64) ids.ConversationID {
	t.Helper()
	id, err := f.OpenDirect(t.Context(), NewPair(t, a, b), version)
	if err != nil {
		t.Fatalf("open direct: %v", err)
	}
	return id
}

// Say sends a text under a new client message id.
func (f *Fixture) Say(t testing.TB, sender ids.UserID, to ids.ConversationID, text string) message.Sent {
	t.Helper()
	sent, err := f.Send(t.Context(), NewDraft(sender, to, text))
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	return sent
}

// NewPair makes a pair of two users that differ.
func NewPair(t testing.TB, a, b ids.UserID) message.Pair {
	t.Helper()
	pair, err := message.NewPair(a, b)
	if err != nil {
		t.Fatalf("pair: %v", err)
	}
	return pair
}

// NewDraft makes a draft with a new client message id.
func NewDraft(sender ids.UserID, to ids.ConversationID, text string) message.Draft {
	return message.Draft{Sender: sender, Conversation: to, ClientID: ids.NewClientMessage(), Text: text}
}

// NewPending makes a draft ready for a store.
func NewPending(d message.Draft) message.Pending {
	return message.Pending{Draft: d, Hash: d.Hash(), ID: ids.NewMessage(), EventID: ids.NewEvent()}
}
