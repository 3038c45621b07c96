// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"
	"testing"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/test/ledger"
)

// appendOnly is a conversation as a sequential object: each append answers the next number.
func appendOnly() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return int64(0) },
		Step: func(state, _, output any) (bool, any) {
			next := state.(int64) + 1
			return output.(int64) == next, next
		},
	}
}

// TestOneScanDecidesLinearizability: since seq is an explicit order, I6 needs no search. A checker that
// searches must agree on every small history.
func TestOneScanDecidesLinearizability(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "sends")
		seqs := rapid.Permutation(count(n)).Draw(t, "seqs")
		var operations []porcupine.Operation
		var events []ledger.Event
		for i, seq := range seqs {
			call := rapid.Int64Range(1, 40).Draw(t, "call")
			back := call + rapid.Int64Range(1, 30).Draw(t, "duration")
			operations = append(operations, porcupine.Operation{ClientId: i, Call: call, Return: back, Output: seq})
			e := ledger.Event{
				Kind: ledger.Send, N: int64(i), Client: fmt.Sprintf("u%d", i), Device: fmt.Sprintf("u%d/d", i), Op: 1, Conv: "c",
				CMID: fmt.Sprintf("k%d", i), CallAt: call,
			}
			events = append(events, e)
			e.Outcome, e.Seq, e.Msg, e.ReturnAt = ledger.OK, seq, e.CMID, back
			events = append(events, e)
		}
		want := porcupine.CheckOperations(appendOnly(), operations)
		got := ledger.Check(ledger.Key(testKey), events).Counts["I6"] == 0
		if got != want {
			t.Errorf("the scan says %v, the search %v", got, want)
		}
	})
}

func count(n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = int64(i) + 1
	}
	return list
}
