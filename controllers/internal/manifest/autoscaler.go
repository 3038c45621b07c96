// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	autoscalingv2ac "k8s.io/client-go/applyconfigurations/autoscaling/v2"

	"github.com/parley-chat/parley/api/component"
)

// HorizontalPodAutoscaler of a component; nil when IsAutoscaled is false.
func HorizontalPodAutoscaler(in Input, name component.Name) *autoscalingv2ac.HorizontalPodAutoscalerApplyConfiguration {
	if !IsAutoscaled(in, name) {
		return nil
	}
	wanted, child := serviceOf(in, name).Autoscaling, DeploymentName(in.Cluster.Name, name)
	spec := autoscalingv2ac.HorizontalPodAutoscalerSpec().
		WithScaleTargetRef(autoscalingv2ac.CrossVersionObjectReference().
			WithAPIVersion("apps/v1").
			WithKind("Deployment").
			WithName(child)).
		WithMaxReplicas(wanted.MaxReplicas)
	if wanted.MinReplicas != nil {
		spec.WithMinReplicas(*wanted.MinReplicas)
	}
	if wanted.TargetCPUPercent != nil {
		spec.WithMetrics(autoscalingv2ac.MetricSpec().
			WithType(autoscalingv2.ResourceMetricSourceType).
			WithResource(autoscalingv2ac.ResourceMetricSource().
				WithName(corev1.ResourceCPU).
				WithTarget(autoscalingv2ac.MetricTarget().
					WithType(autoscalingv2.UtilizationMetricType).
					WithAverageUtilization(*wanted.TargetCPUPercent))))
	}
	return autoscalingv2ac.HorizontalPodAutoscaler(child, in.Cluster.Namespace).
		WithLabels(Labels(in.Cluster.Name, name)).
		WithOwnerReferences(owner(in)).
		WithSpec(spec)
}
