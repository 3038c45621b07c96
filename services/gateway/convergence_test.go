// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/gatewaytest"
	"github.com/parley-chat/parley/services/internal/ids"
)

// TestNothingIsDroppedInSilence lets everything go wrong at random: envelopes are lost on either hop, the
// broker goes, homes move, sockets take nothing, clients reconnect, ends of logins are unknown. A client
// that follows the protocol must know every head in the end, whatever was dropped. Once there is no second
// net: no ping and no comparison of heads by the clock, so each fault must be told by itself; once pods
// remember little and losses are not even noticed, so only the second net is left.
func TestNothingIsDroppedInSilence(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("without a second net, seed ", seed), func(t *testing.T) {
			t.Parallel()
			change := func(l *gateway.Limits) { l.QueueFrames, l.FramesBurst, l.CheckEvery = 6, 1000, 24*time.Hour }
			inBubble(t, change, func(r *rig) { newStorm(r, seed, false).run() }, "pod-a", "pod-b", "pod-c")
		})
		t.Run(fmt.Sprint("with nothing else, seed ", seed), func(t *testing.T) {
			t.Parallel()
			change := func(l *gateway.Limits) { l.QueueFrames, l.FramesBurst, l.HeadsKept = 6, 1000, 3 }
			inBubble(t, change, func(r *rig) { newStorm(r, seed, true).run() }, "pod-a", "pod-b", "pod-c")
		})
	}
}

// storm is the state of one run.
type storm struct {
	r       *rig
	random  *rand.Rand
	pods    []string
	logins  []gateway.Login
	members map[ids.ConversationID][]int // indices of logins
	heads   map[ids.ConversationID]int64
	clients []*follower
	pings   bool            // clients ping, and nobody notices losses
	holes   map[string]bool // pods that have yet to notice a loss
	away    map[string]bool // pods without broker
	old     gateway.View    // the ring before its last change, which some senders still see
}

// follower is a client that follows the protocol.
type follower struct {
	*client

	storm  *storm
	who    int
	cursor string
	known  map[ids.ConversationID]int64
	next   int64 // frame id
	stuck  bool
	idle   time.Duration // since the last ping
}

func newStorm(r *rig, seed uint64, pings bool) *storm {
	s := &storm{
		r: r, random: rand.New(rand.NewPCG(seed, 1)), pods: []string{"pod-a", "pod-b", "pod-c"},
		members: map[ids.ConversationID][]int{}, heads: map[ids.ConversationID]int64{},
		pings: pings, holes: map[string]bool{}, away: map[string]bool{},
	}
	for range 4 {
		s.logins = append(s.logins, newLogin())
	}
	for i := range 12 {
		k := ids.ConversationID{1, byte(i)}
		s.members[k] = []int{i % 4, (i + 1 + i/4) % 4}
	}
	for i := range 6 {
		f := &follower{storm: s, who: i % 4, known: map[ids.ConversationID]int64{}, cursor: "0"}
		f.connect()
		s.clients = append(s.clients, f)
	}
	return s
}

// lucky is true once in n times.
func (s *storm) lucky(n int) bool { return s.random.IntN(n) == 0 }

func (s *storm) run() {
	s.r.network.SetLoss(s.loses)
	for range 250 {
		s.disturb()
		s.notice()
		for range s.random.IntN(8) {
			s.message()
		}
		s.pass(time.Duration(s.random.IntN(8000)) * time.Millisecond)
	}
	s.flood()
	s.calm()
	for i := range 60 {
		s.pass(15 * time.Second)
		if i == 3 && !s.pings {
			break // enough to register again and to compare what was asked for
		}
	}
	for i, f := range s.clients {
		want := map[ids.ConversationID]int64{}
		for k, seq := range s.heads {
			if s.isMember(k, f.who) && seq > 0 {
				want[k] = seq
			}
		}
		if diff := cmp.Diff(want, f.known); diff != "" {
			s.r.t.Errorf("client %d does not know all: %s", i, diff)
		}
	}
}

func (s *storm) isMember(k ids.ConversationID, who int) bool {
	return s.members[k][0] == who || s.members[k][1] == who
}

// disturb does one thing that goes wrong, or ends one.
func (s *storm) disturb() {
	f := s.clients[s.random.IntN(len(s.clients))]
	switch s.random.IntN(12) {
	case 0:
		s.old = s.r.network.View()
		s.r.network.SetHome(s.logins[f.who].User, s.pods[s.random.IntN(3)])
	case 1:
		if !f.stuck {
			f.socket.Stick()
			f.stuck = true
		}
	case 2:
		f.unstick()
	case 3:
		f.session.Gone(1006)
		f.socket.Unstick(gateway.ErrSlow)
		f.connect()
	case 4:
		pod := s.pods[s.random.IntN(3)]
		s.away[pod] = true
		s.r.hubs[pod].BrokerLost()
	case 5:
		s.bind()
	case 6:
		s.r.tokens.SetFresh(s.lucky(2))
	case 7:
		s.r.network.SetSilent(s.pods[s.random.IntN(3)], s.lucky(2))
	default:
	}
}

// loses tells whether an envelope to a pod does not arrive. The pod will see a hole in the numbers, or
// has no broker and knows it.
func (s *storm) loses(pod string) bool {
	if s.away[pod] {
		return true
	}
	lost := s.lucky(10)
	s.holes[pod] = s.holes[pod] || lost
	return lost
}

