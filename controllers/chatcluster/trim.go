// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/parley-chat/parley/controllers/internal/rollout"
)

// Trim is what a cache does with an object before it keeps it: of pods and ReplicaSets only names, labels,
// owners, times and the status stay, and what ties a ReplicaSet to its Deployment. Everything else is kept
// whole, with its managedFields, from which writes are spared.
func Trim(object any) (any, error) {
	switch o := object.(type) {
	case *corev1.Pod:
		trimMeta(&o.ObjectMeta)
		o.Spec = corev1.PodSpec{}
	case *appsv1.ReplicaSet:
		trimMeta(&o.ObjectMeta)
		o.Spec = appsv1.ReplicaSetSpec{}
	}
	return object, nil
}

func trimMeta(m *metav1.ObjectMeta) {
	m.ManagedFields = nil
	revision, known := m.Annotations[rollout.RevisionAnnotation]
	m.Annotations = nil
	if known {
		m.Annotations = map[string]string{rollout.RevisionAnnotation: revision}
	}
}
