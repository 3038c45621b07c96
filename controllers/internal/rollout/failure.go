// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

const (
	// crashes of a new pod that end a wave; chosen, no evidence.
	crashes = 5
	// patience with an image or a configuration that cannot be had: registries and Secrets may come late.
	patience = 2 * time.Minute
	// progressDeadlineExceeded is what the Deployment controller writes into the condition Progressing.
	progressDeadlineExceeded = "ProgressDeadlineExceeded"
)

// Failure says why a wave must stop.
type Failure struct {
	// Reason is one of the condition Stalled.
	Reason string
	// Message names the pod or Deployment and what to do; it repeats no free text of the node.
	Message string
}

// Failure answers nil while there is hope: before the deadline of progress, and while no new pod has
// crashed too often, or has waited too long for its image or configuration. A pod that is ready counts as
// well, however often it crashed.
//
// began is when this try began. What was there before and failed then, and is tried once more without a
// change, has a whole deadline of progress again.
func (w Workload) Failure(now, began time.Time) *Failure {
	d := w.Deployment
	if d == nil || d.Status.ObservedGeneration < d.Generation || w.Done() {
		return nil
	}
	again := now.Before(began.Add(w.deadline()))
	for _, pod := range w.newPods() {
		if again && !pod.CreationTimestamp.After(began) {
			continue
		}
		if failure := PodFailure(&pod, now); failure != nil {
			return failure
		}
	}
	failed := func(kind appsv1.DeploymentConditionType, status corev1.ConditionStatus) *appsv1.DeploymentCondition {
		condition := conditionOf(d, kind)
		if condition == nil || condition.Status != status || again && !condition.LastTransitionTime.After(began) {
			return &appsv1.DeploymentCondition{}
		}
		return condition
	}
	if strings.Contains(failed(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue).Message, "exceeded quota") {
		return failf(chatv1alpha1.ReasonQuotaExceeded, "raise the quota of the namespace: Deployment %s may not make its pods", d.Name)
	}
	if failed(appsv1.DeploymentProgressing, corev1.ConditionFalse).Reason == progressDeadlineExceeded {
		return failf(chatv1alpha1.ReasonProgressDeadlineExceeded, "look at the pods of Deployment %s: it made no progress in time", d.Name)
	}
	return nil
}

// deadline of progress; the default is that of Kubernetes.
func (w Workload) deadline() time.Duration {
	const standard = 10 * time.Minute
	if w.Deployment.Spec.ProgressDeadlineSeconds == nil {
		return standard
	}
	return time.Duration(*w.Deployment.Spec.ProgressDeadlineSeconds) * time.Second
}

// PodFailure answers nil while there is hope that a pod starts.
func PodFailure(pod *corev1.Pod, now time.Time) *Failure {
	if isReady(pod) {
		return nil
	}
	for _, container := range pod.Status.ContainerStatuses {
		if container.RestartCount >= crashes {
			return failf(chatv1alpha1.ReasonProgressDeadlineExceeded, "read the log of pod %s: it ended %d times", pod.Name, container.RestartCount)
		}
		if container.State.Waiting == nil || now.Sub(waitingSince(pod, container)) < patience {
			continue
		}
		switch container.State.Waiting.Reason {
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
			return failf(chatv1alpha1.ReasonImagePullFailed, "%s", imageProblem(pod, &container))
		case "CreateContainerConfigError", "CreateContainerError":
			return failf(chatv1alpha1.ReasonProgressDeadlineExceeded, "look at pod %s: its configuration cannot be had", pod.Name)
		}
	}
	return nil
}

// waitingSince is the latest moment before which the container was not waiting: a state has no time.
func waitingSince(pod *corev1.Pod, container corev1.ContainerStatus) time.Time {
	since := pod.CreationTimestamp.Time
	if pod.Status.StartTime != nil && pod.Status.StartTime.After(since) {
		since = pod.Status.StartTime.Time
	}
	if ended := container.LastTerminationState.Terminated; ended != nil && ended.FinishedAt.After(since) {
		since = ended.FinishedAt.Time
	}
	return since
}

func isReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func conditionOf(d *appsv1.Deployment, wanted appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range d.Status.Conditions {
		if d.Status.Conditions[i].Type == wanted {
			return &d.Status.Conditions[i]
		}
	}
	return nil
}

func failf(reason, format string, args ...any) *Failure {
	return &Failure{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
