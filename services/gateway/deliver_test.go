// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/gatewaytest"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestDeliveriesReachTheSessionsOfTheirUsers(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		login := newLogin()
		phone, laptop, other := r.liveOn("pod-a", login), r.liveOn("pod-a", login), r.live()
		waiting := r.connect()
		k := ids.NewConversation()
		r.hubs["pod-a"].Deliver([]gateway.Delivery{
			message("both", k, 1, login.User), message("all", k, 2, login.User, other.login.User, waiting.login.User),
		}, false)
		if got := phone.texts(); got != "both all" {
			t.Errorf("phone got %q", got)
		}
		if got := laptop.texts(); got != "both all" {
			t.Errorf("laptop got %q", got)
		}
		if got := other.texts(); got != "all" {
			t.Errorf("other got %q", got)
		}
		waiting.wantNothing()
	})
}

func TestTheSessionThatTypedHearsNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		login, peer := newLogin(), r.live()
		phone, laptop := r.liveOn("pod-a", login), r.liveOn("pod-a", login)
		k := ids.NewConversation()
		r.messages.SetMembers(k, login.User, peer.login.User)
		phone.send(0, gateway.Typing{Conversation: k, State: 1})
		phone.wantNothing()
		for _, c := range []*client{laptop, peer} {
			got := as[gateway.Typing](t, c.want("Typing"))
			if got.User != login.User || got.Conversation != k || got.State != 1 {
				t.Errorf("typing %+v", got)
			}
		}
		phone.send(0, gateway.Typing{Conversation: k, State: 2})
		phone.send(0, gateway.Typing{Conversation: k, State: 1}) // too soon
		laptop.want("Typing")
		laptop.wantNothing()
		pass(3 * time.Second)
		phone.send(0, gateway.Typing{Conversation: k, State: 1})
		laptop.want("Typing")
		phone.send(9, gateway.Typing{Conversation: ids.NewConversation(), State: 1})
		if got := as[gateway.Refusal](t, phone.want("Refusal")); got.Reason != "NOT_FOUND" {
			t.Errorf("typing in a foreign conversation: %+v", got)
		}
	})
}

func TestGuestsHearThroughTheirHome(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		login, peer := newLogin(), newLogin()
		home, guest := r.liveOn("pod-a", login), r.liveOn("pod-b", login)
		far := r.liveOn("pod-c", peer)
		k := ids.NewConversation()
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("hello", k, 1, login.User, peer.User)}, false)
		for name, c := range map[string]*client{"home": home, "guest": guest, "far": far} {
			if got := c.texts(); got != "hello" {
				t.Errorf("%s got %q", name, got)
			}
		}
		for _, tr := range r.network.Transfers() {
			if !tr.Forwarded || len(tr.Delivery.Users) != 1 {
				t.Errorf("transfer %+v", tr)
			}
		}
		// What was forwarded is never forwarded again.
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("once", k, 2, login.User)}, true)
		if got := home.texts(); got != "once" {
			t.Errorf("home got %q", got)
		}
		guest.wantNothing()
		if s := r.hubs["pod-b"].Stats(); s.Sessions != 1 || s.Guests != 1 {
			t.Errorf("holder counts %+v", s)
		}
		if s := r.hubs["pod-a"].Stats(); s.Registered != 3 || s.Elsewhere != 2 {
			t.Errorf("home counts %+v", s)
		}
		// A holder whose last session has gone is told nothing more.
		guest.session.Gone(gateway.CloseNormal)
		pass(11 * time.Second)
		r.network.Transfers()
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("gone", k, 3, login.User)}, false)
		if got := r.network.Transfers(); len(got) != 0 {
			t.Errorf("%d transfers to a holder without sessions", len(got))
		}
	}, "pod-a", "pod-b", "pod-c")
}

func TestASenderWithAnOldRingLosesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		login := newLogin()
		r.network.SetHome(login.User, "pod-b")
		c := r.liveOn("pod-c", login)
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("hello", ids.NewConversation(), 1, login.User)}, false)
		if got := c.texts(); got != "hello" {
			t.Errorf("got %q", got)
		}
	}, "pod-a", "pod-b", "pod-c")
}

func TestANewerConnectionOfAnInstanceWins(t *testing.T) {
	t.Parallel()
	for _, pod := range []string{"pod-a", "pod-b"} {
		inBubble(t, nil, func(r *rig) {
			login := newLogin()
			old := r.liveOn(pod, login)
			next := r.connectTo("pod-b", login)
			next.instance = old.instance
			next.auth(1)
			next.want("Welcome")
			pass(11 * time.Second) // the next renewal, if the home is another pod
			old.wantClose(gateway.CloseSuperseded)
			next.wantOpen()
			r.hubs["pod-a"].Deliver([]gateway.Delivery{message("hello", ids.NewConversation(), 1, login.User)}, false)
			if got := next.texts(); got != "hello" {
				t.Errorf("got %q", got)
			}
			old.wantNothing()
		}, "pod-a", "pod-b")
	}
}

