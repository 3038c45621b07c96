// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

const (
	// graceSeconds of all but the gateway: 5 s of serving on, 20 s of shutdown, and room.
	graceSeconds = 60
	// drainRoom is added to the drain's timeout, so that the pod closes the last sessions itself.
	drainRoom = 30 * time.Second
	// templateHash tells pods of one template from those of the one before.
	templateHash = appsv1.DefaultDeploymentUniqueLabelKey
)

// Deployment of a component other than the gateway. Without IsAutoscaled it has a count; with it the
// count is the autoscaler's, and a new Deployment starts with one pod.
func Deployment(in Input, name component.Name) *appsv1ac.DeploymentApplyConfiguration {
	container := withDoors(containerOf(in, name, environmentOf(in, name, nil), string(name)), name)
	selector := Selector(in.Cluster.Name, name)
	// The hash lets the new pods of a rollout be spread as if the old ones were gone already.
	pod := podOf(in, name, container, graceSeconds).WithTopologySpreadConstraints(spread(in, selector, templateHash)...)
	spec := deploymentSpec(in, selector, podTemplate(in, name, nil, pod))
	if !IsAutoscaled(in, name) {
		spec.WithReplicas(Replicas(in, name))
	}
	return deployment(in, DeploymentName(in.Cluster.Name, name), name, spec)
}

// GatewayDeployment is one seat of the gateway: always one pod, which is known by its seat.
func GatewayDeployment(in Input, seat int32) *appsv1ac.DeploymentApplyConfiguration {
	const name = component.Gateway
	container := withDoors(containerOf(in, name, environmentOf(in, name, &seat), string(name)), name)
	selector := SeatSelector(in.Cluster.Name, seat)
	mark := map[string]string{LabelSeat: selector[LabelSeat]}
	timeout := seconds(in.Cluster.Spec.Services.Gateway.Drain.Timeout, drainRoom)
	pod := podOf(in, name, container, int64(timeout)).
		WithTopologySpreadConstraints(spread(in, Selector(in.Cluster.Name, name))...).
		WithHostname(SeatHostname(seat)).
		WithSubdomain(RingServiceName(in.Cluster.Name))
	spec := deploymentSpec(in, selector, podTemplate(in, name, mark, pod)).WithReplicas(1)
	return deployment(in, SeatName(in.Cluster.Name, seat), name, spec).WithLabels(mark)
}

// SeatHostname is what an endpoint of the ring is called, from which readers learn the seat.
func SeatHostname(seat int32) string { return "seat-" + number(seat) }

func deployment(in Input, child string, name component.Name, spec *appsv1ac.DeploymentSpecApplyConfiguration) *appsv1ac.DeploymentApplyConfiguration {
	return appsv1ac.Deployment(child, in.Cluster.Namespace).
		WithLabels(workloadLabels(in, name)).
		WithOwnerReferences(owner(in)).
		WithSpec(spec)
}

func deploymentSpec(in Input, selector map[string]string, template *corev1ac.PodTemplateSpecApplyConfiguration) *appsv1ac.DeploymentSpecApplyConfiguration {
	return appsv1ac.DeploymentSpec().
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
		WithStrategy(appsv1ac.DeploymentStrategy().
			WithType(appsv1.RollingUpdateDeploymentStrategyType).
			WithRollingUpdate(appsv1ac.RollingUpdateDeployment().
				WithMaxSurge(intstr.FromInt32(1)).
				WithMaxUnavailable(intstr.FromInt32(0)))).
		WithProgressDeadlineSeconds(seconds(in.Cluster.Spec.Upgrade.ProgressDeadline, 0)).
		WithRevisionHistoryLimit(3).
		WithTemplate(template)
}

// seconds rounds up. Validation has seen the duration, so one that cannot be read counts as nothing.
func seconds(duration chatv1alpha1.Duration, more time.Duration) int32 {
	parsed, err := duration.Parse()
	if err != nil {
		parsed = 0
	}
	return int32((parsed + more + time.Second - 1) / time.Second) //nolint:gosec // durations of a valid spec are hours at most
}
