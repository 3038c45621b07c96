// SPDX-License-Identifier: Apache-2.0

package messageindex_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/bleveindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/events"
	"github.com/parley-chat/parley/services/message/messageindex"
	"github.com/parley-chat/parley/services/message/messagetest"
)

// flaky is an index that refuses for a while, and tells when something was put.
type flaky struct {
	searchindex.Index
	mu   sync.Mutex
	errs []error
	// refuse is a document that is refused for ever.
	refuse string
	done   chan int // documents of each put that was settled
}

func (x *flaky) Put(ctx context.Context, documents []searchindex.Document) error {
	x.mu.Lock()
	var err error
	if len(x.errs) > 0 {
		err, x.errs = x.errs[0], x.errs[1:]
	}
	refused := slices.IndexFunc(documents, func(d searchindex.Document) bool { return d.ID == x.refuse })
	x.mu.Unlock()
	n := len(documents)
	if err == nil && refused >= 0 {
		err = &searchindex.PutError{Refused: map[string]error{x.refuse: errors.New("poison")}}
		documents = slices.Delete(slices.Clone(documents), refused, refused+1)
		err = errors.Join(x.Index.Put(ctx, documents), err)
		x.done <- n
		return err
	}
	if partial, ok := errors.AsType[*searchindex.PutError](err); ok {
		documents = slices.DeleteFunc(slices.Clone(documents), func(d searchindex.Document) bool { return slices.Contains(partial.Retry, d.ID) })
		return errors.Join(x.Index.Put(ctx, documents), err)
	}
	if err == nil {
		err = x.Index.Put(ctx, documents)
	}
	if err == nil {
		x.done <- n
	}
	return err
}

// rig is a message service whose events reach an indexer.
type rig struct {
	*messagetest.Fixture
	store *messagetest.Store
	index *flaky
	bus   *membroker.Broker
}

func start(t *testing.T, errs ...error) *rig {
	t.Helper()
	store := messagetest.NewStore()
	index, err := bleveindex.Open("")
	if err != nil {
		t.Fatal(err)
	}
	if err := index.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &rig{
		Fixture: messagetest.Start(t, store, 1), store: store,
		index: &flaky{Index: index, errs: errs, done: make(chan int, 100)}, bus: membroker.New(),
	}
	x := indexer.New(indexer.Options{
		Subscriber: r.bus, Source: messageindex.Source{Store: store}, Index: r.index, Now: r.Clock.Now, Logger: slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(),
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

// tell publishes what was committed since the last time, each event n times and the newest first, and waits
// until the index has taken as many writes.
func (r *rig) tell(t *testing.T, from, n int) int {
	t.Helper()
	all := r.Publisher.Events()
	sent := 0
	for _, e := range slices.Backward(all[from:]) {
		body, err := proto.Marshal(&eventv1.EventBatch{Events: events.Encode([]message.Event{e})})
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			err := r.bus.Publish(t.Context(), broker.Message{Exchange: broker.EventsExchange, RoutingKey: string(e.Kind), Body: body})
			if errors.Is(err, broker.ErrUnroutable) { // nobody indexes an opening
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			sent++
		}
	}
	for sent > 0 {
		select {
		case written := <-r.index.done:
			sent -= written
		case <-t.Context().Done():
			t.Fatal("the index was not written")
		}
	}
	return len(all)
}

// texts that a search on the index finds.
func (r *rig) texts(t *testing.T, q message.SearchQuery) []string {
	t.Helper()
	page, err := r.searcher().Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, h := range page.Hits {
		texts = append(texts, h.Text)
	}
	return texts
}

// searcher is a second service on the same store that asks the index.
func (r *rig) searcher() *message.Service {
	return message.New(message.Options{
		Store: r.store, Publisher: r.Publisher, Friends: r.Friends, Now: r.Clock.Now, Index: r.index,
		Tokens: page.NewCodec([]byte("a key of thirty-two bytes, or so")),
	})
}

// Events may come twice, the newest first, and while the index is away: what is found is what stands.
func TestTheIndexFollowsMessages(t *testing.T) {
	t.Parallel()
	away := searchindex.ErrUnavailable
	for name, errs := range map[string][]error{
		"at once": nil, "an index that was away": {away, away, away},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, errs...)
			id, a, b := r.Open(t)
			for _, text := range []string{"明天在上海开会", "旧文本", "秘密"} {
				r.Say(t, a, id, text)
			}
			told := r.tell(t, 0, 2)
			want := func(query string, texts ...string) {
				t.Helper()
				if got := r.texts(t, message.SearchQuery{User: b, Text: query}); !slices.Equal(got, texts) {
					t.Errorf("%s finds %v, want %v", query, got, texts)
				}
			}
			want("上海", "明天在上海开会")
			want("秘密", "秘密")
			if _, err := r.Edit(t.Context(), a, id, 2, "新文本"); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Recall(t.Context(), a, id, 3); err != nil {
				t.Fatal(err)
			}
			r.tell(t, told, 2)
			want("文本", "新文本")
			want("旧")
			want("秘密")
		})
	}
}

