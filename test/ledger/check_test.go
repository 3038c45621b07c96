// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/test/ledger"
)

const testKey = "key of the test run"

// run makes the journal of a system that does everything right: two conversations of two people with two
// devices each, twenty messages, some of which overlap, and a read after each tenth.
func run() []ledger.Event {
	key := ledger.Key(testKey)
	rng := rand.New(rand.NewPCG(7, 7))
	var events []ledger.Event
	now := int64(0)
	tick := func() int64 { now += 1 + rng.Int64N(50); return now }
	pairs := map[string][]string{"c1": {"ann", "bob"}, "c2": {"cho", "dee"}}
	items := map[string][]ledger.Item{}
	for _, conv := range []string{"c1", "c2"} {
		for _, who := range pairs[conv] {
			events = append(events, ledger.Event{Kind: ledger.Join, Client: who, Conv: conv})
			for d := range 2 {
				events = append(events, ledger.Event{
					Kind: ledger.Connect, Client: who, Device: fmt.Sprintf("%s/d%d", who, d), Epoch: 100, ReturnAt: tick(),
				})
			}
		}
	}
	for n := range int64(20) {
		conv := []string{"c1", "c2"}[n%2]
		who := pairs[conv][rng.IntN(2)]
		item := ledger.Item{
			Seq: int64(len(items[conv]) + 1), Msg: fmt.Sprintf("m%d", n), CMID: fmt.Sprintf("k%d", n), Sender: who,
			Marker: key.Marker(conv, who, n),
		}
		items[conv] = append(items[conv], item)
		call := ledger.Event{
			Kind: ledger.Send, N: n, Client: who, Device: who + "/d0", Op: n + 1, Conv: conv, CMID: item.CMID, Marker: item.Marker,
			CallAt: tick(), Epoch: 100,
		}
		back := call
		back.Outcome, back.Msg, back.Seq, back.ReturnAt = ledger.OK, item.Msg, item.Seq, tick()
		events = append(events, call, back)
		for _, member := range pairs[conv] {
			for d := range 2 {
				events = append(events, ledger.Event{
					Kind: ledger.Deliver, Client: member, Device: fmt.Sprintf("%s/d%d", member, d), Conv: conv, Msg: item.Msg,
					CMID: item.CMID, Seq: item.Seq, Sender: who, Marker: item.Marker, Epoch: 100, ReturnAt: tick(),
				})
			}
		}
		events = append(events, ledger.Event{Kind: ledger.MarkRead, Client: who, Conv: conv, Seq: item.Seq, Outcome: ledger.OK, ReturnAt: tick()})
		if n%10 >= 8 {
			events = append(events, history(pairs[conv][0], conv, items[conv], tick()))
		}
	}
	for _, conv := range []string{"c1", "c2"} {
		final := history(pairs[conv][1], conv, items[conv], tick())
		final.Final = true
		events = append(events, final)
	}
	return events
}

func history(client, conv string, items []ledger.Item, at int64) ledger.Event {
	n := int64(len(items))
	return ledger.Event{
		Kind: ledger.History, Client: client, Conv: conv, From: 1, Until: n, Head: n, CallAt: at, Outcome: ledger.OK,
		Items: slices.Clone(items),
	}
}

// pick finds the nth event that fits.
func pick(t *testing.T, events []ledger.Event, n int, fits func(ledger.Event) bool) int {
	t.Helper()
	for i, e := range events {
		if fits(e) {
			if n--; n < 0 {
				return i
			}
		}
	}
	t.Fatal("the clean run holds no such event")
	return 0
}

func final(e ledger.Event) bool     { return e.Final && e.Conv == "c1" }
func delivered(e ledger.Event) bool { return e.Kind == ledger.Deliver && e.Device == "bob/d1" }
func acked(e ledger.Event) bool {
	return e.Kind == ledger.Send && e.Outcome == ledger.OK && e.Conv == "c1"
}

func called(e ledger.Event) bool { return e.Kind == ledger.Send && e.Outcome == "" && e.Conv == "c1" }