func TestAHomeThatChanges(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		k, quiet := ids.NewConversation(), ids.NewConversation()
		c.send(2, gateway.Resume{Cursor: "0"})
		c.want("Heads")
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("1", quiet, 1, c.login.User)}, false)
		r.messages.Move(c.login.User, gateway.Head{Conversation: quiet, Seq: 1, MembersRev: 1})
		r.messages.Move(c.login.User, gateway.Head{Conversation: k, Seq: 5, MembersRev: 1}) // its envelope is lost in the change
		r.network.SetHome(c.login.User, "pod-b")
		if got := c.want("string"); as[string](t, got) != "1" {
			t.Errorf("got %q", got.Body)
		}
		got := as[gateway.Resync](t, c.want("Resync"))
		if got.Conversation != k || got.Reason != gateway.ResyncHomeChanged {
			t.Errorf("resync %+v", got)
		}
		c.wantNothing()
		r.hubs["pod-b"].Deliver([]gateway.Delivery{message("6", k, 6, c.login.User)}, false)
		if got := c.texts(); got != "6" {
			t.Errorf("from the new home: %q", got)
		}
	}, "pod-a", "pod-b")
}

func TestWhoIsNotRegisteredDeliversNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		login := newLogin()
		c := r.liveOn("pod-b", login)
		c.send(2, gateway.Resume{Cursor: "0"})
		c.want("Heads")
		r.network.SetSilent("pod-a", true)
		pass(45 * time.Second)
		k := ids.NewConversation()
		r.hubs["pod-b"].Deliver([]gateway.Delivery{message("late", k, 1, login.User)}, true)
		c.wantNothing()
		r.messages.Move(login.User, gateway.Head{Conversation: k, Seq: 1, MembersRev: 1})
		r.network.SetSilent("pod-a", false)
		pass(15 * time.Second)
		if got := as[gateway.Resync](t, c.want("Resync")); got.Conversation != k {
			t.Errorf("resync %+v", got)
		}
	}, "pod-a", "pod-b")
}

func TestNothingIsDeliveredWhileEndsOfLoginsAreUnknown(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, k := r.live(), ids.NewConversation()
		c.send(2, gateway.Resume{Cursor: "0"})
		c.want("Heads")
		pass(time.Second)
		r.tokens.SetFresh(false)
		pass(2 * time.Second)
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("secret", k, 1, c.login.User)}, false)
		r.messages.Move(c.login.User, gateway.Head{Conversation: k, Seq: 1, MembersRev: 1})
		c.wantNothing()
		c.send(3, gateway.Outgoing{Conversation: k})
		if got := as[gateway.Refusal](t, c.want("Refusal")); got.Retry != gateway.RetrySameID {
			t.Errorf("send: %+v", got)
		}
		c.send(4, gateway.Ping{Cursor: "0"})
		if got := as[gateway.Pong](t, c.want("Pong")); len(got.Heads) > 0 {
			t.Errorf("pong %+v", got)
		}
		r.tokens.SetFresh(true)
		pass(2 * time.Second)
		if got := as[gateway.Resync](t, c.want("Resync")); got.Conversation != k {
			t.Errorf("resync %+v", got)
		}
	})
}

