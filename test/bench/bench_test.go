// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

func TestFlagsBoundARun(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name string
		args []string
		want string // part of the error; "": accepted
	}{
		{"the defaults are accepted", nil, ""},
		{"a smoke run is accepted", []string{"--quick"}, ""},
		{"rates are a list", []string{"--rates", "100, 2000"}, ""},
		{"a rate of words is refused", []string{"--rates", "fast"}, "--rates"},
		{"too many sessions are refused", []string{"--sessions", "20000"}, "--sessions"},
		{"no pairs are refused", []string{"--pairs", "0"}, "--pairs"},
		{"an hour is refused", []string{"--measure", "1h"}, "--measure"},
		{"an unknown placement is refused", []string{"--placement", "moon"}, "--placement"},
		{"a text without room for its number is refused", []string{"--bytes", "1"}, "--bytes"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(row.args, io.Discard)
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
		})
	}
}

func TestHelpShowsExamplesAndEveryFlag(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if _, err := parse([]string{"--help"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"go run ./test/bench --quick", "-rates", "-sessions", "-placement"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help lacks %q:\n%s", want, out.String())
		}
	}
}

func TestProcessStatusIsRead(t *testing.T) {
	t.Parallel()
	const line = "4242 (a (b) c) S 1 4240 4240 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 9 0 12345 1000000 7 18446744073709551615"
	group, u, err := parseStat(line)
	if err != nil {
		t.Fatal(err)
	}
	if group != 4240 || u.cpu != 2*time.Second || u.rss != int64(7*os.Getpagesize()) {
		t.Errorf("group %d, cpu %v, rss %d", group, u.cpu, u.rss)
	}
	if _, _, err := parseStat("nonsense"); err == nil {
		t.Error("nonsense was read")
	}
}

func TestOwnProcessIsFound(t *testing.T) {
	t.Parallel()
	groups, err := groupUsage()
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, u := range groups {
		total += u.rss
	}
	if total == 0 {
		t.Error("no process has memory")
	}
}

func TestBusyTimeLeavesIdleOut(t *testing.T) {
	t.Parallel()
	got, err := parseBusy("cpu  100 10 50 9999 9999 5 5 30 0 0\ncpu0 1 1 1 1 1 1 1 1\n")
	if err != nil || got != 2*time.Second {
		t.Errorf("got %v, %v, want 2s", got, err)
	}
}

func TestMetricsAreSummedOverLabels(t *testing.T) {
	t.Parallel()
	const text = "# HELP a things\n# TYPE a counter\na{x=\"1 2\"} 3\na{x=\"b\"} 4.5\ngo_goroutines 12\n"
	got, err := parseMetrics(strings.NewReader(text))
	if diff := cmp.Diff(map[string]float64{"a": 7.5, "go_goroutines": 12}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestAWindowCountsLossDoublesAndOrder(t *testing.T) {
	t.Parallel()
	w := newWindow(command{Rate: 1000, MeasureMS: 4, Bytes: 64}, make([]pair, 1))
	w.begin(0)
	w.next = w.total
	e := w.endpoint(1)
	e.ackDue = time.Now().Add(time.Hour) // nothing is written: there is no connection
	arrive := func(n string, seq int64) {
		e.arrived(&messagev1.Message{Seq: seq, Content: &messagev1.Message_Text{Text: &messagev1.Text{Body: n + " xxx"}}})
	}
	for id := int64(1); id <= 4; id++ {
		e.sent(id)
	}
	e.sent(99) // of an earlier window
	arrive("0", 1)
	arrive("2", 3)
	arrive("1", 2) // late
	arrive("1", 2) // again
	arrive("77", 9)
	got := w.outcome()
	if got.Sent != 4 || got.Acked != 4 || got.Delivered != 3 || got.lost() != 1 || got.Doubled != 1 || got.Misordered != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestQuantilesAreOfTheSortedValues(t *testing.T) {
	t.Parallel()
	var values []int64
	for i := int64(1000); i >= 1; i-- {
		values = append(values, i*1000)
	}
	want := quantiles{P50: 500, P90: 900, P99: 990, Max: 1000}
	if diff := cmp.Diff(want, quantilesOf(values)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := quantilesOf(nil); got != (quantiles{}) {
		t.Errorf("nothing gives %+v", got)
	}
}

func TestVerdictsOfAWindow(t *testing.T) {
	t.Parallel()
	good := windowResult{CalibrationMS: [2]float64{200, 205}, Load: load{Sent: 100, Acked: 100, Delivered: 100}}
	rows := []struct {
		name   string
		change func(r *windowResult)
		want   string
	}{
		{"a quiet window counts", func(*windowResult) {}, "ok"},
		{"a lost message fails it", func(r *windowResult) { r.Load.Delivered = 99 }, "FAILED"},
		{"a doubled message fails it", func(r *windowResult) { r.Load.Doubled = 1 }, "FAILED"},
		{"a slower machine makes it noisy", func(r *windowResult) { r.CalibrationMS[1] = 260 }, "noisy"},
		{"a busy neighbour makes it noisy", func(r *windowResult) { r.ForeignBusy = 0.3 }, "noisy"},
		{"refused sends mean overload", func(r *windowResult) { r.Load.Acked, r.Load.Delivered = 50, 50 }, "overloaded"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := good
			row.change(&r)
			if got, _ := r.steady(); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestEveryUserHasOneHome(t *testing.T) {
	t.Parallel()
	const id = "0198c0de-0000-7000-8000-000000000001"
	if home(id, 1) != 0 {
		t.Error("one seat is everybody's home")
	}
	seen := home(id, 8)
	if seen != home(id, 8) || seen < 0 || seen > 7 {
		t.Errorf("home %d", seen)
	}
	if seen < 7 && home(id, seen+1) != seen {
		t.Error("a seat that leaves moves a user of another seat")
	}
}

func TestTheWireCarriesReportsAndErrors(t *testing.T) {
	t.Parallel()
	var pipe bytes.Buffer
	w := newWire(&pipe, &pipe)
	for _, r := range []report{{Event: "begin", Acked: 7}, {Event: "end"}, {Error: "no gateway"}} {
		if err := w.send(r); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := w.expect("begin"); err != nil || r.Acked != 7 {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := w.expect("done"); err == nil {
		t.Error("another report was taken")
	}
	if _, err := w.expect("done"); err == nil || !strings.Contains(err.Error(), "no gateway") {
		t.Errorf("the error of the load process is hidden: %v", err)
	}
	if _, err := w.expect("done"); err == nil {
		t.Error("an ended process was not noticed")
	}
}
