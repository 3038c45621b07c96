// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

const (
	maxSpread = 8
	weights   = "choose weights from 1 to 100"
	topology  = "name the topologyKey"
)

// checkAffinity finds what is wrong most often; the API server judges the rest when pods are made.
func (p *problems) checkAffinity(path string, affinity *corev1.Affinity) {
	if affinity == nil {
		return
	}
	if nodes := affinity.NodeAffinity; nodes != nil {
		required := nodes.RequiredDuringSchedulingIgnoredDuringExecution
		p.unless(required == nil || len(required.NodeSelectorTerms) > 0, path, "name at least one of nodeSelectorTerms")
		for _, term := range nodes.PreferredDuringSchedulingIgnoredDuringExecution {
			p.unless(isWeight(term.Weight), path, weights)
		}
	}
	if pods := affinity.PodAffinity; pods != nil {
		p.checkPodTerms(path, pods.RequiredDuringSchedulingIgnoredDuringExecution, pods.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	if pods := affinity.PodAntiAffinity; pods != nil {
		p.checkPodTerms(path, pods.RequiredDuringSchedulingIgnoredDuringExecution, pods.PreferredDuringSchedulingIgnoredDuringExecution)
	}
}

func (p *problems) checkPodTerms(path string, required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) {
	for _, term := range required {
		p.unless(term.TopologyKey != "", path, topology)
	}
	for _, term := range preferred {
		p.unless(isWeight(term.Weight) && term.PodAffinityTerm.TopologyKey != "", path, weights+", and "+topology)
	}
}

func isWeight(weight int32) bool { return weight >= 1 && weight <= 100 }

func (p *problems) checkSpread(path string, constraints []corev1.TopologySpreadConstraint) {
	p.atMost(path, len(constraints), maxSpread)
	type identity struct {
		key  string
		when corev1.UnsatisfiableConstraintAction
	}
	seen := map[identity]bool{}
	for i, c := range constraints {
		at, id := fmt.Sprintf("%s[%d]", path, i), identity{c.TopologyKey, c.WhenUnsatisfiable}
		p.unless(c.MaxSkew >= 1, at+".maxSkew", "choose at least 1")
		p.unless(c.TopologyKey != "", at+".topologyKey", "name the label of nodes to spread over")
		p.oneOf(at+".whenUnsatisfiable", string(c.WhenUnsatisfiable), string(corev1.DoNotSchedule), string(corev1.ScheduleAnyway))
		p.unless(c.MinDomains == nil || *c.MinDomains >= 1 && c.WhenUnsatisfiable == corev1.DoNotSchedule, at+".minDomains",
			"remove it, or use at least 1 with DoNotSchedule")
		p.unless(!seen[id], at, "remove it: a constraint with this topologyKey and whenUnsatisfiable is there already")
		seen[id] = true
	}
}
