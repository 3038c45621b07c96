// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// states are the presences that have arrived, the last of each user; other frames are left out.
func (c *client) states() map[ids.UserID]gateway.PresenceState {
	c.r.t.Helper()
	last := map[ids.UserID]gateway.PresenceState{}
	for _, f := range c.take() {
		if f.Kind == "Presences" {
			for _, p := range as[gateway.Presences](c.r.t, f).Items {
				last[p.User] = p.State
			}
		}
	}
	return last
}

// sees fails unless exactly this has arrived about a user, PresenceUnknown for nothing.
func (c *client) sees(when string, user ids.UserID, want gateway.PresenceState) {
	c.r.t.Helper()
	if got := c.states()[user]; got != want {
		c.r.t.Errorf("%s: state %d, want %d", when, got, want)
	}
}

func (c *client) use() { c.send(0, gateway.Ping{Active: true}) }

// befriend lets two people see each other.
func (r *rig) befriend(a, b gateway.Login) {
	r.people.SetVisible(a.User, b.User)
	r.people.SetVisible(b.User, a.User)
}

func TestF32_OnlineAwayOfflineOverTwoPods(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		ann, bob := newLogin(), newLogin()
		r.befriend(ann, bob)
		r.network.SetHome(bob.User, "pod-b")
		pass(time.Minute) // the ring has settled
		viewer := r.liveOn("pod-a", ann)
		viewer.send(0, gateway.Watch{Users: []ids.UserID{bob.User}})
		viewer.sees("nobody was ever there", bob.User, gateway.PresenceOffline)

		seen := r.liveOn("pod-b", bob)
		seen.use()
		pass(11 * time.Second)
		viewer.sees("in use", bob.User, gateway.PresenceOnline)
		pass(4 * time.Minute)
		viewer.sees("in use lately", bob.User, gateway.PresenceUnknown)
		pass(time.Minute)
		viewer.sees("at rest", bob.User, gateway.PresenceAway)
		seen.use()
		pass(2 * time.Second)
		viewer.sees("in use again", bob.User, gateway.PresenceOnline)
		pass(20 * time.Second)

		seen.session.Gone(1006)
		pass(29 * time.Second)
		viewer.sees("gone, within the grace", bob.User, gateway.PresenceUnknown)
		pass(3 * time.Second)
		viewer.sees("gone", bob.User, gateway.PresenceOffline)
		viewer.wantOpen()
	}, "pod-a", "pod-b")
}

func TestF32_APersonWithTwoDevicesIsAsTheBusierOne(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		ann, bob := newLogin(), newLogin()
		r.befriend(ann, bob)
		pass(time.Minute)
		viewer, phone, laptop := r.liveOn("pod-a", ann), r.liveOn("pod-a", bob), r.liveOn("pod-b", bob)
		phone.use()
		pass(2 * time.Second)
		viewer.send(0, gateway.Watch{Users: []ids.UserID{bob.User}})
		viewer.sees("one in use, one not", bob.User, gateway.PresenceOnline)
		phone.session.Gone(gateway.CloseNormal)
		pass(time.Minute)
		viewer.sees("the device that was in use went", bob.User, gateway.PresenceUnknown)
		pass(5 * time.Minute)
		viewer.sees("the other one rests", bob.User, gateway.PresenceAway)
		laptop.session.Gone(gateway.CloseNormal)
		pass(time.Minute)
		viewer.sees("both are gone", bob.User, gateway.PresenceOffline)
	}, "pod-a", "pod-b")
}

func TestF32_OnlyWhoMaySeeHears(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		ann, stranger, bob := newLogin(), newLogin(), newLogin()
		r.befriend(ann, bob)
		pass(time.Minute)
		friend, other := r.liveOn("pod-a", ann), r.liveOn("pod-a", stranger)
		for _, c := range []*client{friend, other} {
			c.send(0, gateway.Watch{Users: []ids.UserID{bob.User, bob.User, c.login.User}})
		}
		friend.sees("friend", bob.User, gateway.PresenceOffline)
		other.wantNothing()
		r.liveOn("pod-b", bob).use()
		pass(12 * time.Second)
		friend.sees("friend", bob.User, gateway.PresenceOnline)
		other.wantNothing()
		if n := r.hubs["pod-a"].Stats().Watches; n != 1 {
			t.Errorf("%d watches", n)
		}
		// Another set replaces the last one.
		friend.send(0, gateway.Watch{})
		pass(3 * time.Second)
		if n := r.hubs["pod-a"].Stats().Watches; n != 0 {
			t.Errorf("%d watches of nobody", n)
		}
		pass(6 * time.Minute)
		friend.wantNothing()
		if n := r.hubs["pod-a"].Stats().Watched; n != 0 {
			t.Errorf("%d are watched at home long after", n)
		}
	}, "pod-a", "pod-b")
}

