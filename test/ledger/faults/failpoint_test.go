// SPDX-License-Identifier: Apache-2.0

package faults_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley-chat/parley/test/ledger/scenario"
)

// exitAtFailpoint is the status with which a process ends at an armed point.
const exitAtFailpoint = 86

// TestF2_F3_TheMessageServiceDiesAtTheWorstMoments stops the message service exactly before the commit of a
// send, after it, and after the broker's confirm. The client knows no outcome, repeats, and gets the first
// answer; an event that was published and not forgotten comes again and is shown once.
func TestF2_F3_TheMessageServiceDiesAtTheWorstMoments(t *testing.T) { // not parallel: it takes the machine for itself
	s := startSystem(t, 1, "failpoints")
	const rounds = 3
	var faults []scenario.Fault
	for round := range rounds {
		for _, point := range []string{"before-commit", "after-commit", "after-confirm"} {
			faults = append(faults, s.dieAt(point, round))
		}
	}
	runSeed := seed(t)
	v, err := scenario.Run(t.Context(), scenario.Options{
		Gateways: s.gateways(1), People: 4, Devices: devicesEach, Sends: 200, Over: 20 * time.Second, Timeout: 5 * time.Minute,
		Faults: faults, Seed: runSeed, Key: runKey(), Dir: folder(t, "run"), Dial: scenario.DialClient, Progress: t.Output(),
	})
	pass(t, v, err)
}

// dieAt restarts the message service with an armed point, waits until a send has run into it, and starts
// it again without.
func (s *system) dieAt(point string, round int) scenario.Fault {
	const name = "message"
	return scenario.Fault{Name: fmt.Sprintf("die %s %d", point, round+1), Inject: func(ctx context.Context) error {
		if err := s.Terminate(ctx, name); err != nil {
			return err
		}
		// A client that repeats may meet the point before the probe was answered: that is no failed start.
		startErr := s.Start(ctx, name, map[string]string{"PARLEY_FAILPOINTS": point + "=exit"})
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		status, err := s.Wait(ctx, name)
		if err != nil || status != exitAtFailpoint {
			return errors.Join(fmt.Errorf("message ended with status %d, not at %s", status, point), startErr, err)
		}
		return s.Start(ctx, name, nil)
	}}
}