func TestACleanRunPasses(t *testing.T) {
	t.Parallel()
	report := ledger.Check(ledger.Key(testKey), run())
	if len(report.Breaches) > 0 || len(report.Unpaired) > 0 {
		t.Fatalf("breaches %v, unpaired %v", report.Breaches, report.Unpaired)
	}
	want := ledger.Report{Acknowledged: 20, Stored: 20, Delivered: 80, Counts: map[string]int{}}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// TestEachInjectedFaultIsFound puts one fault into a clean run. The judge must name its invariant.
func TestEachInjectedFaultIsFound(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, invariant string
		inject          func(t *testing.T, events []ledger.Event) []ledger.Event
	}{
		{"loss: an acknowledged message is missing at the end of history", "I1", func(t *testing.T, e []ledger.Event) []ledger.Event {
			h := &e[pick(t, e, 0, final)]
			h.Items, h.Head = h.Items[:len(h.Items)-1], h.Head-1
			return e
		}},
		{"loss: a conversation was never read", "I1", func(t *testing.T, e []ledger.Event) []ledger.Event {
			return slices.Delete(e, pick(t, e, 0, final), pick(t, e, 0, final)+1)
		}},
		{"swap: two messages changed places after their acknowledgement", "I1", func(t *testing.T, e []ledger.Event) []ledger.Event {
			items := e[pick(t, e, 0, final)].Items
			items[3], items[4] = items[4], items[3]
			items[3].Seq, items[4].Seq = 4, 5
			return e
		}},
		{"phantom: history holds what nobody sent", "I2", func(t *testing.T, e []ledger.Event) []ledger.Event {
			h := &e[pick(t, e, 0, final)]
			h.Head++
			h.Items = append(h.Items, ledger.Item{Seq: h.Head, Msg: "mx", CMID: "kx", Sender: "ann", Marker: "x"})
			return e
		}},
		{"phantom: a refused message is stored", "I2", func(t *testing.T, e []ledger.Event) []ledger.Event {
			s := &e[pick(t, e, 2, acked)]
			s.Outcome, s.Code = ledger.Fail, "failed_precondition"
			return e
		}},
		{"phantom: a device shows what history does not hold", "I2", func(t *testing.T, e []ledger.Event) []ledger.Event {
			d := e[pick(t, e, 0, delivered)]
			d.Seq, d.Msg = 99, "mx"
			return append(e, d)
		}},
		{"phantom: a stored text is another one", "I2", func(t *testing.T, e []ledger.Event) []ledger.Event {
			e[pick(t, e, 0, final)].Items[2].Marker = "forged"
			return e
		}},
		{"duplicate: one client message stands twice", "I3", func(t *testing.T, e []ledger.Event) []ledger.Event {
			h := &e[pick(t, e, 0, final)]
			twin := h.Items[0]
			h.Head++
			twin.Seq, twin.Msg = h.Head, "mx"
			h.Items = append(h.Items, twin)
			return e
		}},
		{"duplicate: one message id stands twice", "I3", func(t *testing.T, e []ledger.Event) []ledger.Event {
			items := e[pick(t, e, 0, final)].Items
			items[1].Msg = items[0].Msg
			return e
		}},
		{"retry: a second acknowledgement names another seq", "I4", func(t *testing.T, e []ledger.Event) []ledger.Event {
			call, back := e[pick(t, e, 1, called)], e[pick(t, e, 1, acked)]
			call.Op, back.Op = 900, 900
			back.Seq, back.Msg = 7, "m12"
			return append(e, call, back)
		}},
		{"retry: another payload is acknowledged", "I4", func(t *testing.T, e []ledger.Event) []ledger.Event {
			call, back := e[pick(t, e, 1, called)], e[pick(t, e, 1, acked)]
			call.Op, back.Op = 900, 900
			call.Marker, back.Marker = "other", "other"
			return append(e, call, back)
		}},
		{"hole: a seq is missing in history", "I5", func(t *testing.T, e []ledger.Event) []ledger.Event {
			h := &e[pick(t, e, 0, final)]
			h.Items = slices.Delete(h.Items, 4, 5)
			return e
		}},
		{"hole: the head is past the last message", "I5", func(t *testing.T, e []ledger.Event) []ledger.Event {
			e[pick(t, e, 0, final)].Head++
			return e
		}},
		{"order: a later message stands before one that was acknowledged", "I6", func(t *testing.T, e []ledger.Event) []ledger.Event {
			a, b := pick(t, e, 3, acked), pick(t, e, 5, acked)
			e[a].Seq, e[b].Seq = e[b].Seq, e[a].Seq
			return e
		}},
		{"order: overlapping sends of one connection changed places", "I7", func(t *testing.T, e []ledger.Event) []ledger.Event {
			return overlapping(e)
		}},
		{"unstable: a second read holds another message at a seq", "I8", func(t *testing.T, e []ledger.Event) []ledger.Event {
			h := e[pick(t, e, 0, final)]
			h.Final = false
			h.Items = slices.Clone(h.Items)
			h.Items[0].CMID = "kx"
			return append(e, h)
		}},
		{"unstable: a text changed without a change of rev", "I8", func(t *testing.T, e []ledger.Event) []ledger.Event {
			h := e[pick(t, e, 0, final)]
			h.Final = false
			h.Items = slices.Clone(h.Items)
			h.Items[0].Marker = "edited"
			return append(e, h)
		}},
		{"stale read: the sender does not find what was acknowledged", "I9", func(t *testing.T, e []ledger.Event) []ledger.Event {
			s := e[pick(t, e, 0, acked)]
			return append(e, ledger.Event{
				Kind: ledger.History, Client: s.Client, Conv: s.Conv, From: 1, Until: s.Seq, Head: s.Seq - 1, CallAt: s.ReturnAt + 1, Outcome: ledger.OK,
			})
		}},
		{"loss: a device never showed a message", "I10", func(t *testing.T, e []ledger.Event) []ledger.Event {
			i := pick(t, e, 9, delivered) // the last one: nothing after it shows the hole
			return slices.Delete(e, i, i+1)
		}},
		{"duplicate: a device showed a message twice", "I10", func(t *testing.T, e []ledger.Event) []ledger.Event {
			i := pick(t, e, 4, delivered)
			return slices.Insert(e, i, e[i])
		}},
		{"swap: a device shows another message than history holds", "I10", func(t *testing.T, e []ledger.Event) []ledger.Event {
			e[pick(t, e, 4, delivered)].Msg = "mx"
			return e
		}},
		{"swap: a device showed two messages in the wrong order", "I11", func(t *testing.T, e []ledger.Event) []ledger.Event {
			a, b := pick(t, e, 4, delivered), pick(t, e, 5, delivered)
			e[a], e[b] = e[b], e[a]
			return e
		}},
		{"leak: a stranger's device showed a message", "I14", func(t *testing.T, e []ledger.Event) []ledger.Event {
			d := e[pick(t, e, 0, delivered)]
			d.Client, d.Device = "cho", "cho/d0"
			return append(e, d)
		}},
		{"leak: who left reads what came after", "I14", func(t *testing.T, e []ledger.Event) []ledger.Event {
			return append(e, ledger.Event{Kind: ledger.Leave, Client: "bob", Conv: "c1", Seq: 5})
		}},
		{"stale: a superseded connection still delivered", "I17", func(t *testing.T, e []ledger.Event) []ledger.Event {
			last := pick(t, e, 9, delivered)
			return slices.Insert(e, last, ledger.Event{
				Kind: ledger.Connect, Client: "bob", Device: "bob/d1", Epoch: 101, ReturnAt: e[last].ReturnAt - 1,
			})
		}},
		{"stale: a new connection got an older epoch", "I17", func(_ *testing.T, e []ledger.Event) []ledger.Event {
			return append(e, ledger.Event{Kind: ledger.Connect, Client: "bob", Device: "bob/d1", Epoch: 99, ReturnAt: 1 << 40})
		}},
		{"marker: a read marker went back", "I18", func(_ *testing.T, e []ledger.Event) []ledger.Event {
			return append(e,
				ledger.Event{Kind: ledger.MarkRead, Client: "ann", Conv: "c1", Seq: 9, Outcome: ledger.OK},
				ledger.Event{Kind: ledger.MarkRead, Client: "ann", Conv: "c1", Seq: 3, Outcome: ledger.OK})
		}},
		{"marker: a read marker passed the head", "I18", func(_ *testing.T, e []ledger.Event) []ledger.Event {
			return append(e, ledger.Event{Kind: ledger.MarkRead, Client: "ann", Conv: "c1", Seq: 11, Outcome: ledger.OK})
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			report := ledger.Check(ledger.Key(testKey), row.inject(t, run()))
			if report.Counts[row.invariant] == 0 {
				t.Errorf("%s was not found; found %v", row.invariant, report.Breaches)
			}
		})
	}
}

