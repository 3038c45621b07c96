// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

// plan is a drain of five minutes as a cluster has it.
func plan() gateway.DrainPlan {
	return gateway.DrainPlan{
		Timeout: 5 * time.Minute, InitialDelay: 10 * time.Second, Rate: 4, Jitter: 20 * time.Second, Deadline: time.Minute,
	}
}

// fixed is a short drain in a ring that does not change.
func fixed(timeout time.Duration) gateway.DrainPlan {
	return gateway.DrainPlan{Timeout: timeout, Rate: 300, Jitter: 20 * time.Second, Deadline: time.Minute, Fixed: true}
}

// drainage is a drain of a pod in the background.
type drainage struct {
	r     *rig
	pod   string
	start time.Time
	done  chan struct{}
}

func (r *rig) drain(pod string, p gateway.DrainPlan) *drainage {
	d := &drainage{r: r, pod: pod, start: time.Now(), done: make(chan struct{})}
	go func() {
		defer close(d.done)
		r.hubs[pod].Drain(r.ctx, p)
	}()
	synctest.Wait()
	return d
}

// wantEnd waits for the end, which must come between two times after the start.
func (d *drainage) wantEnd(from, to time.Duration) {
	d.r.t.Helper()
	<-d.done
	if took := time.Since(d.start); took < from || took > to {
		d.r.t.Errorf("drained after %v, want %v to %v", took, from, to)
	}
}

func (d *drainage) wantMoves(want map[gateway.MoveOutcome]int64) {
	d.r.t.Helper()
	got := d.r.hubs[d.pod].Stats().Moves
	for outcome, n := range got {
		if n == 0 {
			delete(got, outcome)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.r.t.Error(diff)
	}
}

// follows opens the second connection of a client elsewhere once it is asked to move, then ends the first.
func (c *client) follows(pod string, asked gateway.Reconnect) *client {
	c.r.t.Helper()
	pass(time.Duration(asked.JitterMS) * time.Millisecond / 2)
	next := c.r.connectTo(pod, c.login)
	next.instance = c.instance
	next.auth(1)
	next.want("Welcome")
	c.session.Gone(gateway.CloseNormal)
	return next
}

func TestDrainWithoutAnotherGatewayIsFast(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		plan gateway.DrainPlan
		pods []string
		ends time.Duration
	}{
		"the only pod of a fixed ring":      {fixed(time.Minute), []string{"pod-a"}, 0},
		"the only pod of a cluster":         {plan(), []string{"pod-a"}, 5 * time.Second},
		"all pods of a cluster end at once": {plan(), []string{"pod-a", "pod-b"}, 5 * time.Second},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, nil, func(r *rig) {
				c := r.live()
				for _, pod := range row.pods {
					r.network.SetReady(pod, false)
				}
				d := r.drain("pod-a", row.plan)
				d.wantEnd(row.ends, row.ends)
				c.wantClose(gateway.CloseMaintenance)
				if _, reason := c.socket.Closed(); reason != "MAINTENANCE;after=5000;jitter=30000" {
					t.Errorf("reason %q", reason)
				}
				if _, err := r.hubs["pod-a"].Admit(""); err != gateway.ErrDraining { //nolint:errorlint // exact on purpose
					t.Errorf("a new connection: %v", err)
				}
				d.wantMoves(map[gateway.MoveOutcome]int64{gateway.MoveSentAway: 1})
			}, row.pods...)
		})
	}
}

func TestDrainMovesSessions(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		clients := []*client{r.live(), r.live(), r.live(), r.live()}
		opening := r.connect()
		d := r.drain("pod-a", fixed(40*time.Second))
		for _, c := range clients {
			pass(100 * time.Millisecond)
			got := as[gateway.Reconnect](t, c.want("Reconnect"))
			if got.AfterMS != 0 || got.DeadlineMS != 30000 || got.JitterMS != 15000 || got.Reason != "ROLLOUT" {
				t.Errorf("%+v", got)
			}
		}
		opening.wantClose(gateway.CloseMaintenance)
		// Sessions are served until they go.
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("still", ids.NewConversation(), 1, clients[0].login.User)}, false)
		if got := clients[0].texts(); got != "still" {
			t.Errorf("got %q", got)
		}
		for _, c := range clients[:3] {
			c.session.Gone(gateway.CloseNormal)
		}
		synctest.Wait()
		clients[3].wantOpen()
		d.wantEnd(30*time.Second, 31*time.Second)
		clients[3].wantClose(gateway.CloseMoved)
		d.wantMoves(map[gateway.MoveOutcome]int64{gateway.MoveDone: 3, gateway.MoveLate: 1})
	}, "pod-a", "pod-b")
}

