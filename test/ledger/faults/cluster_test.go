// SPDX-License-Identifier: Apache-2.0

package faults_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/test/ledger/scenario"
)

// The short form: enough sends that every fault hits some, in well under 90 s.
const (
	shortSends    = 1000
	shortOver     = 30 * time.Second
	sendsPerRound = 1000 // in the long form every fault comes once in so many sends
	peopleCount   = 20
	devicesEach   = 2
)

// TestF1_F2_F12_F13_F19_NothingIsLostWhileEverythingDies: people write while gateway, message and transmit
// are killed in turn and MariaDB and RabbitMQ are killed, restarted and wiped. Every acknowledged message
// is in history once, at its first place, without holes, and every device has shown everything in order.
func TestF1_F2_F12_F13_F19_NothingIsLostWhileEverythingDies(t *testing.T) { // not parallel: it takes the machine for itself
	const gateways = 2
	s := startSystem(t, gateways)
	sends, runSeed := int(number(t, sendsVariable, shortSends)), seed(t)
	rounds := max(1, sends/sendsPerRound)
	v, err := scenario.Run(t.Context(), scenario.Options{
		Gateways: s.gateways(gateways), People: peopleCount, Devices: devicesEach, Sends: sends,
		Over: shortOver * time.Duration(rounds), Timeout: 20 * time.Minute, Faults: s.schedule(runSeed, rounds), Seed: runSeed,
		Key: runKey(), Dir: folder(t, "run"), Dial: scenario.DialClient, Progress: t.Output(),
	})
	pass(t, v, err)
}

// schedule is every fault once per round; the first round in a fixed order, later ones shuffled.
func (s *system) schedule(runSeed int64, rounds int) []scenario.Fault {
	all := []scenario.Fault{
		scenario.Crash(s, "message"), scenario.Crash(s, "gateway-0"), scenario.Crash(s, "transmit"), s.killMariaDB(),
		s.restartRabbitMQ(), s.wipeRabbitMQ(), scenario.Crash(s, "gateway-1"),
	}
	rng := rand.New(rand.NewPCG(uint64(runSeed), 1))
	faults := slices.Clone(all)
	for range rounds - 1 {
		again := append(slices.Clone(all), s.killRabbitMQ())
		rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		faults = append(faults, again...)
	}
	return faults
}