// overlapping adds a conversation in which one device has two sends open at once, stored the wrong way
// round. Only the order of the calls on their connection shows it: in real time they overlap.
func overlapping(events []ledger.Event) []ledger.Event {
	key := ledger.Key(testKey)
	events = append(events, ledger.Event{Kind: ledger.Join, Client: "eve", Conv: "c3"})
	var items []ledger.Item
	for i, seq := range []int64{2, 1} {
		n := int64(100 + i)
		e := ledger.Event{
			Kind: ledger.Send, N: n, Client: "eve", Device: "eve/d0", Op: n, Conv: "c3", CMID: fmt.Sprintf("k%d", n),
			Marker: key.Marker("c3", "eve", n), CallAt: 10_000 + int64(i), Epoch: 5,
		}
		events = append(events, e)
		e.Outcome, e.Seq, e.Msg, e.ReturnAt = ledger.OK, seq, fmt.Sprintf("m%d", n), 20_000
		events = append(events, e)
		items = append(items, ledger.Item{Seq: seq, Msg: e.Msg, CMID: e.CMID, Sender: "eve", Marker: e.Marker})
	}
	slices.Reverse(items)
	h := history("eve", "c3", items, 30_000)
	h.Final = true
	events = append(events, h)
	for _, item := range items {
		events = append(events, ledger.Event{
			Kind: ledger.Deliver, Client: "eve", Device: "eve/d0", Conv: "c3", Msg: item.Msg, Seq: item.Seq, Sender: "eve", Marker: item.Marker,
		})
	}
	return events
}

