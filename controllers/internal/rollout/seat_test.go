// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/controllers/internal/rollout"
)

// serves is a seat that is as it should be.
func serves(number int32, sessions int) rollout.Seat {
	return rollout.Seat{Number: number, Sessions: sessions, Known: true, Available: true, Current: true, Done: true}
}

// with changes one seat.
func with(seat rollout.Seat, change func(*rollout.Seat)) rollout.Seat {
	change(&seat)
	return seat
}

func old(seat *rollout.Seat)    { seat.Current = false }
func down(seat *rollout.Seat)   { seat.Available, seat.Done = false, false }
func silent(seat *rollout.Seat) { seat.Known = false }
func moving(seat *rollout.Seat) { seat.Done = false }

func TestToAdd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seats  []rollout.Seat
		wanted int
		want   []int32
	}{
		"the first ones":       {nil, 3, []int32{0, 1, 2}},
		"the free ones first":  {[]rollout.Seat{serves(1, 0), serves(3, 0)}, 5, []int32{0, 2, 4}},
		"enough":               {[]rollout.Seat{serves(4, 0)}, 1, nil},
		"more than are wanted": {[]rollout.Seat{serves(0, 0), serves(1, 0)}, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, rollout.ToAdd(test.seats, test.wanted)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestToRemove(t *testing.T) {
	t.Parallel()
	const none = -1
	for name, test := range map[string]struct {
		seats    []rollout.Seat
		wanted   int
		draining bool
		want     int32
	}{
		"as many as are wanted":            {[]rollout.Seat{serves(0, 5), serves(1, 5)}, 2, false, none},
		"the fewest sessions":              {[]rollout.Seat{serves(0, 5), serves(1, 3), serves(2, 4)}, 2, false, 1},
		"the highest number of equals":     {[]rollout.Seat{serves(0, 5), serves(1, 5), serves(2, 5)}, 2, false, 2},
		"one that serves nobody":           {[]rollout.Seat{serves(0, 5), with(serves(1, 900), down), serves(2, 4)}, 2, false, 1},
		"one that is silent comes last":    {[]rollout.Seat{with(serves(0, 0), silent), serves(1, 900)}, 1, false, 1},
		"all silent":                       {[]rollout.Seat{with(serves(0, 0), silent), with(serves(1, 0), silent)}, 1, false, 1},
		"not while a pod ends":             {[]rollout.Seat{serves(0, 5), serves(1, 3)}, 1, true, none},
		"no seat wanted takes one still":   {[]rollout.Seat{serves(0, 5), serves(1, 3)}, 0, false, 1},
		"nothing there, nothing to remove": {nil, 0, false, none},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := rollout.ToRemove(test.seats, test.wanted, test.draining)
			if !ok {
				got = none
			}
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestToChange(t *testing.T) {
	t.Parallel()
	const none = -1
	for name, test := range map[string]struct {
		seats    []rollout.Seat
		draining bool
		want     int32
	}{
		"nothing to change":                          {[]rollout.Seat{serves(0, 1), serves(1, 1)}, false, none},
		"the lowest number":                          {[]rollout.Seat{with(serves(2, 1), old), with(serves(1, 1), old)}, false, 1},
		"the next one":                               {[]rollout.Seat{serves(0, 1), with(serves(1, 1), old)}, false, 1},
		"not while the one before is not done":       {[]rollout.Seat{with(serves(0, 1), moving), with(serves(1, 1), old)}, false, none},
		"not while a pod ends":                       {[]rollout.Seat{serves(0, 1), with(serves(1, 1), old)}, true, none},
		"one that was left half done first":          {[]rollout.Seat{with(serves(0, 1), old), with(with(serves(1, 1), old), moving)}, false, 1},
		"one that serves nobody first":               {[]rollout.Seat{with(serves(0, 1), old), with(with(serves(1, 1), old), down)}, false, 1},
		"one that serves nobody also while pods end": {[]rollout.Seat{with(with(serves(1, 1), old), down)}, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := rollout.ToChange(test.seats, test.draining)
			if !ok {
				got = none
			}
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
