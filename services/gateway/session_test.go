// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/gatewaytest"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestOpening(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		prepare func(r *rig, c *client)
		first   func(c *client)
		code    gateway.CloseCode
		refusal string
	}{
		"a proper auth opens the session": {
			first: func(c *client) { c.auth(1) },
		},
		"no auth in time": {
			first: func(*client) { pass(7 * time.Second) },
			code:  gateway.CloseAuthTimeout,
		},
		"another frame first": {
			first: func(c *client) { c.send(1, gateway.Ping{}) },
			code:  gateway.CloseProtocolOrder,
		},
		"an unknown frame first": {
			first: func(c *client) { c.send(1, "hello") },
			code:  gateway.CloseProtocolOrder,
		},
		"bytes that are no frame": {
			first: func(c *client) { c.session.Receive(c.r.ctx, []byte("{")) },
			code:  gateway.CloseBadFrame,
		},
		"more than 4 KiB before welcome": {
			first: func(c *client) { c.session.Receive(c.r.ctx, make([]byte, 4097)) },
			code:  gateway.CloseFrameTooBig,
		},
		"a token that proves nothing": {
			first: func(c *client) {
				c.send(1, gateway.Auth{Token: "forged", Device: c.login.Device, Instance: c.instance, Protocol: 1})
			},
			code: gateway.CloseAuthFailed, refusal: "SESSION_ENDED",
		},
		"a token of another device": {
			first: func(c *client) {
				c.send(1, gateway.Auth{Token: c.token, Device: ids.NewDevice(), Instance: c.instance, Protocol: 1})
			},
			code: gateway.CloseAuthFailed, refusal: "SESSION_ENDED",
		},
		"a protocol that is not spoken": {
			first: func(c *client) {
				c.send(1, gateway.Auth{Token: c.token, Device: c.login.Device, Instance: c.instance, Protocol: 2})
			},
			code: gateway.CloseClientTooOld,
		},
		"nobody can tell what the token proves": {
			prepare: func(r *rig, _ *client) { r.tokens.SetAway(true) },
			first:   func(c *client) { c.auth(1) },
			code:    gateway.CloseOverloaded, refusal: "UNAVAILABLE",
		},
		"ends of login sessions are not known": {
			prepare: func(r *rig, _ *client) { r.tokens.SetFresh(false) },
			first:   func(c *client) { c.auth(1) },
			code:    gateway.CloseOverloaded, refusal: "UNAVAILABLE",
		},
		"the user has no home pod": {
			prepare: func(r *rig, c *client) { r.network.SetHome(c.login.User, "nowhere") },
			first:   func(c *client) { c.auth(1) },
			code:    gateway.CloseOverloaded, refusal: "UNAVAILABLE",
		},
		"the login session ended before": {
			prepare: func(_ *rig, c *client) { c.hub.EndLogin(c.login.Session, gateway.EndReplaced) },
			first:   func(c *client) { c.auth(1) },
			code:    gateway.CloseReplaced,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, nil, func(r *rig) {
				c := r.connect()
				if row.prepare != nil {
					row.prepare(r, c)
				}
				row.first(c)
				c.wantClose(row.code)
				switch {
				case row.refusal != "":
					if got := as[gateway.Refusal](t, c.want("Refusal")); got.Reason != row.refusal {
						t.Errorf("refused with %s, want %s", got.Reason, row.refusal)
					}
				case row.code == 0:
					c.want("Welcome")
				}
				c.wantNothing()
			})
		})
	}
}

func TestWelcomeTellsTheSession(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.connect()
		c.auth(7)
		f := c.want("Welcome")
		w := as[gateway.Welcome](t, f)
		if f.ID != 7 || w.User != c.login.User || w.Session.IsZero() || w.Epoch < time.Now().UnixMilli() ||
			w.PingMS != 25000 || w.FrameBytes != 65536 || w.SendsInFlight != 32 {
			t.Errorf("welcome %d %+v", f.ID, w)
		}
	})
}