func TestX17_AChangeIsToldAtMostOnceInTenSeconds(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		ann, bob := newLogin(), newLogin()
		r.befriend(ann, bob)
		pass(time.Minute)
		viewer := r.live()
		_ = viewer
		watcher := r.liveOn("pod-a", ann)
		r.liveOn("pod-b", bob)
		pass(2 * time.Second)
		watcher.send(0, gateway.Watch{Users: []ids.UserID{bob.User}})
		watcher.sees("connected", bob.User, gateway.PresenceAway)
		r.liveOn("pod-b", bob).use()
		pass(8 * time.Second)
		watcher.sees("changed too soon", bob.User, gateway.PresenceUnknown)
		pass(3 * time.Second)
		watcher.sees("changed", bob.User, gateway.PresenceOnline)
	}, "pod-a", "pod-b")
}

func TestX7_X17_NoPlannedMoveAndNoKilledHomeShowsOffline(t *testing.T) {
	t.Parallel()
	rows := map[string]func(r *rig, ann, bob *client) *client{
		"a session moves": func(r *rig, _, bob *client) *client {
			moved := r.liveOn("pod-a", bob.login)
			bob.session.Gone(gateway.CloseNormal)
			return moved
		},
		"a session moves and is away for twenty seconds": func(r *rig, _, bob *client) *client {
			bob.session.Gone(1006)
			pass(20 * time.Second)
			return r.liveOn("pod-a", bob.login)
		},
		"the home of the user moves": func(r *rig, _, bob *client) *client {
			r.network.SetHome(bob.login.User, "pod-c")
			return bob
		},
		"the home of the user is killed": func(r *rig, _, bob *client) *client {
			r.network.SetSilent("pod-a", true)
			pass(15 * time.Second)
			r.network.SetHome(bob.login.User, "pod-c")
			return bob
		},
	}
	for name, move := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, nil, func(r *rig) {
				ann, bob := newLogin(), newLogin()
				r.befriend(ann, bob)
				r.network.SetHome(bob.User, "pod-a")
				r.network.SetHome(ann.User, "pod-b")
				pass(time.Minute)
				viewer, seen := r.liveOn("pod-b", ann), r.liveOn("pod-b", bob)
				seen.use()
				pass(3 * time.Second)
				viewer.send(0, gateway.Watch{Users: []ids.UserID{bob.User}})
				viewer.sees("before", bob.User, gateway.PresenceOnline)
				seen = move(r, viewer, seen)
				for range 12 {
					pass(10 * time.Second)
					seen.use()
					if got := viewer.states(); len(got) > 0 {
						t.Errorf("the move shows as %v", got)
					}
				}
				seen.session.Gone(1006)
				pass(50 * time.Second)
				viewer.sees("the end is told all the same", bob.User, gateway.PresenceOffline)
			}, "pod-a", "pod-b", "pod-c")
		})
	}
}

// TestX7_X17_ARolloutChangesNobodysPresence ends the pod that is the home of the seen one and holds their
// session. The other person watches from a pod that stays.
func TestX7_X17_ARolloutChangesNobodysPresence(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		ann, bob := newLogin(), newLogin()
		r.befriend(ann, bob)
		pass(time.Minute)
		viewer, seen := r.liveOn("pod-b", ann), r.liveOn("pod-a", bob)
		seen.use()
		pass(3 * time.Second)
		viewer.send(0, gateway.Watch{Users: []ids.UserID{bob.User}})
		viewer.sees("before", bob.User, gateway.PresenceOnline)
		seen.want("Pong")
		r.network.SetReady("pod-a", false)
		r.drain("pod-a", plan())
		pass(12 * time.Second)
		next := seen.follows("pod-b", as[gateway.Reconnect](t, seen.want("Reconnect")))
		for range 20 {
			pass(10 * time.Second)
			next.use()
			if got := viewer.states(); len(got) > 0 {
				t.Errorf("the rollout shows as %v", got)
			}
		}
		next.session.Gone(1006)
		pass(50 * time.Second)
		viewer.sees("the end is told all the same", bob.User, gateway.PresenceOffline)
	}, "pod-a", "pod-b")
}

