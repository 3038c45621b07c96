// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// versionLabel of pods.
const versionLabel = "app.kubernetes.io/version"

// State of a component. It has one Workload, the gateway one per seat. wanted is the count of pods that
// the spec asks for; it is used where no Deployment says it yet.
func State(name component.Name, wanted int32, parts []Workload) chatv1alpha1.ServiceStatus {
	status := chatv1alpha1.ServiceStatus{Name: string(name), Reason: chatv1alpha1.ServiceConverged}
	worst := ""
	for _, part := range parts {
		status.Desired += part.Wanted()
		if d := part.Deployment; d != nil {
			status.Ready += d.Status.ReadyReplicas
			status.Updated += d.Status.UpdatedReplicas
		}
		for i := range part.Pods {
			status.Version = lower(status.Version, servedBy(part, &part.Pods[i]))
		}
		if reason, message := part.reason(); rank(reason) > rank(worst) {
			worst, status.Message = reason, message
		}
	}
	if worst != "" {
		status.Reason = worst
	}
	if len(parts) == 0 {
		status.Desired, status.Reason, status.Message = wanted, chatv1alpha1.ServiceWaiting, "no Deployment yet"
	}
	return status
}

// reason of one Deployment; "" when it is converged.
func (w Workload) reason() (reason, message string) {
	if w.Deployment == nil {
		return chatv1alpha1.ServiceWaiting, "no Deployment yet"
	}
	for _, pod := range w.newPods() {
		if found, why := podReason(&pod); rank(found) > rank(reason) {
			reason, message = found, why
		}
	}
	if reason != "" || w.Done() {
		return reason, message
	}
	return chatv1alpha1.ServiceProgressing, fmt.Sprintf("Deployment %s is changing", w.Deployment.Name)
}

func podReason(pod *corev1.Pod) (reason, message string) {
	if isReady(pod) {
		return "", ""
	}
	for _, container := range pod.Status.ContainerStatuses {
		if container.State.Waiting == nil {
			continue
		}
		switch waiting := container.State.Waiting.Reason; {
		case strings.Contains(waiting, "Image"):
			return chatv1alpha1.ServiceImagePullFailed, imageProblem(pod, &container)
		case waiting == "CrashLoopBackOff":
			return chatv1alpha1.ServiceCrashLooping, fmt.Sprintf("read the log of pod %s", pod.Name)
		}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse &&
			condition.Reason == corev1.PodReasonUnschedulable {
			return chatv1alpha1.ServiceUnschedulable, fmt.Sprintf("give pod %s a node: look at its events", pod.Name)
		}
	}
	return "", ""
}

// imageProblem names the image: which one it is, is the first question where components have different ones.
func imageProblem(pod *corev1.Pod, container *corev1.ContainerStatus) string {
	return fmt.Sprintf("correct spec.version, spec.image or the pull secret: pod %s cannot get its image %s", pod.Name, container.Image)
}

// rank puts what a person must see first.
func rank(reason string) int {
	switch reason {
	case chatv1alpha1.ServiceImagePullFailed:
		return 5
	case chatv1alpha1.ServiceCrashLooping:
		return 4
	case chatv1alpha1.ServiceUnschedulable:
		return 3
	case chatv1alpha1.ServiceWaiting:
		return 2
	case chatv1alpha1.ServiceProgressing:
		return 1
	default:
		return 0
	}
}

// servedBy is the version of a ready pod of the workload, else "". A label writes + as _.
func servedBy(w Workload, pod *corev1.Pod) string {
	if w.Deployment == nil || !w.isOurs(pod) || !isReady(pod) {
		return ""
	}
	return strings.ReplaceAll(pod.Labels[versionLabel], "_", "+")
}

// lower of two versions; "" knows nothing.
func lower(left, right string) string {
	if left == "" || right == "" {
		return left + right
	}
	l, err := version.ParseSemantic(left)
	if err != nil {
		return right
	}
	if order, err := l.Compare(right); err == nil && order > 0 {
		return right
	}
	return left
}

// IsServing tells whether at least one pod is ready.
func IsServing(d *appsv1.Deployment) bool { return d != nil && d.Status.ReadyReplicas > 0 }
