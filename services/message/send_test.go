// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// held is a store whose commits wait, and may fail instead.
type held struct {
	message.Store
	release chan struct{} // one token for each commit; closed: no commit waits
	fail    func(batch []message.Pending) error

	mu    gosync.Mutex // guards sizes
	sizes []int
}

func hold() *held { return &held{Store: messagetest.NewStore(), release: make(chan struct{})} }

func (h *held) Append(ctx context.Context, batch []message.Pending, now int64) (message.Committed, error) {
	h.mu.Lock()
	h.sizes = append(h.sizes, len(batch))
	h.mu.Unlock()
	<-h.release
	if h.fail != nil {
		if err := h.fail(batch); err != nil {
			return message.Committed{}, err
		}
	}
	return h.Store.Append(ctx, batch, now)
}

func (h *held) batches() []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.sizes)
}

// inBackground sends drafts, one after the other, and gives the results later.
func inBackground(ctx context.Context, f *messagetest.Fixture, drafts ...message.Draft) chan []message.Result {
	results := make(chan []message.Result, 1)
	go func() { results <- f.SendBatch(ctx, drafts) }()
	synctest.Wait()
	return results
}

func drafts(sender ids.UserID, to ids.ConversationID, text string, n int) []message.Draft {
	list := make([]message.Draft, n)
	for i := range list {
		list[i] = messagetest.NewDraft(sender, to, text)
	}
	return list
}

func TestWhatWaitsBehindACommitIsOneBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := hold()
		f := messagetest.Start(t, store, 1)
		id, a, _ := f.Open(t)
		results := inBackground(t.Context(), f, drafts(a, id, "x", 250)...)
		close(store.release)
		for i, r := range <-results {
			if r.Err != nil || r.Sent.Seq != int64(i+1) {
				t.Fatalf("message %d: %+v", i, r)
			}
		}
		// The first batch starts at once, with whatever was there; what waits behind it leaves in full
		// batches, but for the rest.
		got := store.batches()
		total := 0
		for i, n := range got {
			total += n
			if full := n == message.MaxBatchRows; n > message.MaxBatchRows || !full && i > 0 && i < len(got)-1 {
				t.Errorf("batches of %v", got)
			}
		}
		if total != 250 || len(got) > 4 {
			t.Errorf("batches of %v", got)
		}
	})
}

func TestABatchEndsAtItsBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := hold()
		f := messagetest.Start(t, store, 1)
		id, a, _ := f.Open(t)
		first := inBackground(t.Context(), f, drafts(a, id, "first", 1)...)
		rest := inBackground(t.Context(), f, drafts(a, id, strings.Repeat("\U0001F600", message.MaxTextCharacters), 40)...)
		close(store.release)
		<-first
		for i, r := range <-rest {
			if r.Err != nil || r.Sent.Seq != int64(i+2) {
				t.Fatalf("message %d: %+v", i, r)
			}
		}
		// 32 texts of 32,000 bytes are below 1 MiB, one more is above.
		if diff := cmp.Diff([]int{1, 32, 8}, store.batches()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAFullLaneTurnsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := hold()
		f := messagetest.Start(t, store, 1)
		id, a, _ := f.Open(t)
		first := inBackground(t.Context(), f, drafts(a, id, "x", 1)...)
		const capacity = 10 * message.MaxBatchRows
		results := inBackground(t.Context(), f, drafts(a, id, "x", capacity+3)...)
		close(store.release)
		<-first
		for i, r := range <-results {
			known, _ := fault.Of(r.Err)
			switch {
			case i < capacity && (r.Err != nil || r.Sent.Seq != int64(i+2)):
				t.Fatalf("message %d: %+v", i, r)
			case i >= capacity && (!errors.Is(r.Err, message.ErrOverloaded) || known.RetryAfter() <= 0):
				t.Fatalf("message %d: %+v", i, r)
			}
		}
		if view, err := f.Conversation(t.Context(), a, id); err != nil || view.Head.Seq != capacity+1 {
			t.Errorf("head %d, %v", view.Head.Seq, err)
		}
	})
}

func TestACallerWhoHangsUpFailsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := hold()
		f := messagetest.Start(t, store, 1)
		id, a, b := f.Open(t)
		blocking := inBackground(t.Context(), f, drafts(a, id, "x", 1)...)
		ctx, hangUp := context.WithCancel(t.Context())
		gone := messagetest.NewDraft(a, id, "gone")
		impatient, patient := inBackground(ctx, f, gone), inBackground(t.Context(), f, drafts(b, id, "patient", 1)...)
		hangUp()
		if r := (<-impatient)[0]; !errors.Is(r.Err, fault.ErrUnavailable) {
			t.Errorf("who hung up: %+v", r)
		}
		close(store.release)
		<-blocking
		if r := (<-patient)[0]; r.Err != nil || r.Sent.Seq != 3 {
			t.Errorf("the other one: %+v", r)
		}
		if again, err := f.Send(t.Context(), gone); err != nil || again.Seq != 2 {
			t.Errorf("the repeat: %+v, %v", again, err)
		}
	})
}

