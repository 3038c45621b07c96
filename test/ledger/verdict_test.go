// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parley-chat/parley/test/ledger"
)

func TestVerdictsHaveOneClass(t *testing.T) {
	t.Parallel()
	fault := ledger.Event{Kind: ledger.FaultOn, Code: "kill message"}
	rows := []struct {
		name   string
		plan   ledger.Plan
		events func(t *testing.T) []ledger.Event
		want   ledger.Class
	}{
		{"everything was sent and every fault injected", ledger.Plan{Sends: 20, Faults: []string{"kill message"}}, func(*testing.T) []ledger.Event {
			return append(run(), fault)
		}, ledger.Pass},
		{"one message is lost", ledger.Plan{Sends: 20}, func(t *testing.T) []ledger.Event {
			e := run()
			h := &e[pick(t, e, 0, final)]
			h.Items, h.Head = h.Items[:len(h.Items)-1], h.Head-1
			return e
		}, ledger.ProductFailure},
		{"less was acknowledged than planned", ledger.Plan{Sends: 21}, func(*testing.T) []ledger.Event { return run() }, ledger.InsufficientEvidence},
		{"a fault was not injected", ledger.Plan{Sends: 20, Faults: []string{"kill message"}}, func(*testing.T) []ledger.Event {
			return run()
		}, ledger.InsufficientEvidence},
		{"a call has no second line", ledger.Plan{Sends: 20}, func(t *testing.T) []ledger.Event {
			e := run()
			i := pick(t, e, 0, acked)
			return slices.Delete(e, i, i+1)
		}, ledger.HarnessInvalid},
		{"an answer has no call", ledger.Plan{Sends: 20}, func(t *testing.T) []ledger.Event {
			e := run()
			i := pick(t, e, 0, called)
			return slices.Delete(e, i, i+1)
		}, ledger.HarnessInvalid},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := ledger.Judge(row.plan, ledger.Key(testKey), row.events(t)); got.Class != row.want {
				t.Errorf("class %s (%s), want %s", got.Class, got.Why, row.want)
			}
		})
	}
}

func TestAVerdictIsOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verdict.json")
	if err := ledger.Environment(ledger.Plan{Run: "r1", Seed: 42}, errors.New("mariadbd did not start")).WriteFile(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got ledger.Verdict
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Class != ledger.EnvironmentFailure || got.Seed != 42 || got.Why != "mariadbd did not start" {
		t.Errorf("read back %+v", got)
	}
}

func TestMarkersBelongToOneRun(t *testing.T) {
	t.Parallel()
	a, b := ledger.Key("a"), ledger.Key("b")
	marker := a.Marker("c", "ann", 1)
	for name, other := range map[string]string{
		"another run": b.Marker("c", "ann", 1), "another sender": a.Marker("c", "bob", 1),
		"another conversation": a.Marker("d", "ann", 1), "another number": a.Marker("c", "ann", 2),
	} {
		if other == marker {
			t.Errorf("%s has the same marker", name)
		}
	}
	body := ledger.Body(marker, 256)
	if len(body) != 256 || ledger.MarkerOf(body) != marker {
		t.Errorf("a body of %d bytes carries %q, want 256 and %q", len(body), ledger.MarkerOf(body), marker)
	}
}