func TestF10_F32_ABlockEndsWhatWasAllowed(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		ann, bob, cho := newLogin(), newLogin(), newLogin()
		r.people.SetVisible(ann.User, bob.User, cho.User)
		r.people.SetVisible(bob.User, ann.User, cho.User)
		r.network.SetHome(bob.User, "pod-b")
		pass(time.Minute)
		blocker, blocked := r.liveOn("pod-b", ann), r.liveOn("pod-c", bob)
		blocker.send(0, gateway.Watch{Users: []ids.UserID{bob.User, cho.User}})
		blocked.send(0, gateway.Watch{Users: []ids.UserID{ann.User, cho.User}})
		pass(12 * time.Second)
		blocker.sees("before", bob.User, gateway.PresenceAway)
		blocked.sees("before", ann.User, gateway.PresenceAway)

		r.people.SetVisible(ann.User, cho.User)
		r.people.SetVisible(bob.User, cho.User)
		block := message("friend.updated", ids.ConversationID{}, 0, ann.User)
		block.Recheck = ann.User
		r.hubs["pod-a"].Deliver([]gateway.Delivery{block}, false)
		pass(2 * time.Second)
		for name, c := range map[string]*client{"blocker": blocker, "blocked": blocked} {
			var items []gateway.Presence
			for _, f := range c.take() {
				if f.Kind == "Presences" {
					items = append(items, as[gateway.Presences](t, f).Items...)
				}
			}
			other := map[string]ids.UserID{"blocker": bob.User, "blocked": ann.User}[name]
			if diff := cmp.Diff([]gateway.Presence{{User: other}}, items); diff != "" {
				t.Errorf("%s is told (-want +got):\n%s", name, diff)
			}
		}
		blocked.use()
		blocker.use()
		pass(time.Minute)
		if n := len(blocker.states()) + len(blocked.states()); n != 0 {
			t.Errorf("%d changes reach people whom a block keeps apart", n)
		}
		for pod, want := range map[string]int{"pod-b": 1, "pod-c": 1} {
			if n := r.hubs[pod].Stats().Watches; n != want {
				t.Errorf("%s keeps %d watches, want %d", pod, n, want)
			}
		}
	}, "pod-a", "pod-b", "pod-c")
}

func TestWatchesOutliveAPeopleServiceThatIsAway(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		ann, bob, cho := newLogin(), newLogin(), newLogin()
		r.people.SetVisible(ann.User, bob.User, cho.User)
		pass(time.Minute)
		viewer := r.liveOn("pod-a", ann)
		viewer.send(0, gateway.Watch{Users: []ids.UserID{bob.User}})
		viewer.sees("one", bob.User, gateway.PresenceOffline)
		pass(3 * time.Second)
		r.people.Fail(fault.ErrUnavailable.Because(errors.New("away")))
		viewer.send(0, gateway.Watch{Users: []ids.UserID{bob.User, cho.User}})
		viewer.wantNothing()
		pass(10 * time.Second)
		if n := r.hubs["pod-a"].Stats().Watches; n != 1 {
			t.Errorf("%d watches while nobody tells the rights", n)
		}
		r.people.Fail(nil)
		pass(20 * time.Second)
		if diff := cmp.Diff(map[ids.UserID]gateway.PresenceState{cho.User: gateway.PresenceOffline}, viewer.states()); diff != "" {
			t.Errorf("afterwards (-want +got):\n%s", diff)
		}
	})
}

func TestFewQuestionsForRightsAreUnderWayAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(l *gateway.Limits) { l.WatchChecks = 2 }, func(r *rig) {
		bob := newLogin()
		pass(time.Minute)
		r.people.SetSlow(900 * time.Millisecond)
		var viewers []*client
		for range 6 {
			ann := newLogin()
			r.people.SetVisible(ann.User, bob.User)
			viewers = append(viewers, r.liveOn("pod-a", ann))
			viewers[len(viewers)-1].send(0, gateway.Watch{Users: []ids.UserID{bob.User}})
		}
		for second := range 3 {
			synctest.Wait()
			if n := r.people.Asked(); n != 2*(second+1) {
				t.Errorf("%d questions after %d s", n, second)
			}
			pass(time.Second)
		}
		for _, c := range viewers {
			c.sees("in the end", bob.User, gateway.PresenceOffline)
		}
	})
}

