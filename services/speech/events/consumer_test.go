// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/events"
)

// transcriber answers by seq, and remembers what it was asked.
type transcriber struct {
	answer func(ctx context.Context, r speech.Request) error

	mu    sync.Mutex
	asked []speech.Request
}

func (x *transcriber) Transcribe(ctx context.Context, r speech.Request) error {
	x.mu.Lock()
	x.asked = append(x.asked, r)
	x.mu.Unlock()
	if x.answer == nil {
		return nil
	}
	return x.answer(ctx, r)
}

func (x *transcriber) seqs() map[int64]int {
	x.mu.Lock()
	defer x.mu.Unlock()
	count := map[int64]int{}
	for _, r := range x.asked {
		count[r.Seq]++
	}
	return count
}

func wanted(seq int64) *eventv1.Event {
	return &eventv1.Event{
		EventId: ids.NewEvent().String(), Type: eventv1.EventType_EVENT_TYPE_SPEECH_REQUESTED, OccurredAt: time.Now().UnixMilli(),
		Payload: &eventv1.Event_SpeechRequested{SpeechRequested: &eventv1.SpeechRequested{
			ConversationId: ids.NewConversation().String(), Seq: seq, Attempt: 2, FileId: ids.NewFile().String(), DurationMs: 1500,
		}},
	}
}

// queue is a broker with a consumer of the queue, in a bubble of synctest.
type queue struct {
	*membroker.Broker

	t    *testing.T
	dead int
}

func consume(t *testing.T, x *transcriber) *queue {
	t.Helper()
	q := &queue{Broker: membroker.New(), t: t}
	c := events.New(events.Options{
		Subscriber: q, Transcriber: x, Parallel: 2, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	running.Go(func() {
		_ = q.Subscribe(ctx, broker.Subscription{Queue: events.Queue + broker.DeadSuffix}, func(_ context.Context, d *broker.Delivery) {
			q.dead++
			d.Ack()
		})
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		_ = q.Close()
	})
	synctest.Wait()
	return q
}

func (q *queue) publish(list ...*eventv1.Event) {
	q.t.Helper()
	body, err := proto.Marshal(&eventv1.EventBatch{Events: list})
	if err != nil {
		q.t.Fatal(err)
	}
	q.raw(body)
}

func (q *queue) raw(body []byte) {
	q.t.Helper()
	err := q.Publish(q.t.Context(), broker.Message{Exchange: broker.EventsExchange, RoutingKey: "speech.requested", Body: body, Persistent: true})
	if err != nil {
		q.t.Fatal(err)
	}
	synctest.Wait()
}

func TestAnEventIsAskedForAsItCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &transcriber{}
		q := consume(t, x)
		e := wanted(7)
		q.publish(e)
		x.mu.Lock()
		defer x.mu.Unlock()
		if len(x.asked) != 1 || q.dead != 0 {
			t.Fatalf("asked %v, %d dead", x.asked, q.dead)
		}
		got, want := x.asked[0], e.GetSpeechRequested()
		if got.Conversation.String() != want.GetConversationId() || got.File.String() != want.GetFileId() || got.Seq != 7 ||
			got.Attempt != 2 || got.Duration != 1500*time.Millisecond || got.At.UnixMilli() != e.GetOccurredAt() {
			t.Errorf("%+v", got)
		}
	})
}

func TestWhatNobodyCanReadIsParked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &transcriber{answer: func(_ context.Context, r speech.Request) error {
			if r.Seq == 13 {
				panic("of a poisoned recording")
			}
			return nil
		}}
		q := consume(t, x)
		other, half := wanted(1), wanted(2)
		other.Type = eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED
		half.GetSpeechRequested().ConversationId = "c1"
		for i, body := range [][]byte{[]byte("\xFF\xFF"), {}} {
			if q.raw(body); q.dead != i+1 {
				t.Errorf("%d dead", q.dead)
			}
		}
		q.publish(other)
		q.publish(half)
		q.publish(wanted(13))
		if q.dead != 5 {
			t.Errorf("%d dead", q.dead)
		}
		if q.publish(wanted(3)); x.seqs()[3] != 1 {
			t.Error("after the poison nothing is read")
		}
	})
}

func TestAMessageThatWasTakenBackIsNotAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &transcriber{}
		q := consume(t, x)
		e := wanted(1)
		e.GetSpeechRequested().FileId = ""
		if q.publish(e); len(x.seqs()) != 0 || q.dead != 0 {
			t.Errorf("asked %v, %d dead", x.seqs(), q.dead)
		}
	})
}

func TestOnlyWhatIsNotSettledComesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var later sync.Map
		later.Store(int64(2), true)
		x := &transcriber{answer: func(_ context.Context, r speech.Request) error {
			if _, yes := later.LoadAndDelete(r.Seq); yes {
				return speech.ErrLater
			}
			return nil
		}}
		q := consume(t, x)
		q.publish(wanted(1), wanted(2), wanted(3))
		<-time.After(time.Minute)
		if got := x.seqs(); got[1] != 1 || got[2] != 2 || got[3] != 1 || q.dead != 0 {
			t.Errorf("asked %v, %d dead", got, q.dead)
		}
	})
}

func TestOnlySoManyAreReadAtOnceAndTheEndGivesThemBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &transcriber{answer: func(ctx context.Context, _ speech.Request) error {
			<-ctx.Done()
			return errors.New("ended")
		}}
		bus := membroker.New()
		run := func(x *transcriber) (stop func()) {
			c := events.New(events.Options{
				Subscriber: bus, Transcriber: x, Parallel: 2, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
			})
			ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
			done := make(chan error, 1)
			go func() { done <- c.Run(ctx) }()
			synctest.Wait()
			return func() {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		}
		stop := run(x)
		q := &queue{Broker: bus, t: t}
		for seq := range int64(3) {
			q.publish(wanted(seq + 1))
		}
		if got := x.seqs(); len(got) != 2 {
			t.Errorf("%v at once", got)
		}
		stop()
		next := &transcriber{}
		stop = run(next)
		if got := next.seqs(); len(got) != 3 {
			t.Errorf("the next process reads %v", got)
		}
		stop()
		_ = bus.Close()
	})
}
