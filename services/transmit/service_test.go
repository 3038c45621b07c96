// SPDX-License-Identifier: Apache-2.0

package transmit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/transmit"
	"github.com/parley-chat/parley/services/transmit/transmittest"
)

// world is a service between fakes, with its Run running until the test ends.
type world struct {
	ring    transmittest.Ring
	friends transmittest.Friends
	groups  transmittest.Groups
	courier transmittest.Courier
	service *transmit.Service
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{}
	w.service = transmit.New(transmit.Options{Ring: &w.ring, Friends: &w.friends, Groups: &w.groups, Courier: &w.courier})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.service.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return w
}

// forward waits until the events are settled.
func (w *world) forward(ctx context.Context, events ...transmit.Event) error {
	settled := make(chan error, 2)
	w.service.Forward(ctx, events, func(err error) { settled <- err })
	synctest.Wait()
	select {
	case err := <-settled:
		if len(settled) > 0 {
			return errors.New("settled twice")
		}
		return err
	default:
		return errors.New("never settled")
	}
}

func durable(frame string, recipients ...ids.UserID) transmit.Event {
	return transmit.Event{
		Notice:     transmit.Notice{Frame: []byte(frame), Class: transmit.Durable},
		Recipients: recipients,
	}
}

// brief shows who got what where.
func brief(sent []transmittest.Sent) []string {
	var lines []string
	for _, s := range sent {
		lines = append(lines, fmt.Sprintf("%s %s to %d", s.Pod, s.Delivery.Frame, len(s.Delivery.Users)))
	}
	return lines
}