// One document that the index refuses does not hold up the others, nor come again for ever.
func TestWhatTheIndexRefusesIsLeft(t *testing.T) {
	t.Parallel()
	r := start(t)
	id, a, b := r.Open(t)
	r.Say(t, a, id, "poison")
	r.Say(t, a, id, "bread")
	poison := message.PlaceID(id, 1)
	r.index.mu.Lock()
	r.index.refuse = poison
	r.index.mu.Unlock()
	r.tell(t, 0, 1)
	if got := r.texts(t, message.SearchQuery{User: b, Text: "bread"}); !slices.Equal(got, []string{"bread"}) {
		t.Errorf("found %v", got)
	}
}

// A fill of an empty index gives what an index has that followed from the start.
func TestFill(t *testing.T) {
	t.Parallel()
	r := start(t)
	var all []message.Place
	for range 7 {
		id, a, _ := r.Open(t)
		for range 5 {
			r.Say(t, a, id, "word")
			all = append(all, message.Place{Conversation: id})
		}
		if _, err := r.Recall(t.Context(), a, id, 2); err != nil {
			t.Fatal(err)
		}
	}
	empty, err := bleveindex.Open("")
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	index := &flaky{Index: empty, errs: []error{&searchindex.PutError{Retry: []string{message.PlaceID(all[0].Conversation, 1)}}}, done: make(chan int, 100)}
	err = indexer.Fill(t.Context(), messageindex.Source{Store: r.store}, index, "", func(b indexer.Batch) error {
		told += b.Read
		return nil
	})
	if err != nil || told != len(all) {
		t.Errorf("told of %d messages of %d: %v", told, len(all), err)
	}
	if err := empty.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if hits, err := empty.Find(t.Context(), searchindex.Lookup{Limit: 100}); err != nil || len(hits) != 4*7 {
		t.Errorf("%d messages can be found, %v; want all but the recalled ones", len(hits), err)
	}
	stop := errors.New("stop")
	if err := indexer.Fill(t.Context(), messageindex.Source{Store: r.store}, index, "", func(indexer.Batch) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a teller that ends it: %v", err)
	}
}

// Whoever starts with an empty index has it filled before anything is found.
func TestTheKeeperFillsAnEmptyIndex(t *testing.T) {
	t.Parallel()
	r := start(t)
	id, a, b := r.Open(t)
	r.Say(t, a, id, "said before")
	empty, err := bleveindex.Open("")
	if err != nil {
		t.Fatal(err)
	}
	r.index.Index = empty
	if _, err := r.searcher().Search(t.Context(), message.SearchQuery{User: b, Text: "before"}); !errors.Is(err, message.ErrSearchUnavailable) {
		t.Errorf("an empty index: %v", err)
	}
	saw := make(chan error, 10)
	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	heard := make(chan struct{})
	close(heard)
	keeper := indexer.Keeper{Index: empty, From: messageindex.Source{Store: r.store}, Logger: slog.New(slog.DiscardHandler), After: heard, Saw: func(err error) { saw <- err }}
	go func() { kept <- keeper.Run(ctx) }()
	if err := <-saw; err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-kept; err != nil {
		t.Error(err)
	}
	if got := r.texts(t, message.SearchQuery{User: b, Text: "before"}); !slices.Equal(got, []string{"said before"}) {
		t.Errorf("found %v", got)
	}
}