// TestUnknownOutcomesMayGoEitherWay: a send without an answer may be stored or not, and neither is wrong.
func TestUnknownOutcomesMayGoEitherWay(t *testing.T) {
	t.Parallel()
	for _, stored := range []bool{true, false} {
		t.Run(fmt.Sprintf("stored %v", stored), func(t *testing.T) {
			t.Parallel()
			events := run()
			i := pick(t, events, 9, acked) // the last message of c1
			lost := events[i].Msg
			events[i].Outcome, events[i].Msg, events[i].Seq = ledger.Unknown, "", 0
			if !stored {
				events = without(events, lost)
			}
			if report := ledger.Check(ledger.Key(testKey), events); len(report.Breaches) > 0 {
				t.Errorf("breaches %v", report.Breaches)
			}
		})
	}
}

// without takes a message out of all reads and deliveries, as if it had never been stored.
func without(events []ledger.Event, msg string) []ledger.Event {
	var kept []ledger.Event
	for _, e := range events {
		if e.Msg == msg && e.Kind == ledger.Deliver || e.Kind == ledger.MarkRead && e.Seq == 10 && e.Conv == "c1" {
			continue
		}
		if n := len(e.Items); n > 0 && e.Items[n-1].Msg == msg {
			e.Items, e.Head, e.Until = e.Items[:n-1], e.Head-1, e.Until-1
		}
		kept = append(kept, e)
	}
	return kept
}

func TestARetryAfterAnUnknownOutcomeKeepsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	events := run()
	i := pick(t, events, 3, acked)
	call, back := events[i-1], events[i]
	call.Op, back.Op = 900, 900
	call.CallAt, back.ReturnAt = 1<<30, 1<<30+1 // long after others were acknowledged
	report := ledger.Check(ledger.Key(testKey), append(events, call, back))
	if len(report.Breaches) > 0 {
		t.Errorf("breaches %v", report.Breaches)
	}
}

func TestAJournalSurvivesTheDisk(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	w := ledger.NewWriter(&file, "r1", 42)
	for _, e := range run() {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file.String(), "\n") {
			t.Fatal("a line is not complete when Write returns")
		}
	}
	got, err := ledger.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	want := run()
	for i := range want {
		want[i].Run, want[i].Seed = "r1", 42
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if w.Lines() != int64(len(want)) {
		t.Errorf("%d lines counted, want %d", w.Lines(), len(want))
	}
}

func TestABrokenJournalIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := ledger.Read(strings.NewReader("{\"kind\":\"send\"}\n{\"kind\"")); err == nil {
		t.Error("a half line was read as an event")
	}
}
