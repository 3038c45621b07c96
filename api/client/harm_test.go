// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/client"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
)

// TestARefusedSendSetsNoPaceForReconnecting ends a connection after a send was told to wait.
func TestARefusedSendSetsNoPaceForReconnecting(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.onFrame, once(isSend, func(p *peer, frame *gatewayv1.ClientFrame) {
			refuse(p, frame, &gatewayv1.Error{Reason: "MUTED", Retry: gatewayv1.Retry_RETRY_AFTER, RetryAfterMs: 60_000})
		}))
		d.send("k", "hi")
		f.last().close(4004, "INTERNAL")
		pass(2 * time.Second)
		check(t, "dials", 2, f.dialed())
		d.inState(client.Live)
	})
}

// TestAMessageThatFitsNoFrameFailsAlone would be closed as FRAME_TOO_BIG, again at each start.
func TestAMessageThatFitsNoFrameFailsAlone(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f, func(c *client.Config) { c.Format = client.JSON })
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool {
			if len(frame.GetSend().GetContent().GetText().GetBody()) > 20_000 { // six times as long in JSON
				p.close(4401, "FRAME_TOO_BIG")
				return true
			}
			return false
		})
		long := d.send("k", strings.Repeat("\u0001", 30_000))
		var refused *client.SendError
		select {
		case r := <-long:
			if !errors.As(r.err, &refused) || refused.Reason != client.ReasonTooLarge {
				t.Errorf("send: %v", r.err)
			}
		default:
			t.Error("the message neither failed nor was stored")
		}
		check(t, "seq of the next", int64(1), seqOf(t, d.send("k", "short")))
	})
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		if _, err := d.Enqueue("k", client.Text(strings.Repeat("x", 70_000))); !errors.Is(err, client.ErrTooLarge) {
			t.Errorf("a message that no store should hold: %v", err)
		}
	})
}

// TestALateSupersededAfterAFailedMove hears that a newer connection exists, which is the own one that did
// not come to be.
func TestALateSupersededAfterAFailedMove(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		first := f.last()
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool {
			if p.n == 2 && frame.GetAuth() != nil {
				p.close(4200, "OVERLOADED;after=60000;jitter=0")
				return true
			}
			return false
		})
		first.write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Reconnect{Reconnect: &gatewayv1.Reconnect{DeadlineMs: 90_000}}})
		pass(5 * time.Second)
		check(t, "dials", 2, f.dialed())
		first.close(4409, "SUPERSEDED")
		pass(5 * time.Second)
		check(t, "dials after the close", 3, f.dialed())
		d.inState(client.Live)
		f.last().close(4409, "SUPERSEDED")
		pass(5 * time.Second)
		d.inState(client.Stopped)
	})
}

// TestManyConversationsKeepToTheRate has more to send than the server takes, in many conversations.
func TestManyConversationsKeepToTheRate(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		var mu sync.Mutex
		begin, taken, frames := time.Now(), 0, map[int]int{}
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool {
			mu.Lock()
			defer mu.Unlock()
			second := int(time.Since(begin) / time.Second)
			frames[second]++
			if !isSend(frame) {
				return false
			}
			if taken >= 60+second {
				refuse(p, frame, &gatewayv1.Error{Reason: "RATE_LIMITED", Retry: gatewayv1.Retry_RETRY_AFTER, RetryAfterMs: 1000})
				return true
			}
			taken++
			return false
		})
		for i := range 600 {
			if _, err := d.Enqueue(fmt.Sprint("k", i), client.Text("hi")); err != nil {
				t.Fatal(err)
			}
		}
		pass(30 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		for second, n := range frames {
			if second > 0 && n > 50 {
				t.Errorf("%d frames in second %d", n, second)
			}
		}
		if taken < 75 {
			t.Errorf("%d messages stored", taken)
		}
	})
}
