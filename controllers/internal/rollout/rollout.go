// SPDX-License-Identifier: Apache-2.0

// Package rollout tells how far the pods of a component are, and which of them may change next.
package rollout

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/parley-chat/parley/api/component"
)

// RevisionAnnotation ties a Deployment to its newest ReplicaSet; the Deployment controller writes it to
// both. A cache that cuts ReplicaSets must keep it.
const RevisionAnnotation = "deployment.kubernetes.io/revision"

// Workload is a Deployment with what belongs to it.
type Workload struct {
	// Deployment is nil before it was made.
	Deployment *appsv1.Deployment
	// Sets and Pods may hold those of other Deployments too; owners tell them apart.
	Sets []appsv1.ReplicaSet
	Pods []corev1.Pod
}

// Waves in the order in which a new version comes: who is called before who calls.
func Waves() [][]component.Name {
	return [][]component.Name{
		{component.User, component.Friend, component.File},
		{component.Message},
		{component.Transmit, component.Speech},
		{component.Gateway},
	}
}

// Done tells whether every wanted pod is of the newest ReplicaSet and available, and none of an old one is
// left, not even one that ends. It judges the Deployment as it was read: one that was changed since then
// must be read again.
func (w Workload) Done() bool {
	d := w.Deployment
	if d == nil || d.Status.ObservedGeneration < d.Generation {
		return false
	}
	wanted := w.Wanted()
	if d.Status.UpdatedReplicas < wanted || d.Status.AvailableReplicas < wanted || d.Status.Replicas != d.Status.UpdatedReplicas {
		return false
	}
	return w.newest() != nil && len(w.oldPods()) == 0
}

// Says tells whether every new pod that answers runs the version. Silence says nothing, and neither does
// a version that is none, as in a build by hand.
func (w Workload) Says(target string, told map[string]component.Status) bool {
	for _, pod := range w.newPods() {
		own, err := version.ParseSemantic(told[pod.Name].Version)
		if err != nil {
			continue
		}
		if order, err := own.Compare(target); err == nil && order != 0 {
			return false
		}
	}
	return true
}

// Wanted pods; a Deployment that says nothing has one.
func (w Workload) Wanted() int32 {
	if w.Deployment == nil {
		return 0
	}
	if w.Deployment.Spec.Replicas == nil {
		return 1
	}
	return *w.Deployment.Spec.Replicas
}

// newest ReplicaSet; nil before the controller has made it.
func (w Workload) newest() *appsv1.ReplicaSet {
	revision := w.Deployment.Annotations[RevisionAnnotation]
	for i := range w.Sets {
		set := &w.Sets[i]
		if isOwned(set, w.Deployment) && revision != "" && set.Annotations[RevisionAnnotation] == revision {
			return set
		}
	}
	return nil
}

// newPods are those of the newest ReplicaSet that do not end.
func (w Workload) newPods() []corev1.Pod {
	if w.Deployment == nil {
		return nil
	}
	newest := w.newest()
	if newest == nil {
		return nil
	}
	return w.pods(func(pod *corev1.Pod) bool { return isOwned(pod, newest) && pod.DeletionTimestamp == nil })
}

// oldPods are those of the other ReplicaSets, whether they end or not. Pods that have ended by themselves
// hold nothing any more.
func (w Workload) oldPods() []corev1.Pod {
	newest := w.newest()
	return w.pods(func(pod *corev1.Pod) bool {
		return (newest == nil || !isOwned(pod, newest)) && w.isOurs(pod) && !hasEnded(pod)
	})
}

func (w Workload) pods(wanted func(*corev1.Pod) bool) []corev1.Pod {
	var list []corev1.Pod
	for i := range w.Pods {
		if wanted(&w.Pods[i]) {
			list = append(list, w.Pods[i])
		}
	}
	return list
}

// isOurs tells whether one of the Deployment's ReplicaSets owns the pod.
func (w Workload) isOurs(pod *corev1.Pod) bool {
	return slices.ContainsFunc(w.Sets, func(set appsv1.ReplicaSet) bool {
		return isOwned(&set, w.Deployment) && isOwned(pod, &set)
	})
}

func hasEnded(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func isOwned(object, owner metav1.Object) bool {
	controller := metav1.GetControllerOf(object)
	return controller != nil && controller.UID == owner.GetUID()
}
