// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/api/client"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// once runs a hook for the first frame that matches.
func once(match func(*gatewayv1.ClientFrame) bool, do func(p *peer, f *gatewayv1.ClientFrame)) func(*peer, *gatewayv1.ClientFrame) bool {
	var done atomic.Bool
	return func(p *peer, f *gatewayv1.ClientFrame) bool {
		if !match(f) || done.Swap(true) {
			return false
		}
		do(p, f)
		return true
	}
}

func isSend(f *gatewayv1.ClientFrame) bool { return f.GetSend() != nil }

func refuse(p *peer, f *gatewayv1.ClientFrame, e *gatewayv1.Error) {
	p.write(&gatewayv1.ServerFrame{Re: f.GetId(), Kind: &gatewayv1.ServerFrame_Error{Error: e}})
}

// send starts a Send whose result comes later.
func (d *device) send(id, text string) chan result {
	out := make(chan result, 1)
	go func() {
		sent, err := d.Send(d.t.Context(), id, text)
		out <- result{sent, err}
	}()
	synctest.Wait()
	return out
}

type result struct {
	sent *messagev1.Sent
	err  error
}

// seq that a Send got; 0 if it has not ended.
func seqOf(t *testing.T, c chan result) int64 {
	t.Helper()
	select {
	case r := <-c:
		if r.err != nil {
			t.Fatalf("send: %v", r.err)
		}
		return r.sent.GetSeq()
	default:
		return 0
	}
}

// bodies that the server has stored.
func (f *fake) bodies(id string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	if r := f.rooms[id]; r != nil {
		for _, m := range r.messages {
			out = append(out, m.GetText().GetBody())
		}
	}
	return out
}

func TestSendWaitsForTheAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		check(t, "seq", int64(1), seqOf(t, d.send("k", "hi")))
		pass(time.Second)
		check(t, "own message", upTo(1), d.received("k"))
		check(t, "done", 1, len(heard[client.SendDone](d)))
		snapshot, _ := d.store.Load()
		check(t, "outbox", 0, len(snapshot.Outbox))
	})
}

func TestOwnMessageIsPlacedWithoutAPush(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.silent, true)
		d.send("k", "hi")
		pass(0)
		check(t, "own message", upTo(1), d.received("k"))
		items := heard[client.MessagesReceived](d)[0].Items
		check(t, "text and sender", []string{"hi", me}, []string{items[0].GetText().GetBody(), items[0].GetSenderId()})
	})
}

func TestLostSentIsAskedForAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.silent, true)
		set(f, &f.onFrame, once(isSend, func(p *peer, frame *gatewayv1.ClientFrame) { p.f.commit(frame.GetSend()) }))
		answer := d.send("k", "hi")
		pass(9 * time.Second)
		check(t, "answer", int64(0), seqOf(t, answer))
		pass(2 * time.Second)
		check(t, "answer", int64(1), seqOf(t, answer))
		check(t, "stored", []string{"hi"}, f.bodies("k"))
		check(t, "ids", 1, len(slices.Compact(f.sends())))
		check(t, "tries", 2, len(f.sends()))
	})
}

func TestLostSentIsKnownByThePush(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.onFrame, once(isSend, func(p *peer, frame *gatewayv1.ClientFrame) { p.f.commit(frame.GetSend()) }))
		check(t, "answer", int64(1), seqOf(t, d.send("k", "hi")))
		pass(time.Minute)
		check(t, "tries", 1, len(f.sends()))
	})
}

func TestConnectionLostWhileSending(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.onFrame, once(isSend, func(p *peer, frame *gatewayv1.ClientFrame) {
			p.f.commit(frame.GetSend())
			_ = p.conn.NetConn().Close()
		}))
		answer := d.send("k", "hi")
		d.inState(client.Waiting)
		pass(time.Second)
		check(t, "answer", int64(1), seqOf(t, answer))
		check(t, "stored", []string{"hi"}, f.bodies("k"))
		check(t, "own message", upTo(1), d.received("k"))
	})
}

func TestOrderWithinAConversationSurvivesRefusals(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.onFrame, once(isSend, func(p *peer, frame *gatewayv1.ClientFrame) {
			refuse(p, frame, &gatewayv1.Error{Reason: "RATE_LIMITED", Retry: gatewayv1.Retry_RETRY_AFTER, RetryAfterMs: 3000})
		}))
		first, second := d.send("k", "first"), d.send("k", "second")
		other := d.send("m", "other")
		check(t, "another conversation", int64(1), seqOf(t, other))
		pass(2900 * time.Millisecond)
		check(t, "answers before the time", []int64{0, 0}, []int64{seqOf(t, first), seqOf(t, second)})
		pass(200 * time.Millisecond)
		check(t, "answers", []int64{1, 2}, []int64{seqOf(t, first), seqOf(t, second)})
		check(t, "stored", []string{"first", "second"}, f.bodies("k"))
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		refusal *gatewayv1.Error
		final   bool
	}{
		"never is final":                       {&gatewayv1.Error{Reason: "CONVERSATION_READ_ONLY", Retry: gatewayv1.Retry_RETRY_NEVER}, true},
		"another payload under the same id is": {&gatewayv1.Error{Reason: "CLIENT_MESSAGE_ID_REUSED", Retry: gatewayv1.Retry_RETRY_NEVER}, true},
		"an advice that is not known is":       {&gatewayv1.Error{Reason: "NEW"}, true},
		"after waits and goes on":              {&gatewayv1.Error{Reason: "OVERLOADED", Retry: gatewayv1.Retry_RETRY_AFTER, RetryAfterMs: 1000}, false},
		"same id backs off and goes on":        {&gatewayv1.Error{Reason: "UNAVAILABLE", Retry: gatewayv1.Retry_RETRY_SAME_ID}, false},
		"login waits for the close":            {&gatewayv1.Error{Reason: "SESSION_ENDED", Retry: gatewayv1.Retry_RETRY_LOGIN}, false},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				d := join(t, f)
				set(f, &f.onFrame, once(isSend, func(p *peer, frame *gatewayv1.ClientFrame) { refuse(p, frame, row.refusal) }))
				answer := d.send("k", "hi")
				pass(time.Minute)
				r := <-answer
				var refused *client.SendError
				if errors.As(r.err, &refused) != row.final {
					t.Fatalf("answer %v, %v", r.sent, r.err)
				}
				if row.final {
					failed := heard[client.SendFailed](d)
					check(t, "reason", []string{row.refusal.GetReason(), row.refusal.GetReason()},
						[]string{refused.Reason, failed[0].Err.Reason})
				}
				snapshot, _ := d.store.Load()
				check(t, "outbox", 0, len(snapshot.Outbox))
				check(t, "ids", 1, len(slices.Compact(f.sends())))
			})
		})
	}
}

