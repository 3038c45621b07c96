// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestDrainWithoutSuccessor(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		r.hubs["pod-a"].Drain(r.ctx, time.Minute)
		c.wantClose(gateway.CloseMaintenance)
		if _, reason := c.socket.Closed(); reason != "MAINTENANCE;after=5000;jitter=30000" {
			t.Errorf("reason %q", reason)
		}
		if _, err := r.hubs["pod-a"].Admit(""); err != gateway.ErrDraining { //nolint:errorlint // exact on purpose
			t.Errorf("a new connection: %v", err)
		}
	})
}

func TestDrainMovesSessions(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		var clients []*client
		for range 4 {
			clients = append(clients, r.live())
		}
		opening := r.connect()
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.hubs["pod-a"].Drain(r.ctx, 40*time.Second)
		}()
		var afters []int64
		for _, c := range clients {
			got := as[gateway.Reconnect](t, c.want("Reconnect"))
			afters = append(afters, got.AfterMS)
			if got.DeadlineMS != 30000 || got.JitterMS != 2000 || got.Reason != "ROLLOUT" {
				t.Errorf("%+v", got)
			}
		}
		slices.Sort(afters)
		for i, after := range afters[1:] { // the connection that was opening has a place too
			if gap := after - afters[i]; gap < 4000 || gap > 8000 {
				t.Errorf("moves are not spread: %v", afters)
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
		<-done
		clients[3].wantClose(gateway.CloseMoved)
		if took := time.Since(start); took < 30*time.Second || took > 40*time.Second {
			t.Errorf("drained after %v", took)
		}
	}, "pod-a", "pod-b")
}

func TestDrainEndsWithTheLastSession(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		c := r.live()
		start := time.Now()
		time.AfterFunc(3*time.Second, func() { c.session.Gone(gateway.CloseNormal) })
		r.hubs["pod-a"].Drain(r.ctx, time.Minute)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("drained after %v", took)
		}
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