func TestForward(t *testing.T) {
	t.Parallel()
	amy, ben, cho := ids.NewUser(), ids.NewUser(), ids.NewUser()
	about := func(frame string, user ids.UserID) transmit.Event {
		e := durable(frame)
		e.FriendsOf = user
		return e
	}
	rows := map[string]struct {
		events []transmit.Event
		want   []string
	}{
		"recipients of one pod share a delivery": {
			[]transmit.Event{durable("hi", amy, ben)}, []string{"gateway-0 hi to 2"},
		},
		"recipients of two pods get one delivery each": {
			[]transmit.Event{durable("hi", amy, cho)}, []string{"gateway-0 hi to 1", "gateway-1 hi to 1"},
		},
		"a recipient who is named twice hears it once": {
			[]transmit.Event{durable("hi", amy, amy)}, []string{"gateway-0 hi to 1"},
		},
		"events keep their order": {
			[]transmit.Event{durable("one", amy), durable("two", cho), durable("three", amy)},
			[]string{"gateway-0 one to 1", "gateway-1 two to 1", "gateway-0 three to 1"},
		},
		"an event without recipients is settled at once": {[]transmit.Event{durable("hi")}, nil},
		"no events are settled at once":                  {nil, nil},
		"a user without a home is left out": {
			[]transmit.Event{durable("hi", ids.NewUser(), amy)}, []string{"gateway-0 hi to 1"},
		},
		"a profile goes to its owner and to friends": {
			[]transmit.Event{about("profile", cho)}, []string{"gateway-1 profile to 1", "gateway-0 profile to 2"},
		},
		"a profile of somebody without friends goes to its owner": {
			[]transmit.Event{about("profile", amy)}, []string{"gateway-0 profile to 1"},
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := start(t)
				w.ring.Move(amy, "gateway-0")
				w.ring.Move(ben, "gateway-0")
				w.ring.Move(cho, "gateway-1")
				w.friends.Befriend(cho, amy, ben)
				if err := w.forward(t.Context(), row.events...); err != nil {
					t.Fatalf("settled with %v", err)
				}
				if diff := cmp.Diff(row.want, brief(w.courier.Sent())); diff != "" {
					t.Errorf("deliveries (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestForwardFailures(t *testing.T) {
	t.Parallel()
	amy := ids.NewUser()
	lost := errors.New("no confirm")
	rows := map[string]struct {
		outcome func(w *world, pod string) error
		want    error
		sent    []string
	}{
		"a delivery without a confirm makes the event come again": {
			outcome: func(*world, string) error { return lost }, want: lost,
		},
		"a pod that is gone from an unchanged ring is dropped": {
			outcome: func(*world, string) error { return transmit.ErrPodGone },
		},
		"a pod that is gone is looked up again at the newer ring": {
			outcome: func(w *world, pod string) error {
				if pod == "gateway-1" {
					return nil
				}
				w.ring.Move(amy, "gateway-1")
				return transmit.ErrPodGone
			},
			sent: []string{"gateway-1 hi to 1"},
		},
		"a pod that is gone at the newer ring too is dropped": {
			outcome: func(w *world, _ string) error {
				w.ring.Move(amy, "gateway-1")
				return transmit.ErrPodGone
			},
		},
		"a failure at the newer ring makes the event come again": {
			outcome: func(w *world, pod string) error {
				if pod == "gateway-1" {
					return lost
				}
				w.ring.Move(amy, "gateway-1")
				return transmit.ErrPodGone
			},
			want: lost,
		},
		"a ring that became empty drops": {
			outcome: func(w *world, _ string) error {
				w.ring.Move(amy, "")
				return transmit.ErrPodGone
			},
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := start(t)
				w.ring.Move(amy, "gateway-0")
				w.courier.Outcome = func(pod string, _ transmit.Delivery) error { return row.outcome(w, pod) }
				if err := w.forward(t.Context(), durable("hi", amy)); !errors.Is(err, row.want) {
					t.Errorf("settled with %v, want %v", err, row.want)
				}
				if diff := cmp.Diff(row.sent, brief(w.courier.Sent())); diff != "" {
					t.Errorf("deliveries (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestForwardWithoutFriendService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		amy := ids.NewUser()
		w.ring.Move(amy, "gateway-0")
		w.friends.SetAway(true)
		if err := w.forward(t.Context(), transmit.Event{FriendsOf: amy}); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("settled with %v, want unavailable", err)
		}
		if err := w.forward(t.Context(), durable("hi", amy)); err != nil {
			t.Errorf("a message does not need friends, yet settled with %v", err)
		}
	})
}

func TestForwardLargeAudienceIsSplit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		var crowd []ids.UserID
		for range 20_001 {
			crowd = append(crowd, ids.NewUser())
		}
		w.ring.Spread(crowd, "gateway-0")
		if err := w.forward(t.Context(), durable("hi", crowd...)); err != nil {
			t.Fatalf("settled with %v", err)
		}
		want := []string{"gateway-0 hi to 10000", "gateway-0 hi to 10000", "gateway-0 hi to 1"}
		if diff := cmp.Diff(want, brief(w.courier.Sent())); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
	})
}

func TestForwardWithFullSideLine(t *testing.T) {
	t.Parallel()
	// Run is not running, so nothing leaves the line.
	w := &world{}
	service := transmit.New(transmit.Options{Ring: &w.ring, Friends: &w.friends, Groups: &w.groups, Courier: &w.courier})
	var busy int
	for range 301 {
		service.Forward(t.Context(), []transmit.Event{{FriendsOf: ids.NewUser()}}, func(err error) {
			if errors.Is(err, transmit.ErrBusy) {
				busy++
			}
		})
	}
	if busy != 1 {
		t.Errorf("%d events were refused, want the one past the bound", busy)
	}
}

func TestRunSettlesWhatWaitsAtTheEnd(t *testing.T) {
	t.Parallel()
	w := &world{}
	service := transmit.New(transmit.Options{Ring: &w.ring, Friends: &w.friends, Groups: &w.groups, Courier: &w.courier})
	settled := make(chan error, 1)
	service.Forward(t.Context(), []transmit.Event{{FriendsOf: ids.NewUser()}}, func(err error) { settled <- err })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := service.Run(ctx); err != nil {
		t.Fatalf("Run: %v", err)
	}
	if err := <-settled; err == nil {
		t.Error("an event that was not delivered was settled as delivered")
	}
}