func TestTheHomePodIsSilent(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.connectTo("pod-b", newLogin())
		r.network.SetSilent("pod-a", true)
		start := time.Now()
		c.auth(1)
		c.wantClose(gateway.CloseOverloaded)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("closed after %v", took)
		}
		if _, reason := c.socket.Closed(); reason != "OVERLOADED;after=1000;jitter=5000" {
			t.Errorf("reason %q", reason)
		}
	}, "pod-a", "pod-b")
}

func TestAnsweringFrames(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		k := ids.NewConversation()
		c.send(2, gateway.Outgoing{Conversation: k})
		if f := c.want("Sent"); f.ID != 2 || as[gateway.Sent](t, f).Seq != 1 {
			t.Errorf("sent %+v", f)
		}
		c.send(0, gateway.Outgoing{Conversation: k}) // no id, no answer
		c.wantNothing()
		c.send(3, gateway.Read{Conversation: k, Seq: 1})
		c.send(4, gateway.Ack{})
		c.wantNothing()
		if got, want := fmt.Sprint(r.messages.Reads()), fmt.Sprintf("[%s %s 1]", c.login.User, k); got != want {
			t.Errorf("read markers %s, want %s", got, want)
		}
		r.tokens.SetReceiptsHidden(true)
		c.send(0, gateway.Read{Conversation: k, Seq: 2})
		c.wantNothing()
		if got, want := r.messages.Reads()[1], fmt.Sprintf("%s %s 2 hidden", c.login.User, k); got != want {
			t.Errorf("read marker %s, want %s", got, want)
		}
		c.send(5, "watch")
		f := c.want("Refusal")
		if got := as[gateway.Refusal](t, f); f.ID != 5 || got.Reason != "FRAME_UNKNOWN" || got.Retry != gateway.RetryNever {
			t.Errorf("refusal %+v", got)
		}
		c.wantOpen()
		c.send(6, gateway.Ping{})
		if p := as[gateway.Pong](t, c.want("Pong")); !p.Complete || p.Heads != nil || p.ServerTime != time.Now().UnixMilli() {
			t.Errorf("pong %+v", p)
		}
	})
}

func TestRefusalsTellWhatToDo(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		want gateway.Refusal
	}{
		"what is not found stays so": {
			fault.New(fault.NotFound, "NOT_FOUND", "x"), gateway.Refusal{Reason: "NOT_FOUND", Retry: gateway.RetryNever},
		},
		"a rate passes": {
			fault.New(fault.Exhausted, "MUTED", "x").After(3 * time.Second),
			gateway.Refusal{Reason: "MUTED", Retry: gateway.RetryAfter, RetryAfterMS: 3000},
		},
		"an outcome that is not known": {
			fault.ErrUnavailable, gateway.Refusal{Reason: "UNAVAILABLE", Retry: gateway.RetrySameID, RetryAfterMS: 1000},
		},
		"a deadline": {
			fmt.Errorf("call: %w", context.DeadlineExceeded), gateway.Refusal{Reason: "DEADLINE", Retry: gateway.RetrySameID, RetryAfterMS: 1000},
		},
		"a login that ended": {
			fault.ErrUnauthenticated, gateway.Refusal{Reason: "SESSION_ENDED", Retry: gateway.RetryLogin},
		},
		"internal text stays inside": {
			fmt.Errorf("table messages is on fire"),
			gateway.Refusal{Reason: "UNAVAILABLE", Retry: gateway.RetrySameID, RetryAfterMS: 1000},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, nil, func(r *rig) {
				c := r.live()
				r.messages.Fail(row.err)
				c.send(2, gateway.Outgoing{Conversation: ids.NewConversation()})
				got := as[gateway.Refusal](t, c.want("Refusal"))
				if fmt.Sprint(got) != fmt.Sprint(row.want) {
					t.Errorf("got %+v, want %+v", got, row.want)
				}
			})
		})
	}
}

