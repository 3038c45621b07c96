// SPDX-License-Identifier: Apache-2.0

package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parley-chat/parley/test/integration/cluster"
	"github.com/parley-chat/parley/test/ledger/scenario"
)

// The short form of the kills of `parley dev`, and how many sends lie between two of them.
const (
	shortKills   = 4
	sendsPerKill = 60
	killWithin   = 400 * time.Millisecond
)

// TestF54_NothingIsLostWhileDevIsKilled: people write while the one process with its SQLite files is killed
// at random moments and started again on what lies on the disk.
func TestF54_NothingIsLostWhileDevIsKilled(t *testing.T) { // not parallel: it takes the machine for itself
	kills, runSeed := int(number(t, killsVariable, shortKills)), seed(t)
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	binary, err := cluster.Binary(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dev, err := cluster.StartDev(ctx, binary, folder(t, "dev"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(dev.Log(4096))
		}
		dev.Stop(context.WithoutCancel(t.Context()))
	})
	sends := kills * sendsPerKill
	v, err := scenario.Run(t.Context(), scenario.Options{
		Gateways: []string{dev.URL()}, People: 12, Devices: devicesEach, Sends: sends,
		Over: time.Duration(kills) * 2 * time.Second, Timeout: 10 * time.Minute, Faults: devKills(dev, kills, runSeed), Seed: runSeed,
		Key: runKey(), Dir: folder(t, "run"), Dial: scenario.DialClient, Progress: t.Output(),
	})
	pass(t, v, err)
}

// devKills is a row of kills, each a random moment after its turn has come.
func devKills(dev *cluster.Dev, kills int, runSeed int64) []scenario.Fault {
	rng := rand.New(rand.NewPCG(uint64(runSeed), 2))
	faults := make([]scenario.Fault, 0, kills)
	for i := range kills {
		moment := time.Duration(rng.Int64N(int64(killWithin)))
		faults = append(faults, scenario.Fault{Name: fmt.Sprintf("kill dev %d", i+1), Inject: func(ctx context.Context) error {
			timer := time.NewTimer(moment)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			dev.Kill()
			return dev.Start(ctx)
		}})
	}
	return faults
}
