// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/client"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
)

// rules of all close codes that the protocol names, and of some that it does not.
func rules() map[int]client.Rule {
	return map[int]client.Rule{
		1000: client.RuleResume, 1001: client.RuleResume, 1002: client.RuleStop, 1003: client.RuleStop,
		1005: client.RuleResume, 1006: client.RuleResume, 1007: client.RuleStop, 1008: client.RuleStop,
		1009: client.RuleStop, 1010: client.RuleStop, 1011: client.RuleResume, 1012: client.RuleResume,
		1013: client.RuleWait, 1015: client.RuleResume,
		4000: client.RuleResume, 4001: client.RuleResume, 4002: client.RuleResume, 4003: client.RuleResume,
		4004: client.RuleResume, 4050: client.RuleResume,
		4100: client.RuleSync, 4101: client.RuleSync, 4199: client.RuleSync,
		4200: client.RuleWait, 4201: client.RuleWait, 4202: client.RuleWait, 4203: client.RuleWait, 4250: client.RuleWait,
		4300: client.RuleLogin, 4301: client.RuleLogin, 4302: client.RuleLogin, 4303: client.RuleLogin,
		4304: client.RuleLogin, 4305: client.RuleLogin, 4306: client.RuleLogin, 4350: client.RuleLogin,
		4400: client.RuleStop, 4401: client.RuleStop, 4402: client.RuleStop, 4403: client.RuleStop,
		4404: client.RuleStop, 4409: client.RuleStop, 4499: client.RuleStop,
		4500: client.RuleResume, 4999: client.RuleResume,
	}
}

func TestEveryCloseCodeHasARule(t *testing.T) {
	t.Parallel()
	table := rules()
	for code, name := range gatewayv1.CloseCode_name {
		if _, ok := table[int(code)]; !ok && code != 0 {
			t.Errorf("close code %s has no row", name)
		}
	}
	for code, want := range table {
		if got := client.RuleOf(code); got != want {
			t.Errorf("code %d has rule %d, want %d", code, got, want)
		}
	}
}

func TestCloseCodes(t *testing.T) {
	t.Parallel()
	for code, rule := range rules() {
		switch code {
		case 1005, 1006, 1015: // never on the wire
			continue
		}
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) { closeWith(t, f, code, rule) })
		})
	}
}

// closeWith closes a live connection and looks at what the client does.
func closeWith(t *testing.T, f *fake, code int, rule client.Rule) {
	d := join(t, f)
	f.say("k", 1)
	pass(30 * time.Second)
	if _, err := d.Enqueue("k", client.Text("hi")); err != nil {
		t.Fatal(err)
	}
	pass(0)
	set(f, &f.onFrame, func(_ *peer, frame *gatewayv1.ClientFrame) bool { return isSend(frame) })
	_, _ = d.Enqueue("k", client.Text("unanswered"))
	pass(0)
	set(f, &f.onFrame, nil)
	f.last().close(uint16(code), "NAME")
	pass(time.Minute)
	cursor := cursors(f)[len(cursors(f))-1]
	switch rule {
	case client.RuleResume, client.RuleWait:
		check(t, "dials and cursor", []any{2, "c1"}, []any{f.dialed(), cursor})
		check(t, "stored", []string{"hi", "hi", "unanswered"}, f.bodies("k"))
	case client.RuleSync:
		check(t, "dials and cursor", []any{2, ""}, []any{f.dialed(), cursor})
		check(t, "messages", upTo(3), d.received("k"))
	case client.RuleLogin, client.RuleStop:
		want := client.SignedOut
		if rule == client.RuleStop {
			want = client.Stopped
		}
		var stop *client.StopError
		if err := d.ended(); !errors.As(err, &stop) || stop.State != want || stop.Code != code || stop.Reason != "NAME" {
			t.Errorf("Run: %v, want state %s", err, want)
		}
		check(t, "dials", 1, f.dialed())
		snapshot, _ := d.store.Load()
		if code == int(gatewayv1.CloseCode_CLOSE_CODE_ACCOUNT_DELETED) {
			check(t, "all is forgotten", client.Snapshot{Positions: map[string]client.Position{}, Outbox: []client.Entry{}}, snapshot)
		} else {
			check(t, "outbox is kept", 1, len(snapshot.Outbox))
			check(t, "cursor is kept", "c1", snapshot.Cursor)
		}
		d.inState(want)
	}
}

func TestRevokedWhileSending(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.onFrame, once(isSend, func(p *peer, frame *gatewayv1.ClientFrame) {
			refuse(p, frame, &gatewayv1.Error{Reason: "SESSION_ENDED", Retry: gatewayv1.Retry_RETRY_LOGIN})
			p.close(4301, "SESSION_REVOKED")
		}))
		answer := d.send("k", "hi")
		if r := <-answer; !errors.Is(r.err, client.ErrEnded) {
			t.Errorf("send: %v, want ErrEnded", r.err)
		}
		_ = d.ended()
		d.SetToken("after a new login")
		d.start()
		pass(time.Second)
		check(t, "stored after the login", []string{"hi"}, f.bodies("k"))
	})
}