func TestThirtyTwoSendsMayBeUnanswered(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		r.messages.Hold()
		for i := range 33 {
			c.send(int64(i+2), gateway.Outgoing{Conversation: ids.NewConversation()})
		}
		f := c.want("Refusal")
		if got := as[gateway.Refusal](t, f); f.ID != 34 || got.Reason != "TOO_MANY_IN_FLIGHT" || got.Retry != gateway.RetryAfter {
			t.Errorf("%d %+v", f.ID, got)
		}
		r.messages.Release()
		for range 32 {
			c.want("Sent")
		}
		c.send(40, gateway.Outgoing{Conversation: ids.NewConversation()})
		c.want("Sent")
	})
}

func TestRates(t *testing.T) {
	t.Parallel()
	t.Run("sixty sends of a user, then one a second", func(t *testing.T) {
		t.Parallel()
		inBubble(t, nil, func(r *rig) {
			c := r.live()
			for i := range 61 {
				c.send(int64(i+2), gateway.Outgoing{Conversation: ids.NewConversation()})
			}
			for range 60 {
				c.want("Sent")
			}
			got := as[gateway.Refusal](t, c.want("Refusal"))
			if got.Reason != "RATE_LIMITED" || got.Retry != gateway.RetryAfter || got.RetryAfterMS != 1000 || got.Metadata["limit"] != "sends_of_user" {
				t.Errorf("%+v", got)
			}
			pass(time.Second)
			c.send(99, gateway.Outgoing{Conversation: ids.NewConversation()})
			c.want("Sent")
		})
	})
	t.Run("fifty sends to a conversation", func(t *testing.T) {
		t.Parallel()
		inBubble(t, nil, func(r *rig) {
			c, k := r.live(), ids.NewConversation()
			for i := range 51 {
				c.send(int64(i+2), gateway.Outgoing{Conversation: k})
			}
			for range 50 {
				c.want("Sent")
			}
			if got := as[gateway.Refusal](t, c.want("Refusal")); got.Metadata["limit"] != "sends_of_conversation" {
				t.Errorf("%+v", got)
			}
		})
	})
	t.Run("a hundred frames at once, then the session ends", func(t *testing.T) {
		t.Parallel()
		inBubble(t, nil, func(r *rig) {
			c := r.live()
			for range 99 {
				c.send(0, gateway.Ack{})
			}
			c.wantOpen()
			c.send(0, gateway.Ack{})
			c.wantClose(gateway.CloseRateLimited)
		})
	})
	t.Run("twenty connections of a user", func(t *testing.T) {
		t.Parallel()
		inBubble(t, nil, func(r *rig) {
			login := newLogin()
			for range 20 {
				r.liveOn("pod-a", login)
			}
			c := r.connectTo("pod-a", login)
			c.auth(1)
			c.wantClose(gateway.CloseTooManyConnections)
		})
	})
}

func TestSwappingTheToken(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		old := c.login
		next := gateway.Login{User: old.User, Device: old.Device, Session: ids.NewLoginSession()}
		r.tokens.Issue("next", next)
		c.send(2, gateway.Auth{Token: "next", Device: old.Device, Instance: c.instance, Protocol: 1})
		c.want("Welcome")
		c.hub.EndLogin(old.Session, gateway.EndRevoked)
		c.wantOpen()
		c.hub.EndLogin(next.Session, gateway.EndRevoked)
		c.wantClose(gateway.CloseSessionRevoked)
	})
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		other := gateway.Login{User: ids.NewUser(), Device: c.login.Device, Session: ids.NewLoginSession()}
		r.tokens.Issue("other", other)
		c.send(2, gateway.Auth{Token: "other", Device: other.Device, Instance: c.instance, Protocol: 1})
		c.wantClose(gateway.CloseAuthFailed)
	})
}