func TestDrainEndsWithTheLastSession(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		time.AfterFunc(3*time.Second, func() { c.session.Gone(gateway.CloseNormal) })
		r.drain("pod-a", fixed(time.Minute)).wantEnd(3*time.Second, 3*time.Second)
	}, "pod-a", "pod-b")
}

// TestARolloutMovesEachSessionOnce replaces the pod of a seat: the successor is ready, the old pod ends.
func TestARolloutMovesEachSessionOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, k := r.live(), ids.NewConversation()
		left := false
		p := plan()
		p.Leave = func() { left = true }
		r.network.SetReady("pod-a", false)
		d := r.drain("pod-a", p)
		pass(9 * time.Second)
		early := r.live() // whoever routes clients has not heard yet
		if len(early.take())+len(c.take()) > 0 {
			t.Error("sessions are asked to move before the initial delay is over")
		}
		pass(2 * time.Second)
		if _, err := r.hubs["pod-a"].Admit(""); err != gateway.ErrDraining { //nolint:errorlint // exact on purpose
			t.Errorf("a new connection: %v", err)
		}
		r.hubs["pod-b"].Deliver([]gateway.Delivery{message("one", k, 1, c.login.User)}, false)
		asked := as[gateway.Reconnect](t, c.want("Reconnect"))
		if got := c.texts(); got != "one" {
			t.Errorf("as a guest it got %q", got)
		}
		if progress, ok := r.hubs["pod-a"].Progress(); !ok || progress.Remaining != 2 || progress.Overdue ||
			!progress.Start.Equal(d.start) || progress.Deadline.Sub(d.start) != p.Timeout {
			t.Errorf("progress %+v", progress)
		}
		next := c.follows("pod-b", asked)
		early.follows("pod-b", as[gateway.Reconnect](t, early.want("Reconnect")))
		r.hubs["pod-b"].Deliver([]gateway.Delivery{message("two", k, 2, c.login.User)}, false)
		if got := next.texts(); got != "two" {
			t.Errorf("it got %q", got)
		}
		d.wantEnd(10*time.Second, time.Minute)
		d.wantMoves(map[gateway.MoveOutcome]int64{gateway.MoveDone: 2})
		if left {
			t.Error("the seat left the ring though it has a successor")
		}
	}, "pod-a", "pod-b")
}

// TestAScaleInLeavesTheRing ends a seat that gets no successor.
func TestAScaleInLeavesTheRing(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		r.network.SetHome(c.login.User, "pod-a")
		r.network.SetReady("pod-a", false) // still the home of its seat, while it serves
		p := plan()
		var left time.Duration
		start := time.Now()
		p.Leave = func() {
			left = time.Since(start)
			time.AfterFunc(5*time.Second, func() {
				r.network.SetHome(c.login.User, "pod-b")
				r.network.Leave("pod-a")
			})
		}
		d := r.drain("pod-a", p)
		pass(44 * time.Second)
		if frames := c.take(); len(frames) > 0 {
			t.Fatalf("it moves before the seat has left: %v", frames)
		}
		pass(time.Second + 200*time.Millisecond)
		asked := as[gateway.Reconnect](t, c.want("Reconnect"))
		if left != 40*time.Second {
			t.Errorf("left after %v, want the initial delay and 30 s", left)
		}
		c.follows("pod-b", asked)
		d.wantEnd(45*time.Second, time.Minute)
	}, "pod-a", "pod-b")
}

// TestADrainEndsWithoutTheRing has a ring that never tells of the end, as without an API server.
func TestADrainEndsWithoutTheRing(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, cut := r.live(), r.live()
		d := r.drain("pod-a", plan())
		pass(71 * time.Second)
		c.want("Reconnect")
		c.session.Gone(gateway.CloseNormal)
		cut.want("Reconnect")
		d.wantEnd(130*time.Second, 132*time.Second)
		cut.wantClose(gateway.CloseMoved)
	}, "pod-a", "pod-b")
}