func TestAuthRefused(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		set(f, &f.onFrame, once(func(c *gatewayv1.ClientFrame) bool { return c.GetAuth() != nil },
			func(p *peer, frame *gatewayv1.ClientFrame) {
				refuse(p, frame, &gatewayv1.Error{Reason: "SESSION_ENDED", Retry: gatewayv1.Retry_RETRY_LOGIN})
				p.close(4305, "AUTH_FAILED")
			}))
		d := join(t, f)
		var stop *client.StopError
		if err := d.ended(); !errors.As(err, &stop) || stop.Code != 4305 || stop.Reason != "AUTH_FAILED" {
			t.Errorf("Run: %v", err)
		}
	})
}

// reconnectFrame asks to move in 4 to 24 s; with dice in the middle in 14 s.
func reconnectFrame(p *peer) {
	p.write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Reconnect{Reconnect: &gatewayv1.Reconnect{
		AfterMs: 4000, JitterMs: 20000, DeadlineMs: 60000, Reason: "ROLLOUT",
	}}})
}

func TestPlannedMoveMakesBeforeItBreaks(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		pass(30 * time.Second)
		before := len(d.states())
		first := f.last()
		reconnectFrame(first)
		pass(13 * time.Second)
		check(t, "dials before the time", 1, f.dialed())
		var release func()
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool {
			if p != first && frame.GetResume() != nil && release == nil {
				release = func() { p.answer(frame) }
				return true
			}
			return false
		})
		pass(2 * time.Second)
		d.inState(client.Moving)
		// Both sockets are open; the first still works.
		check(t, "send while moving", int64(2), seqOf(t, d.send("k", "hi")))
		f.say("k", 1)
		release()
		f.say("k", 1)
		pass(0)
		d.inState(client.Live)
		<-first.closed
		check(t, "the client closes the first with", uint16(1000), first.code)
		f.say("k", 1)
		pass(time.Second)
		check(t, "messages, each once", upTo(5), d.received("k"))
		// It may have to look for a message that is still on its way on the first socket.
		states := slices.DeleteFunc(d.states()[before:], func(s client.State) bool { return s == client.Syncing })
		check(t, "states", []client.State{client.Moving, client.Live}, states)
		check(t, "last epoch told", int64(101), auths(f)[1].GetLastEpoch())
	})
}

func TestReorderedAcrossTwoSockets(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		pass(30 * time.Second)
		first := f.last()
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool { return p != first && frame.GetResume() != nil })
		reconnectFrame(first)
		pass(15 * time.Second)
		set(f, &f.silent, true)
		items := f.say("k", 4)
		second := f.last()
		second.messages("k", items[1])
		pass(0)
		first.messages("k", items[0], items[1])
		pass(0)
		first.messages("k", items[3])
		pass(0)
		second.messages("k", items[2], items[3])
		pass(0)
		check(t, "messages", upTo(5), d.received("k"))
		check(t, "pulls", 0, f.count("ListMessages"))
	})
}

func TestFirstSocketClosedDuringTheMove(t *testing.T) {
	t.Parallel()
	for _, code := range []uint16{4000, 4409, 4002} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				d := join(t, f)
				first := f.last()
				var release func()
				set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool {
					if p != first && frame.GetResume() != nil {
						release = func() { p.answer(frame) }
						return true
					}
					return false
				})
				reconnectFrame(first)
				pass(15 * time.Second)
				first.close(code, "MOVED")
				pass(0)
				d.inState(client.Resuming)
				release()
				pass(0)
				d.inState(client.Live)
				check(t, "dials", 2, f.dialed())
			})
		})
	}
}

func TestMoveThatReachesTheDeadline(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		var down atomic.Bool
		set(f, &f.onUpgrade, func(int) (int, string) {
			if down.Load() {
				return 503, ""
			}
			return 0, ""
		})
		d := join(t, f)
		f.say("k", 1)
		pass(30 * time.Second)
		first := f.last()
		down.Store(true)
		reconnectFrame(first)
		pass(59 * time.Second)
		if f.dialed() < 4 {
			t.Errorf("%d dials; the second socket is tried again while the first is there", f.dialed())
		}
		check(t, "send on the first socket", int64(2), seqOf(t, d.send("k", "hi")))
		first.close(4000, "MOVED")
		pass(0)
		d.inState(client.Waiting)
		down.Store(false)
		pass(time.Minute)
		d.inState(client.Live)
		check(t, "messages", upTo(2), d.received("k"))
	})
}

func TestSupersededWithoutAMoveStops(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		listener := serve(t, f)
		one := joinAt(t, f, listener, client.NewMemoryStore())
		first := f.last()
		two := joinAt(t, f, listener, client.NewMemoryStore())
		first.close(4409, "SUPERSEDED")
		pass(time.Second)
		one.inState(client.Stopped)
		two.inState(client.Live)
	})
}

func TestOneOfTwoInstancesCloses(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		listener := serve(t, f)
		one := joinAt(t, f, listener, client.NewMemoryStore())
		two := joinAt(t, f, listener, client.NewMemoryStore())
		check(t, "instances differ", true,
			auths(f)[0].GetDevice().GetInstanceId() != auths(f)[1].GetDevice().GetInstanceId())
		if err := one.stop(); err != nil {
			t.Fatal(err)
		}
		f.say("k", 1)
		pass(time.Second)
		two.inState(client.Live)
		check(t, "messages of the other", upTo(1), two.received("k"))
	})
}
