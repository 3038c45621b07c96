// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"

	"github.com/parley-chat/parley/api/component"
)

// PodDisruptionBudgets let one pod of a component go at a time. A component of one pod has none: it would
// only say what is allowed anyway. The gateway's spans all seats.
func PodDisruptionBudgets(in Input) []*policyv1ac.PodDisruptionBudgetApplyConfiguration {
	var budgets []*policyv1ac.PodDisruptionBudgetApplyConfiguration
	for _, name := range Running(in.Cluster) {
		if most(in, name) < 2 {
			continue
		}
		budgets = append(budgets, policyv1ac.PodDisruptionBudget(DeploymentName(in.Cluster.Name, name), in.Cluster.Namespace).
			WithLabels(Labels(in.Cluster.Name, name)).
			WithOwnerReferences(owner(in)).
			WithSpec(policyv1ac.PodDisruptionBudgetSpec().
				WithMaxUnavailable(intstr.FromInt32(1)).
				WithSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(in.Cluster.Name, name))).
				// A pod that never became healthy must not hold up the drain of its node.
				WithUnhealthyPodEvictionPolicy(policyv1.AlwaysAllow)))
	}
	return budgets
}

// most is the highest count that a component may have without a new spec.
func most(in Input, name component.Name) int32 {
	if IsAutoscaled(in, name) {
		return serviceOf(in, name).Autoscaling.MaxReplicas
	}
	return Replicas(in, name)
}
