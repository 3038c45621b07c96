// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/controllers/internal/rollout"
)

func TestScaling(t *testing.T) {
	t.Parallel()
	seats := func(sessions ...int) []rollout.Seat {
		var list []rollout.Seat
		for i, count := range sessions {
			list = append(list, serves(int32(i), count))
		}
		return list
	}
	scaling := rollout.Scaling{Min: 2, Max: 6, SessionsPerPod: 100, Pace: 6 * time.Minute}
	for name, test := range map[string]struct {
		current int
		seats   []rollout.Seat
		memory  rollout.Memory
		want    int
		keeps   rollout.Memory
	}{
		"enough":                              {3, seats(70, 70, 70), rollout.Memory{}, 3, rollout.Memory{}},
		"room for the largest seat":           {2, seats(100, 100), rollout.Memory{}, 3, rollout.Memory{}},
		"more at once":                        {2, seats(250, 200), rollout.Memory{}, 6, rollout.Memory{}},
		"never more than allowed":             {6, seats(900), rollout.Memory{}, 6, rollout.Memory{}},
		"never fewer than allowed":            {2, seats(0, 0), rollout.Memory{FewerSince: start.Add(-time.Hour)}, 2, rollout.Memory{}},
		"a new least":                         {1, seats(0), rollout.Memory{}, 2, rollout.Memory{}},
		"a new most":                          {9, seats(0), rollout.Memory{}, 6, rollout.Memory{}},
		"fewer are enough from now on":        {4, seats(10, 10), rollout.Memory{}, 4, rollout.Memory{FewerSince: start}},
		"fewer are enough, but not for long":  {4, seats(10, 10), rollout.Memory{FewerSince: start.Add(-9 * time.Minute)}, 4, rollout.Memory{FewerSince: start.Add(-9 * time.Minute)}},
		"one goes":                            {4, seats(10, 10), rollout.Memory{FewerSince: start.Add(-10 * time.Minute)}, 3, rollout.Memory{FewerSince: start.Add(-10 * time.Minute), LastDown: start}},
		"the next one waits for the drain":    {4, seats(10, 10), rollout.Memory{FewerSince: start.Add(-time.Hour), LastDown: start.Add(-5 * time.Minute)}, 4, rollout.Memory{FewerSince: start.Add(-time.Hour), LastDown: start.Add(-5 * time.Minute)}},
		"none goes while a seat is silent":    {4, append(seats(10, 10), with(serves(2, 0), silent)), rollout.Memory{FewerSince: start.Add(-time.Hour)}, 4, rollout.Memory{FewerSince: start.Add(-time.Hour)}},
		"more come also while one is silent":  {2, append(seats(200), with(serves(1, 0), silent)), rollout.Memory{}, 4, rollout.Memory{}},
		"a busy moment begins the wait again": {3, seats(70, 70, 70), rollout.Memory{FewerSince: start.Add(-time.Hour), LastDown: start}, 3, rollout.Memory{LastDown: start}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, keeps := scaling.Next(test.current, test.seats, test.memory, start)
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
			if diff := cmp.Diff(test.keeps, keeps); diff != "" {
				t.Error(diff)
			}
		})
	}
}