func TestAnIdlePodHandsItsHomesOver(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		guest := r.liveOn("pod-b", newLogin()) // at home at pod-a
		r.network.SetHome(guest.login.User, "pod-a")
		r.network.SetReady("pod-a", false)
		p := plan()
		p.Leave = func() {
			r.network.SetHome(guest.login.User, "pod-b")
			r.network.Leave("pod-a")
		}
		r.drain("pod-a", p).wantEnd(12*time.Second, 13*time.Second)
		guest.wantOpen()
	}, "pod-a", "pod-b")
}

func TestPacing(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		sessions int
		ending   int // other pods that end
		left     int // of these, out of the ring already
		rate     float64
		timeout  time.Duration
		per10s   int // sessions that are asked in the first ten seconds
		overdue  bool
	}{
		"three quarters of the rate":         {60, 0, 0, 4, 5 * time.Minute, 30, false},
		"shared with another pod that ends":  {60, 1, 0, 4, 5 * time.Minute, 15, false},
		"shared with pods that have left":    {60, 2, 2, 4, 5 * time.Minute, 10, false},
		"faster where the share is too slow": {200, 0, 0, 2, 160 * time.Second, 22, true},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pods := []string{"pod-a", "pod-b"}
			for i := range row.ending {
				pods = append(pods, fmt.Sprint("pod-", i))
			}
			inBubble(t, func(l *gateway.Limits) { l.SessionsPerAddress = 1000; l.HalfOpenPerAddress = 1000 }, func(r *rig) {
				var clients []*client
				for range row.sessions {
					clients = append(clients, r.live())
				}
				for _, pod := range append(pods[2:], "pod-a") {
					r.network.SetReady(pod, false)
				}
				for _, pod := range pods[2 : 2+row.left] {
					r.network.Leave(pod)
				}
				p := plan()
				p.Rate, p.Timeout = row.rate, row.timeout
				d := r.drain("pod-a", p)
				pass(11 * time.Second)
				before := asked(clients)
				pass(10 * time.Second)
				if n := asked(clients); n < row.per10s-1 || n > row.per10s+1 {
					t.Errorf("%d and %d asked, want %d", before, n, row.per10s)
				}
				if progress, _ := r.hubs["pod-a"].Progress(); progress.Overdue != row.overdue {
					t.Errorf("overdue %v", progress.Overdue)
				}
				d.wantEnd(0, row.timeout)
				if n := r.hubs["pod-a"].Stats().Moves[gateway.MoveCut]; n != 0 {
					t.Errorf("%d were cut", n)
				}
			}, pods...)
		})
	}
}

// asked takes the frames of clients and counts those that were asked to move.
func asked(clients []*client) (n int) {
	for _, c := range clients {
		for _, f := range c.take() {
			if f.Kind == "Reconnect" {
				n++
			}
		}
	}
	return n
}

func TestFewestUnsentBytesMoveFirst(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		busy, idle := r.live(), r.live()
		busy.socket.Stick()
		for seq := range int64(5) {
			r.hubs["pod-a"].Deliver([]gateway.Delivery{message("waits", ids.NewConversation(), seq+1, busy.login.User)}, false)
		}
		p := fixed(time.Minute)
		p.Rate = 1
		r.drain("pod-a", p)
		idle.want("Reconnect")
		idle.session.Gone(gateway.CloseNormal)
	}, "pod-a", "pod-b")
}

func TestTheEndOfTheTimeCuts(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		r.network.SetReady("pod-b", false) // nobody to ask to go to, and yet not long enough to give up
		time.AfterFunc(4*time.Second, func() { r.network.SetReady("pod-b", true) })
		p := plan()
		p.Timeout, p.InitialDelay = 4*time.Second, 0
		d := r.drain("pod-a", p)
		d.wantEnd(4*time.Second, 4*time.Second)
		c.wantClose(gateway.CloseDrainForced)
		d.wantMoves(map[gateway.MoveOutcome]int64{gateway.MoveCut: 1})
	}, "pod-a", "pod-b")
}

func TestTheEndOfThePodIsNotSilent(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c, stuck := r.live(), r.live()
		stuck.socket.Stick()
		r.hubs["pod-a"].Deliver([]gateway.Delivery{message("a", ids.NewConversation(), 1, stuck.login.User)}, false)
		synctest.Wait()
		r.stop()
		c.wantClose(gateway.CloseDrainForced)
		stuck.wantClose(gateway.CloseDrainForced)
		late := r.hubs["pod-a"]
		if _, err := late.Admit(""); err == nil {
			t.Error("a stopped pod admits")
		}
	})
}