func TestThirtyTwoInFlightAndTheNextWaits(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		var waiting []func()
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool {
			if !isSend(frame) {
				return false
			}
			waiting = append(waiting, func() { p.answer(frame) })
			return true
		})
		for i := range 40 {
			if _, err := d.Enqueue("k"+strconv.Itoa(i), client.Text("hi")); err != nil {
				t.Fatal(err)
			}
		}
		pass(0)
		check(t, "unanswered", 32, len(f.sends()))
		waiting[0]()
		pass(0)
		check(t, "after one answer", 33, len(f.sends()))
		for i := 1; i < 40; i++ {
			waiting[i]()
			pass(0)
		}
		check(t, "done", 40, len(heard[client.SendDone](d)))
	})
}

func TestOneUnansweredPerConversation(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.onFrame, func(_ *peer, frame *gatewayv1.ClientFrame) bool { return isSend(frame) })
		for range 3 {
			if _, err := d.Enqueue("k", client.Text("hi")); err != nil {
				t.Fatal(err)
			}
		}
		pass(5 * time.Second)
		check(t, "unanswered", 1, len(f.sends()))
	})
}

func TestOutboxOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		listener, store := serve(t, f), client.NewMemoryStore()
		first := joinAt(t, f, listener, store)
		set(f, &f.onFrame, func(_ *peer, frame *gatewayv1.ClientFrame) bool { return isSend(frame) })
		answer := first.send("k", "one")
		if _, err := first.Enqueue("k", client.Text("two")); err != nil {
			t.Fatal(err)
		}
		if err := first.stop(); err != nil {
			t.Fatal(err)
		}
		if r := <-answer; !errors.Is(r.err, client.ErrEnded) {
			t.Errorf("answer %v, want ErrEnded", r.err)
		}
		set(f, &f.onFrame, nil)
		second := joinAt(t, f, listener, store)
		pass(time.Second)
		check(t, "stored", []string{"one", "two"}, f.bodies("k"))
		check(t, "done", 2, len(heard[client.SendDone](second)))
	})
}

func TestEntryOlderThanADayIsGivenBack(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		listener, store := serve(t, f), client.NewMemoryStore()
		d := joinAt(t, f, listener, store)
		set(f, &f.onUpgrade, func(int) (int, string) { return 503, "" })
		f.last().close(4000, "MOVED")
		pass(0)
		if _, err := d.Enqueue("k", client.Text("old")); err != nil {
			t.Fatal(err)
		}
		pass(24*time.Hour - time.Minute)
		if _, err := d.Enqueue("k", client.Text("young")); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Minute)
		set(f, &f.onUpgrade, nil)
		pass(time.Minute)
		failed := heard[client.SendFailed](d)
		check(t, "given back", client.ReasonTooOld, failed[0].Err.Reason)
		check(t, "stored", []string{"young"}, f.bodies("k"))
	})
}

func TestClockOfTheClientIsADayOff(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"ahead": 24 * time.Hour, "behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				d := join(t, f, func(c *client.Config) { c.Now = func() time.Time { return time.Now().Add(off) } })
				check(t, "seq", int64(1), seqOf(t, d.send("k", "hi")))
				f.say("k", 2)
				pass(time.Minute)
				check(t, "messages", upTo(3), d.received("k"))
				d.inState(client.Live)
			})
		})
	}
}

func TestOutboxIsBounded(t *testing.T) {
	t.Parallel()
	c, err := client.New(client.Config{BaseURLs: []string{"http://chat.example"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 10000 {
		if _, err := c.Enqueue("k", client.Text("hi")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Enqueue("k", client.Text("hi")); !errors.Is(err, client.ErrOutboxFull) {
		t.Errorf("error %v, want ErrOutboxFull", err)
	}
}

func TestSendGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.onFrame, func(_ *peer, frame *gatewayv1.ClientFrame) bool { return isSend(frame) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := d.Send(ctx, "k", "hi"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		set(f, &f.onFrame, nil)
		pass(time.Minute)
		check(t, "the message is sent all the same", []string{"hi"}, f.bodies("k"))
	})
}
