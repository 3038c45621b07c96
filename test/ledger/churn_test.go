// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/parley-chat/parley/test/ledger"
)

// churned is the journal of a group in which ann says six messages, the third and fourth of them while bob was
// away. Bob's device shows some of them, and bob reads some.
func churned(shows, reads []int64) []ledger.Event {
	key := ledger.Key(testKey)
	events := []ledger.Event{
		{Kind: ledger.Join, Client: "ann", Conv: "g"},
		{Kind: ledger.Join, Client: "bob", Conv: "g"},
		{Kind: ledger.Leave, Client: "bob", Conv: "g", Seq: 2},
		{Kind: ledger.Join, Client: "bob", Conv: "g", Seq: 4},
		{Kind: ledger.Connect, Client: "bob", Device: "bob/d0", Epoch: 1, ReturnAt: 1},
	}
	items := map[int64]ledger.Item{}
	for n := int64(1); n <= 6; n++ {
		item := ledger.Item{
			Seq: n, Msg: fmt.Sprint("m", n), CMID: fmt.Sprint("k", n), Sender: "ann", Marker: key.Marker("g", "ann", n),
		}
		items[n] = item
		call := ledger.Event{
			Kind: ledger.Send, N: n, Client: "ann", Device: "ann/d0", Op: n, Conv: "g", CMID: item.CMID, Marker: item.Marker, CallAt: 10 * n, Epoch: 1,
		}
		back := call
		back.Outcome, back.Msg, back.Seq, back.ReturnAt = ledger.OK, item.Msg, n, 10*n+1
		events = append(events, call, back, ledger.Event{
			Kind: ledger.Deliver, Client: "ann", Device: "ann/d0", Conv: "g", Msg: item.Msg, CMID: item.CMID, Seq: n, Sender: "ann",
			Marker: item.Marker, ReturnAt: 10*n + 2,
		})
	}
	for _, seq := range shows {
		i := items[seq]
		events = append(events, ledger.Event{
			Kind: ledger.Deliver, Client: "bob", Device: "bob/d0", Conv: "g", Msg: i.Msg, CMID: i.CMID, Seq: seq, Sender: "ann",
			Marker: i.Marker, ReturnAt: 100 + seq,
		})
	}
	read := func(client string, final bool, seqs ...int64) {
		e := ledger.Event{Kind: ledger.History, Client: client, Conv: "g", From: 1, Until: 6, Head: 6, Final: final, Outcome: ledger.OK, CallAt: 200, ReturnAt: 201}
		for _, seq := range seqs {
			e.Items = append(e.Items, items[seq])
		}
		events = append(events, e)
	}
	read("bob", false, reads...)
	read("ann", true, 1, 2, 3, 4, 5, 6)
	return events
}

func TestWhoLeftAndCameBackSeesBothTimesAndNothingBetween(t *testing.T) {
	t.Parallel()
	right := []int64{1, 2, 5, 6}
	for name, row := range map[string]struct {
		shows, reads []int64
		want         map[string]int
	}{
		"right":                         {right, right, map[string]int{}},
		"shown what was said meanwhile": {[]int64{1, 2, 3, 5, 6}, right, map[string]int{"I14": 1}},
		"reads what was said meanwhile": {right, []int64{1, 2, 4, 5, 6}, map[string]int{"I14": 1}},
		"misses the first after coming": {[]int64{1, 2, 6}, right, map[string]int{"I10": 1}},
		"misses the last before":        {[]int64{1, 5, 6}, right, map[string]int{"I10": 1}},
	} {
		if got := ledger.Check(ledger.Key(testKey), churned(row.shows, row.reads)).Counts; !maps.Equal(row.want, got) {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}
