// SPDX-License-Identifier: Apache-2.0

package upgrade

import (
	"slices"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/rollout"
)

// Steps of an upgrade, as in status.
const (
	StepValidate = "Validate"
	StepExpand   = "Expand"
	StepWave1    = "Wave1"
	StepWave2    = "Wave2"
	StepWave3    = "Wave3"
	StepWave4    = "Wave4"
	StepDone     = "Done"
)

// Facts of one pass.
type Facts struct {
	// Target is spec.version.
	Target string
	// Installed is false until the first install has ended well.
	Installed bool
	// Running are the versions of all Deployments, in any order and with repetitions.
	Running []string
	// Schema is the newest version for which a Job has ended well; "" if no Job is left that says it.
	Schema string
	// Problem is what Matrix.Check or Image answered.
	Problem *Problem
	// Expanded is true when the Job of this very target and image has ended well.
	Expanded bool
	// Done tells of each component that its Deployments are written as wished and rolled out: all of
	// rollout.Workload.Done.
	Done map[component.Name]bool
}

// Plan is what a pass may do.
type Plan struct {
	// Step as in status.
	Step string
	// Expand asks for the Job; no Deployment of the target may be written before it is complete.
	Expand bool
	// Write lists the components whose Deployments may be written: those of the wave and, in order, those
	// of the waves before, which are done. It is empty while the plan waits for the Job.
	Write []component.Name
}

// Next plans a pass. An install writes all components once the schemas are there; every other change goes
// wave by wave. A way back goes in reverse order and has no Job: the schemas stay as they are, and the
// older version runs on them.
func Next(facts Facts) Plan {
	if facts.Problem != nil {
		return Plan{Step: StepValidate}
	}
	back := facts.Installed && slices.ContainsFunc(facts.Running, func(v string) bool { return isOlder(facts.Target, v) })
	// An older Job must not touch schemas that a newer one has made, also when the way back has ended.
	ahead := facts.Installed && isOlder(facts.Target, facts.Schema)
	if !facts.Expanded && !back && !ahead {
		return Plan{Step: StepExpand, Expand: true}
	}
	if !facts.Installed {
		return install(facts.Done)
	}
	var plan Plan
	for _, wave := range order(back) {
		plan.Write = append(plan.Write, wave...)
		if !allDone(facts.Done, wave) {
			plan.Step = stepOf(wave)
			return plan
		}
	}
	plan.Step = StepDone
	return plan
}

func install(done map[component.Name]bool) Plan {
	plan := Plan{Step: StepDone, Write: component.All()}
	for _, wave := range rollout.Waves() {
		if !allDone(done, wave) {
			plan.Step = stepOf(wave)
			break
		}
	}
	return plan
}

func order(back bool) [][]component.Name {
	waves := rollout.Waves()
	if back {
		slices.Reverse(waves)
	}
	return waves
}

func allDone(done map[component.Name]bool, wave []component.Name) bool {
	return !slices.ContainsFunc(wave, func(name component.Name) bool { return !done[name] })
}

// stepOf keeps the number of a wave on the way back.
func stepOf(wave []component.Name) string {
	steps := []string{StepWave1, StepWave2, StepWave3, StepWave4}
	for i, other := range rollout.Waves() {
		if slices.Equal(wave, other) {
			return steps[i]
		}
	}
	return StepDone
}