func TestEndsOfLogins(t *testing.T) {
	t.Parallel()
	for reason, code := range map[gateway.EndReason]gateway.CloseCode{
		gateway.EndRevoked: gateway.CloseSessionRevoked, gateway.EndExpired: gateway.CloseSessionExpired,
		gateway.EndReplaced: gateway.CloseReplaced, gateway.EndSuspended: gateway.CloseSuspended,
		gateway.EndDeleted: gateway.CloseAccountDeleted,
	} {
		inBubble(t, nil, func(r *rig) {
			c, other := r.live(), r.live()
			c.socket.Stick()
			c.hub.Deliver([]gateway.Delivery{message("a", ids.NewConversation(), 1, c.login.User)}, false)
			synctest.Wait()
			c.hub.Deliver([]gateway.Delivery{message("secret", ids.NewConversation(), 1, c.login.User)}, false)
			c.hub.EndLogin(c.login.Session, reason)
			pass(2 * time.Second) // a stuck socket is ended too
			c.wantClose(code)
			c.wantNothing()
			other.wantOpen()
		})
	}
}

func TestLiveness(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, silent := r.live(), r.live()
		silent.socket.OnPing(nil)
		pass(5 * time.Minute)
		c.wantOpen()
		silent.wantClose(gateway.CloseSilent)
		if n := c.socket.Pings(); n != 12 {
			t.Errorf("%d pings in five minutes", n)
		}
	})
}

func TestASocketThatTakesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		c.socket.Stick()
		c.hub.Deliver([]gateway.Delivery{message("a", ids.NewConversation(), 1, c.login.User)}, false)
		synctest.Wait()
		c.socket.Unstick(gateway.ErrSlow)
		c.wantClose(gateway.CloseSlow)
		if n := c.hub.Stats().Closes[gateway.CloseSlow]; n != 1 {
			t.Errorf("%d slow closes", n)
		}
	})
}

func TestWhatWaitsLeavesInOneWrite(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		c.socket.Stick()
		k := ids.NewConversation()
		for seq := range int64(10) {
			c.hub.Deliver([]gateway.Delivery{message(fmt.Sprint(seq), k, seq, c.login.User)}, false)
			synctest.Wait()
		}
		before := c.socket.Writes()
		c.socket.Unstick(nil)
		if got := c.texts(); got != "0 1 2 3 4 5 6 7 8 9" {
			t.Errorf("got %s", got)
		}
		if n := c.socket.Writes() - before; n != 2 {
			t.Errorf("%d writes", n)
		}
	})
}

func TestAdmission(t *testing.T) {
	t.Parallel()
	inBubble(t, func(l *gateway.Limits) { l.Sessions = 25; l.HalfOpenPerAddress = 3 }, func(r *rig) {
		hub := r.hubs["pod-a"]
		var tickets []*gateway.Ticket
		for range 3 {
			ticket, err := hub.Admit("198.51.100.1")
			if err != nil {
				t.Fatal(err)
			}
			tickets = append(tickets, ticket)
		}
		if _, err := hub.Admit("198.51.100.1"); err != gateway.ErrAddressBusy { //nolint:errorlint // exact on purpose
			t.Errorf("a fourth half-open connection: %v", err)
		}
		tickets[0].Release()
		tickets[0].Release()
		if _, err := hub.Admit("198.51.100.1"); err != nil {
			t.Errorf("after a release: %v", err)
		}
		for range 22 {
			if _, err := hub.Admit(""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := hub.Admit(""); err != gateway.ErrFull { //nolint:errorlint // exact on purpose
			t.Errorf("a full pod: %v", err)
		}
		if got := hub.Stats().Refused; got["address"] != 1 || got["full"] != 1 {
			t.Errorf("refused %v", got)
		}
	})
}

func TestAPanicEndsOneSession(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, other := r.live(), r.live()
		c.session.Receive(nil, gatewaytest.Client(2, gateway.Read{Conversation: ids.NewConversation()})) //nolint:staticcheck // breaks on purpose
		c.wantClose(gateway.CloseInternal)
		other.wantOpen()
	})
}