func TestOverflowTurnsIntoResync(t *testing.T) {
	t.Parallel()
	change := func(l *gateway.Limits) { l.QueueFrames = 8; l.QueueBytes = 4000 }
	busy, calm := ids.ConversationID{1}, ids.ConversationID{2}
	for name, row := range map[string]struct {
		push func(c *client) []gateway.Delivery
		want string
	}{
		"what fits arrives": {
			push: func(c *client) []gateway.Delivery { return many(c, busy, 7) },
			want: "m1 m2 m3 m4 m5 m6 m7",
		},
		"a conversation that overflows is pulled from its first dropped message on": {
			push: func(c *client) []gateway.Delivery {
				return append([]gateway.Delivery{message("calm", calm, 1, c.login.User)}, many(c, busy, 30)...)
			},
			want: "calm resync(busy from 1)",
		},
		"by bytes too": {
			push: func(c *client) []gateway.Delivery {
				return []gateway.Delivery{
					message(strings.Repeat("x", 3900), busy, 1, c.login.User), message("m2", busy, 2, c.login.User),
				}
			},
			want: "resync(busy from 1)",
		},
		"typing goes first": {
			push: func(c *client) []gateway.Delivery {
				typing := message("typing", ids.ConversationID{}, 0, c.login.User)
				typing.Class = gateway.ClassEphemeral
				list := many(c, busy, 6)
				return append([]gateway.Delivery{typing, typing}, append(list, message("m7", busy, 7, c.login.User), typing)...)
			},
			want: "m1 m2 m3 m4 m5 m6 m7 typing",
		},
		"markers of one reader are coalesced": {
			push: func(c *client) []gateway.Delivery {
				var list []gateway.Delivery
				for i := range 20 {
					m := message(fmt.Sprint("read", i), busy, 0, c.login.User)
					m.Class, m.Reader = gateway.ClassMarker, ids.UserID{byte(1 + i%2)}
					list = append(list, m)
				}
				return list
			},
			want: "read18 read19",
		},
		"a marker that comes late takes no newer one's place": {
			push: func(c *client) []gateway.Delivery {
				var list []gateway.Delivery
				for _, seq := range []int64{3, 9, 7} {
					m := message(fmt.Sprint("read", seq), busy, seq, c.login.User)
					m.Class, m.Reader = gateway.ClassMarker, ids.UserID{1}
					list = append(list, m)
				}
				return list
			},
			want: "read9",
		},
		"facts that belong to no conversation make one resync for all": {
			push: func(c *client) []gateway.Delivery {
				var list []gateway.Delivery
				for i := range 12 {
					list = append(list, message(fmt.Sprint("friend", i), ids.ConversationID{}, 0, c.login.User))
				}
				return append(list, message("m1", busy, 1, c.login.User))
			},
			want: "resync(all)",
		},
		"many overflowing conversations make one resync for all": {
			push: func(c *client) []gateway.Delivery {
				var list []gateway.Delivery
				for i := range 40 {
					list = append(list, message("x", ids.ConversationID{9, byte(i)}, 3, c.login.User))
				}
				return list
			},
			want: "resync(all)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, change, func(r *rig) {
				c := r.live()
				c.socket.Stick()
				c.hub.Deliver([]gateway.Delivery{message("first", calm, 1, c.login.User)}, false)
				synctest.Wait() // "first" is being written
				c.hub.Deliver(row.push(c), false)
				c.socket.Unstick(nil)
				if as[string](t, c.want("string")) != "first" {
					t.Error("the frame that was being written is gone")
				}
				if got := told(t, c, busy); got != row.want {
					t.Errorf("got %s, want %s", got, row.want)
				}
				c.wantOpen()
			})
		})
	}
}

func many(c *client, k ids.ConversationID, n int) []gateway.Delivery {
	var list []gateway.Delivery
	for i := range n {
		list = append(list, message(fmt.Sprint("m", i+1), k, int64(i+1), c.login.User))
	}
	return list
}

// told lists texts and resyncs.
func told(t *testing.T, c *client, busy ids.ConversationID) string {
	t.Helper()
	var list []string
	for _, f := range c.take() {
		switch f.Kind {
		case "Resync":
			rs := as[gateway.Resync](t, f)
			switch rs.Conversation {
			case busy:
				list = append(list, fmt.Sprintf("resync(busy from %d)", rs.FromSeq))
			case ids.ConversationID{}:
				list = append(list, "resync(all)")
			default:
				list = append(list, "resync(other)")
			}
		default:
			list = append(list, as[string](t, f))
		}
	}
	return strings.Join(list, " ")
}

func TestAClientThatAsksAndDoesNotReadIsSentAway(t *testing.T) {
	t.Parallel()
	inBubble(t, func(l *gateway.Limits) { l.QueueFrames = 8 }, func(r *rig) {
		c := r.live()
		c.socket.Stick()
		for i := range 40 {
			c.send(int64(i+2), gateway.Ping{})
		}
		pass(3 * time.Second)
		c.wantClose(gateway.CloseSlow)
	})
}

func TestOneEncodingIsShared(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		var users []ids.UserID
		var clients []*client
		for range 5 {
			c := r.live()
			clients, users = append(clients, c), append(users, c.login.User)
		}
		d := gateway.Delivery{Frame: gatewaytest.Raw("x"), Class: gateway.ClassDurable, Users: users}
		r.hubs["pod-a"].Deliver([]gateway.Delivery{d, d}, false)
		for _, c := range clients {
			if got := c.texts(); got != "x x" {
				t.Errorf("got %q", got)
			}
		}
	})
}