func TestAnUnknownOutcomeIsToldToAllAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"the database is away": fault.ErrUnavailable.Because(errors.New("gone")), "nobody knows": errors.New("unexpected"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := hold()
			close(store.release)
			calls := 0
			store.fail = func([]message.Pending) error {
				if calls++; calls == 1 {
					return failure
				}
				return nil
			}
			f := messagetest.Start(t, store, 1)
			id, a, _ := f.Open(t)
			d := messagetest.NewDraft(a, id, "x")
			if _, err := f.Send(t.Context(), d); !errors.Is(err, fault.ErrUnavailable) || !errors.Is(err, failure) {
				t.Errorf("first: %v", err)
			}
			if sent, err := f.Send(t.Context(), d); err != nil || sent.Seq != 1 {
				t.Errorf("repeat: %+v, %v", sent, err)
			}
			if n := len(f.Publisher.Events()); n != 2 {
				t.Errorf("%d events", n)
			}
		})
	}
}

func TestALostRaceSplitsTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := hold()
		f := messagetest.Start(t, store, 1)
		id, a, _ := f.Open(t)
		list := drafts(a, id, "x", 4)
		store.fail = func(batch []message.Pending) error {
			if len(batch) > 1 && slices.ContainsFunc(batch, func(p message.Pending) bool { return p.ClientID == list[2].ClientID }) {
				return message.ErrRaced
			}
			return nil
		}
		first := inBackground(t.Context(), f, drafts(a, id, "first", 1)...)
		rest := inBackground(t.Context(), f, list...)
		close(store.release)
		<-first
		for i, r := range <-rest {
			if r.Err != nil || r.Sent.Seq != int64(i+2) {
				t.Errorf("message %d: %+v", i, r)
			}
		}
		if diff := cmp.Diff([]int{1, 4, 2, 2, 1, 1}, store.batches()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestARaceThatNeverEndsIsGivenUp(t *testing.T) {
	t.Parallel()
	store := hold()
	close(store.release)
	store.fail = func([]message.Pending) error { return message.ErrRaced }
	f := messagetest.Start(t, store, 1)
	id, a, _ := f.Open(t)
	if _, err := f.Send(t.Context(), messagetest.NewDraft(a, id, "x")); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("send: %v", err)
	}
}

func TestStoppingFinishesTheBatchInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := hold()
		f := &messagetest.Fixture{Clock: messagetest.NewClock(), Publisher: &messagetest.Publisher{}}
		f.Service = message.New(message.Options{
			Store: store, Publisher: f.Publisher, Tokens: page.NewCodec([]byte("k")), Now: f.Clock.Now, Lanes: 1,
		})
		ctx, stop := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- f.Run(ctx) }()
		id, a, _ := f.Open(t)
		flying := inBackground(t.Context(), f, drafts(a, id, "x", 1)...)
		queued := inBackground(t.Context(), f, drafts(a, id, "x", 3)...)
		stop()
		synctest.Wait()
		close(store.release)
		if err := <-stopped; err != nil {
			t.Errorf("run: %v", err)
		}
		if r := (<-flying)[0]; r.Err != nil || r.Sent.Seq != 1 {
			t.Errorf("in flight: %+v", r)
		}
		for _, r := range <-queued {
			if !errors.Is(r.Err, fault.ErrUnavailable) {
				t.Errorf("queued: %+v", r)
			}
		}
		if _, err := f.Send(t.Context(), messagetest.NewDraft(a, id, "late")); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("after the stop: %v", err)
		}
	})
}

func TestABatchAnswersEachDraftInItsPlace(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 2)
	one, a, b := f.Open(t)
	two, c, _ := f.Open(t)
	list := []message.Draft{
		messagetest.NewDraft(a, one, "1"), messagetest.NewDraft(c, two, "1"), messagetest.NewDraft(a, one, ""),
		messagetest.NewDraft(c, one, "x"), messagetest.NewDraft(b, one, "2"), messagetest.NewDraft(c, two, "2"),
	}
	want := []error{nil, nil, fault.ErrInvalid, message.ErrNotFound, nil, nil}
	seqs := []int64{1, 1, 0, 0, 2, 2}
	for i, r := range f.SendBatch(t.Context(), list) {
		if !errors.Is(r.Err, want[i]) || r.Sent.Seq != seqs[i] {
			t.Errorf("draft %d: %+v", i, r)
		}
	}
}

func TestManyAtOnceWithTheSameClientIDs(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 2)
	const goroutines, messages = 64, 10 // together below what a lane holds
	id, a, _ := f.Open(t)
	list := drafts(a, id, "x", messages)
	var (
		wg      gosync.WaitGroup
		answers [goroutines][]message.Result
	)
	for i := range answers {
		wg.Go(func() { answers[i] = f.SendBatch(t.Context(), list) })
	}
	wg.Wait()
	for _, got := range answers {
		if diff := cmp.Diff(answers[0], got, cmp.Comparer(func(x, y message.Sent) bool { return x == y })); diff != "" {
			t.Fatalf("answers differ:\n%s", diff)
		}
	}
	history, err := f.ListMessages(t.Context(), message.HistoryQuery{User: a, Conversation: id})
	if err != nil || show(history) != "1-10" {
		t.Errorf("history %q, %v", show(history), err)
	}
	if n := len(f.Publisher.Events()); n != messages+1 {
		t.Errorf("%d events", n)
	}
}
