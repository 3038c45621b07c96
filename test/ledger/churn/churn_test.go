// SPDX-License-Identifier: Apache-2.0

package churn_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/ledger"
	"github.com/parley-chat/parley/test/ledger/scenario"
)

// The run: small enough for every change, and each of the restless leaves several times.
const (
	people   = 7 // two of them restless
	devices  = 2
	sends    = 240
	comings  = 12
	duration = 6 * time.Second
	patience = 5 * time.Minute
)

// People leave a group and come back while the others write to it. Every device shows what was said while its
// owner was a member, once and in order, and nothing else reaches it; no page of history holds more either.
func TestI14_I15_NobodyHearsWhatIsSaidWhileTheyAreAway(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 2})
	v, err := scenario.Run(t.Context(), scenario.Options{
		Gateways: []string{sys.Public(0), sys.Public(1)}, People: people, Devices: devices, Sends: sends, Over: duration, Timeout: patience,
		Churn: comings, Seed: 1, Key: ledger.Key("the key of a run with churn"), Dir: t.TempDir(), Dial: scenario.DialFromHere, Progress: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("verdict %s: %s", v.Class, v.Why)
	for _, breach := range v.Examples {
		t.Error(breach)
	}
	if v.Class != ledger.Pass {
		t.Errorf("class %s, want %s", v.Class, ledger.Pass)
	}
}
