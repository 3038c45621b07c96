// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/parley-chat/parley/controllers/chatcluster"
)

func TestTrim(t *testing.T) {
	t.Parallel()
	kept := metav1.ObjectMeta{
		Name: "acme-user-1", Namespace: "chat", UID: "1", ResourceVersion: "7", Labels: map[string]string{"a": "b"},
		OwnerReferences: []metav1.OwnerReference{{UID: "2"}}, CreationTimestamp: metav1.NewTime(time.Unix(7, 0)),
	}
	full := func(annotations map[string]string) metav1.ObjectMeta {
		m := *kept.DeepCopy()
		m.Annotations = annotations
		m.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
		return m
	}
	revised := *kept.DeepCopy()
	revised.Annotations = map[string]string{"deployment.kubernetes.io/revision": "3"}
	status := corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.7"}
	deployment := &appsv1.Deployment{ObjectMeta: full(map[string]string{"note": "long"})}
	for name, test := range map[string]struct{ object, want any }{
		"a pod": {
			&corev1.Pod{ObjectMeta: full(map[string]string{"note": "long"}), Spec: corev1.PodSpec{NodeName: "n"}, Status: status},
			&corev1.Pod{ObjectMeta: kept, Status: status},
		},
		"a ReplicaSet": {
			&appsv1.ReplicaSet{
				ObjectMeta: full(map[string]string{"note": "long", "deployment.kubernetes.io/revision": "3"}),
				Spec:       appsv1.ReplicaSetSpec{MinReadySeconds: 7},
			},
			&appsv1.ReplicaSet{ObjectMeta: revised},
		},
		"a Deployment is kept whole": {deployment.DeepCopy(), deployment},
		"what is none of these":      {"a tombstone", "a tombstone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := chatcluster.Trim(test.object)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