// notice lets pods see the holes, soon.
func (s *storm) notice() {
	for _, pod := range s.pods {
		if s.holes[pod] && !s.pings && s.lucky(2) {
			delete(s.holes, pod)
			s.r.hubs[pod].EnvelopeLost(false)
		}
	}
}

func (s *storm) bind() {
	for _, pod := range s.pods {
		if s.away[pod] {
			delete(s.away, pod)
			s.r.hubs[pod].BrokerBound()
		}
	}
}

// flood fills every session queue.
func (s *storm) flood() {
	for _, f := range s.clients {
		if !f.stuck {
			f.socket.Stick()
			f.stuck = true
		}
	}
	for range 60 {
		s.message()
	}
	s.pass(time.Second)
}

// calm ends all that goes wrong.
func (s *storm) calm() {
	s.r.network.SetLoss(nil)
	s.r.tokens.SetFresh(true)
	s.bind()
	for _, pod := range s.pods {
		s.r.network.SetSilent(pod, false)
		if s.holes[pod] && !s.pings {
			s.r.hubs[pod].EnvelopeLost(false)
		}
	}
	for _, f := range s.clients {
		f.unstick()
	}
}

// message commits one message, and brings it to the home pods unless it is lost on the way.
func (s *storm) message() {
	k := ids.ConversationID{1, byte(s.random.IntN(12))}
	s.heads[k]++
	for _, who := range s.members[k] {
		s.r.messages.Move(s.logins[who].User, gateway.Head{Conversation: k, Seq: s.heads[k], MembersRev: 1})
	}
	for _, who := range s.members[k] {
		user := s.logins[who].User
		view := s.r.network.View()
		if s.old != nil && s.lucky(3) {
			view = s.old
		}
		home, ok := view.Home(user)
		if ok && !s.loses(home.Pod) {
			text := fmt.Sprintf("%d %d", k[1], s.heads[k])
			s.r.hubs[home.Pod].Deliver([]gateway.Delivery{message(text, k, s.heads[k], user)}, false)
		}
	}
}

// pass lets time pass; clients read what came, and ping every 25 s.
func (s *storm) pass(d time.Duration) {
	pass(d)
	for _, f := range s.clients {
		f.read()
		if f.idle += d; f.idle >= 25*time.Second && f.storm.pings && !f.stuck {
			f.idle = 0
			f.ask()
		}
	}
}

// connect opens the next connection and resumes; while that is refused it tries again later.
func (f *follower) connect() {
	login := f.storm.logins[f.who]
	f.client = f.storm.r.connectTo(f.storm.pods[f.storm.random.IntN(3)], login)
	f.stuck = false
	f.auth(1)
	f.send(2, gateway.Resume{Cursor: f.cursor})
}

func (f *follower) unstick() {
	f.socket.Unstick(nil)
	f.stuck = false
}

func (f *follower) ask() {
	f.next++
	f.send(10+f.next, gateway.Ping{Cursor: f.cursor})
}

// read handles what came, and reconnects after a close.
func (f *follower) read() {
	synctest.Wait()
	for _, frame := range f.socket.Take() {
		f.handle(frame)
	}
	if code, _ := f.socket.Closed(); code != 0 {
		if code.Rule() == gateway.RuleSync {
			f.cursor = ""
		}
		f.session.Gone(code)
		f.ticket.Release()
		f.connect()
	}
}

func (f *follower) handle(frame gatewaytest.Frame) {
	t := f.storm.r.t
	switch frame.Kind {
	case "string":
		var conversation byte
		var seq int64
		if _, err := fmt.Sscan(as[string](t, frame), &conversation, &seq); err != nil {
			t.Fatal(err)
		}
		f.learn(ids.ConversationID{1, conversation}, seq)
	case "Resync":
		if rs := as[gateway.Resync](t, frame); rs.Conversation.IsZero() {
			f.ask()
		} else {
			f.learn(rs.Conversation, f.storm.heads[rs.Conversation])
		}
	case "Heads":
		h := as[gateway.Heads](t, frame)
		f.take(h.Heads, h.Reset, h.Cursor)
	case "Pong":
		p := as[gateway.Pong](t, frame)
		f.take(p.Heads, false, p.Cursor)
		if !p.Complete {
			f.pull()
		}
	}
}

// take compares heads and pulls what is behind; then everything up to the cursor is known.
func (f *follower) take(heads []gateway.Head, reset bool, cursor string) {
	for _, h := range heads {
		f.learn(h.Conversation, h.Seq)
	}
	if reset {
		f.pull()
		return
	}
	f.cursor = cursor
}

// pull is Sync by RPC: all heads, and a cursor.
func (f *follower) pull() {
	heads, err := f.storm.r.messages.Sync(f.storm.r.ctx, gateway.Question{User: f.storm.logins[f.who].User, Cursor: "0"})
	if err != nil {
		f.storm.r.t.Fatal(err)
	}
	f.take(heads.Heads, false, heads.Cursor)
}

func (f *follower) learn(k ids.ConversationID, seq int64) {
	if f.known[k] < seq {
		f.known[k] = seq
	}
}
