// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
)

// affinity of the spec; nil when it says nothing.
func affinity(in Input) *corev1ac.AffinityApplyConfiguration {
	wanted := clusterTemplate(in).Affinity
	if wanted == nil || *wanted == (corev1.Affinity{}) {
		return nil
	}
	return converted[corev1ac.AffinityApplyConfiguration](wanted)
}

// spread keeps pods of one selector apart as the spec says, else over zones and hosts where that is
// possible. It does not ask for the count: a count in a template would replace all pods whenever it
// changes.
func spread(in Input, selector map[string]string, keys ...string) []*corev1ac.TopologySpreadConstraintApplyConfiguration {
	var constraints []*corev1ac.TopologySpreadConstraintApplyConfiguration
	for _, wanted := range clusterTemplate(in).TopologySpreadConstraints {
		constraint := converted[corev1ac.TopologySpreadConstraintApplyConfiguration](wanted)
		if wanted.LabelSelector == nil {
			// One template serves all components: each spreads its own pods.
			constraint.WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(selector))
			if len(wanted.MatchLabelKeys) == 0 {
				constraint.WithMatchLabelKeys(keys...)
			}
		}
		constraints = append(constraints, constraint)
	}
	if len(constraints) > 0 {
		return constraints
	}
	for _, topology := range []string{corev1.LabelTopologyZone, corev1.LabelHostname} {
		constraints = append(constraints, corev1ac.TopologySpreadConstraint().
			WithMaxSkew(1).
			WithTopologyKey(topology).
			WithWhenUnsatisfiable(corev1.ScheduleAnyway).
			WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
			WithMatchLabelKeys(keys...))
	}
	return constraints
}

// converted reads a value of Kubernetes as its apply configuration: both have the same JSON.
func converted[T any](value any) *T {
	text, err := json.Marshal(value)
	result := new(T)
	if err == nil {
		err = json.Unmarshal(text, result)
	}
	if err != nil {
		panic(err) // two types of one schema: no input gets here
	}
	return result
}
