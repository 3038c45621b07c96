// SPDX-License-Identifier: Apache-2.0

package scenario_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/test/ledger"
	"github.com/parley-chat/parley/test/ledger/scenario"
)

func options(t *testing.T, f flaw) scenario.Options {
	t.Helper()
	system, url := newPretended(t, f)
	return scenario.Options{
		Gateways: []string{url, url}, People: 4, Devices: 2, Sends: 120, Over: 20 * time.Millisecond, Timeout: time.Minute,
		Heal: 200 * time.Millisecond, Seed: 3, Key: ledger.Key("k"), Dir: t.TempDir(), Dial: system.dial, Progress: io.Discard,
	}
}

func TestARunOfARightSystemPasses(t *testing.T) {
	t.Parallel()
	o := options(t, flaw{})
	var injected atomic.Int64
	o.Faults = []scenario.Fault{
		{Name: "one", Inject: func(context.Context) error { injected.Add(1); return nil }},
		{Name: "two", Inject: func(context.Context) error { injected.Add(1); return nil }},
	}
	v, err := scenario.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if v.Class != ledger.Pass || v.Acknowledged != 120 || v.Stored != 120 || v.Delivered != 480 || injected.Load() != 2 {
		t.Errorf("verdict %+v, %d faults", v, injected.Load())
	}
	text, err := os.ReadFile(filepath.Join(o.Dir, "verdict.json"))
	if err != nil || !bytes.Contains(text, []byte(`"class": "pass"`)) {
		t.Errorf("verdict file: %v %s", err, text)
	}
}

func TestPeopleWriteUntilTheLastFaultIsOver(t *testing.T) {
	t.Parallel()
	o := options(t, flaw{})
	o.UntilWhole = true
	acknowledged := progress{line: make(chan string, 1)}
	o.Progress = acknowledged
	o.Faults = []scenario.Fault{{Name: "long", Inject: func(ctx context.Context) error {
		for {
			select {
			case line := <-acknowledged.line:
				if !strings.Contains(line, "acknowledged 120 of") && strings.Contains(line, "fault: long") {
					return nil // the planned 120 are long over, and more came
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}}}
	v, err := scenario.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if v.Class != ledger.Pass || v.Acknowledged <= 120 {
		t.Errorf("verdict %+v", v)
	}
}

// progress hands lines over, and drops those that nobody waits for.
type progress struct{ line chan string }

func (p progress) Write(text []byte) (int, error) {
	select {
	case p.line <- string(text):
	default:
	}
	return len(text), nil
}

func TestARunFindsWhatTheSystemDoesWrong(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, invariant string
		flaw            flaw
	}{
		{"a delivery is lost", "I10", flaw{loseDelivery: 40}},
		{"an acknowledged message is lost", "I1", flaw{loseMessage: 40}},
		{"a message is stored twice", "I3", flaw{storeTwice: 40}},
		{"an acknowledgement names a wrong place", "I1", flaw{wrongSeq: 40}},
		{"a device shows a message twice", "I11", flaw{deliverTwice: 40}},
		{"a stranger is shown a message", "I14", flaw{deliverStolen: 40}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			v, err := scenario.Run(t.Context(), options(t, row.flaw))
			if err != nil {
				t.Fatal(err)
			}
			if v.Class != ledger.ProductFailure || v.Counts[row.invariant] == 0 {
				t.Errorf("class %s, breaches %v, want %s", v.Class, v.Counts, row.invariant)
			}
		})
	}
}

func TestARefusalEndsTheRun(t *testing.T) {
	t.Parallel()
	if _, err := scenario.Run(t.Context(), options(t, flaw{refuse: 50})); !errors.Is(err, scenario.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestAFaultThatCannotBeInjectedEndsTheRun(t *testing.T) {
	t.Parallel()
	o := options(t, flaw{})
	o.Faults = []scenario.Fault{{Name: "kill", Inject: func(context.Context) error { return errors.New("no such process") }}}
	if _, err := scenario.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), `fault "kill"`) {
		t.Errorf("got %v", err)
	}
}

// processes notes what is asked of it.
type processes struct{ calls []string }

func (p *processes) Kill(name string) error {
	p.calls = append(p.calls, "kill "+name)
	return nil
}

func (p *processes) Start(_ context.Context, name string, _ map[string]string) error {
	p.calls = append(p.calls, "start "+name)
	return nil
}

func TestACrashKillsAndStartsAgain(t *testing.T) {
	t.Parallel()
	var p processes
	f := scenario.Crash(&p, "message")
	if err := f.Inject(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.calls, ", "); got != "kill message, start message" || f.Name != "kill message" {
		t.Errorf("fault %q did %q", f.Name, got)
	}
}
