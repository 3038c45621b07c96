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
	// Components that run, in the order in which they start.
	Components []component.Name
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
		return install(facts)
	}
	var plan Plan
	for _, wave := range facts.waves(back) {
		plan.Write = append(plan.Write, wave.members...)
		if !facts.allDone(wave) {
			plan.Step = wave.step
			return plan
		}
	}
	plan.Step = StepDone
	return plan
}

func install(facts Facts) Plan {
	plan := Plan{Step: StepDone, Write: facts.Components}
	for _, wave := range facts.waves(false) {
		if !facts.allDone(wave) {
			plan.Step = wave.step
			break
		}
	}
	return plan
}

// wave keeps its number on the way back.
type wave struct {
	step    string
	members []component.Name
}

// waves of the components that run.
func (f Facts) waves(back bool) []wave {
	steps := []string{StepWave1, StepWave2, StepWave3, StepWave4}
	var list []wave
	for i, members := range rollout.Waves() {
		members = slices.DeleteFunc(members, func(name component.Name) bool { return !slices.Contains(f.Components, name) })
		list = append(list, wave{steps[i], members})
	}
	if back {
		slices.Reverse(list)
	}
	return list
}

func (f Facts) allDone(w wave) bool {
	return !slices.ContainsFunc(w.members, func(name component.Name) bool { return !f.Done[name] })
}