func TestASetThatComesTooSoonWaitsAndTheLastOneCounts(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(r *rig) {
		ann, bob, cho := newLogin(), newLogin(), newLogin()
		r.people.SetVisible(ann.User, bob.User, cho.User)
		pass(time.Minute)
		viewer := r.liveOn("pod-a", ann)
		for range 5 {
			viewer.send(0, gateway.Watch{Users: []ids.UserID{bob.User}})
			synctest.Wait()
		}
		viewer.send(0, gateway.Watch{Users: []ids.UserID{cho.User}})
		synctest.Wait()
		if n := r.people.Asked(); n != 1 {
			t.Errorf("rights were checked %d times at once", n)
		}
		pass(4 * time.Second)
		want := map[ids.UserID]gateway.PresenceState{bob.User: gateway.PresenceOffline, cho.User: gateway.PresenceOffline}
		if diff := cmp.Diff(want, viewer.states()); diff != "" {
			t.Errorf("presence (-want +got):\n%s", diff)
		}
		if n, asked := r.hubs["pod-a"].Stats().Watches, r.people.Asked(); n != 1 || asked != 2 {
			t.Errorf("%d watches, rights checked %d times", n, asked)
		}
		viewer.session.Gone(gateway.CloseNormal)
		if n := r.hubs["pod-a"].Stats().Watches; n != 0 {
			t.Errorf("%d watches of a session that has gone", n)
		}
	})
}

func TestWatchesAreBounded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(l *gateway.Limits) { l.Watches, l.WatchersPerUser, l.WatchedUsers = 4, 2, 3 }, func(r *rig) {
		users := []ids.UserID{ids.NewUser(), ids.NewUser(), ids.NewUser(), ids.NewUser()}
		pass(time.Minute)
		told := 0
		for range 3 {
			login := newLogin()
			r.people.SetVisible(login.User, users...)
			c := r.liveOn("pod-a", login)
			c.send(0, gateway.Watch{Users: users})
			told += len(c.states())
		}
		s := r.hubs["pod-a"].Stats()
		if s.Watches != 4 || s.Watched != 3 || told != 3 || s.WatchesRefused != 9 {
			t.Errorf("%d watches, %d users at home, %d told, %d refused", s.Watches, s.Watched, told, s.WatchesRefused)
		}
	})
}

func TestPresenceGoesFirstAndIsToldAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(l *gateway.Limits) { l.QueueFrames = 4 }, func(r *rig) {
		ann, bob := newLogin(), newLogin()
		r.befriend(ann, bob)
		pass(time.Minute)
		viewer := r.liveOn("pod-a", ann)
		viewer.send(0, gateway.Watch{Users: []ids.UserID{bob.User}})
		viewer.sees("before", bob.User, gateway.PresenceOffline)
		viewer.socket.Stick()
		k := ids.NewConversation()
		for seq := range int64(5) {
			r.hubs["pod-a"].Deliver([]gateway.Delivery{message("m", k, seq+1, ann.User)}, false)
			synctest.Wait()
		}
		r.liveOn("pod-b", bob).use()
		pass(12 * time.Second)
		if n := r.hubs["pod-a"].Stats().Relieved; n != 1 {
			t.Errorf("%d frames gave way", n)
		}
		viewer.socket.Unstick(nil)
		pass(20 * time.Second)
		viewer.sees("once there is room", bob.User, gateway.PresenceOnline)
	}, "pod-a", "pod-b")
}

func TestPresenceThatASessionCouldNotHearIsToldAgain(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		deaf func(r *rig, viewer *client)
		well func(r *rig, viewer *client)
	}{
		"its lease had ended": {
			deaf: func(r *rig, _ *client) {
				r.network.SetSilent("pod-c", true)
				pass(45 * time.Second)
			},
			well: func(r *rig, _ *client) { r.network.SetSilent("pod-c", false) },
		},
		"it was asked to pull everything": {
			deaf: func(r *rig, viewer *client) {
				viewer.socket.Stick()
				for seq := range int64(30) {
					r.hubs["pod-a"].Deliver([]gateway.Delivery{message("m", ids.NewConversation(), seq+1, viewer.login.User)}, false)
					synctest.Wait()
				}
			},
			well: func(_ *rig, viewer *client) { viewer.socket.Unstick(nil) },
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(l *gateway.Limits) { l.QueueFrames = 12 }, func(r *rig) {
				ann, bob := newLogin(), newLogin()
				r.befriend(ann, bob)
				r.network.SetHome(ann.User, "pod-c")
				r.network.SetHome(bob.User, "pod-b")
				pass(time.Minute)
				viewer := r.liveOn("pod-a", ann)
				viewer.send(0, gateway.Watch{Users: []ids.UserID{bob.User}})
				viewer.sees("before", bob.User, gateway.PresenceOffline)
				row.deaf(r, viewer)
				seen := r.liveOn("pod-b", bob)
				seen.use()
				pass(12 * time.Second)
				viewer.sees("while it hears nothing", bob.User, gateway.PresenceUnknown)
				row.well(r, viewer)
				pass(35 * time.Second)
				viewer.sees("afterwards", bob.User, gateway.PresenceOnline)
			}, "pod-a", "pod-b", "pod-c")
		})
	}
}
