// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/client"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// TestWhateverTheNetworkDoesEachMessageIsToldOnceInOrder drops, doubles and swaps pushes of messages and
// changes, loses answers, breaks and moves connections at random, and sends meanwhile.
func TestWhateverTheNetworkDoesEachMessageIsToldOnceInOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) { randomWorld(t, f, seed) })
		})
	}
}

func randomWorld(t *testing.T, f *fake, seed uint64) {
	dice, clients := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
	listener, store := serve(t, f), client.NewMemoryStore()
	d := joinAt(t, f, listener, store, func(c *client.Config) { c.Random = clients.Float64 })
	lose := func(*peer, *gatewayv1.ClientFrame) bool { return false }
	set(f, &f.silent, true)
	rooms := []string{"a", "b", "c"}
	sent := map[string]int{}
	var late []*messagev1.Message
	var overdue []*gatewayv1.ServerFrame
	for range 60 {
		id := rooms[dice.IntN(len(rooms))]
		switch dice.IntN(13) {
		case 0: // a connection breaks
			f.last().close([]uint16{1001, 4000, 4001, 4004, 4101, 4200}[dice.IntN(6)], "")
		case 1: // a planned move
			f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Reconnect{Reconnect: &gatewayv1.Reconnect{
				AfterMs: 500, JitterMs: 3000, DeadlineMs: 60000,
			}}})
		case 2: // the answer to a send is lost
			set(f, &f.onFrame, once(isSend, func(p *peer, frame *gatewayv1.ClientFrame) { p.f.commit(frame.GetSend()) }))
		case 3, 4: // the user sends
			sent[id]++
			if _, err := d.Enqueue(id, client.Text("mine")); err != nil {
				t.Fatal(err)
			}
		case 5, 6, 7: // a message changes; the push arrives, is lost, comes twice or late
			n := len(f.bodies(id))
			if n == 0 {
				break
			}
			frame := f.change(id, int64(1+dice.IntN(n)), "changed "+strconv.Itoa(dice.IntN(1000)))
			switch dice.IntN(5) {
			case 0:
			case 1:
				overdue = append(overdue, frame)
			case 2:
				f.last().write(frame)
				f.last().write(frame)
			default:
				f.last().write(frame)
			}
			for len(overdue) > 0 && dice.IntN(2) == 0 {
				f.last().write(overdue[0])
				overdue = overdue[1:]
			}
		default: // others write; each push arrives, is lost, comes twice or late
			for _, m := range f.say(id, 1+dice.IntN(4)) {
				switch dice.IntN(5) {
				case 0:
				case 1:
					late = append(late, m)
				case 2:
					f.last().messages(id, m, m)
				default:
					f.last().messages(id, m)
				}
			}
			dice.Shuffle(len(late), func(i, j int) { late[i], late[j] = late[j], late[i] })
			for len(late) > 0 && dice.IntN(2) == 0 {
				f.last().messages(late[0].GetConversationId(), late[0])
				late = late[1:]
			}
		}
		pass(time.Duration(dice.IntN(2000)) * time.Millisecond)
	}
	set(f, &f.onFrame, lose)
	pass(3 * time.Minute)
	d.inState(client.Live)
	for _, id := range rooms {
		bodies := f.bodies(id)
		check(t, "messages of "+id, upTo(int64(len(bodies))), d.received(id))
		check(t, "texts of "+id, bodies, d.shown(id))
		check(t, "own messages of "+id, sent[id], f.byMe(id))
		snapshot, _ := store.Load()
		check(t, "position of "+id, int64(len(bodies)), snapshot.Positions[id].Seq)
		check(t, "rev of "+id, f.rev(id), snapshot.Positions[id].Rev)
	}
	snapshot, _ := store.Load()
	check(t, "outbox", 0, len(snapshot.Outbox))
}

// byMe counts the messages of the user in a room.
func (f *fake) byMe(id string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.room(id).messages {
		if m.GetSenderId() == me {
			n++
		}
	}
	return n
}

// rev of a room.
func (f *fake) rev(id string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.room(id).changes))
}
