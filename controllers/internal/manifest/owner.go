// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// owner makes the garbage collector remove a child together with its ChatCluster, and only with that one:
// a later object of the same name has another UID.
func owner(in Input) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(chatv1alpha1.APIVersion).
		WithKind(chatv1alpha1.Kind).
		WithName(in.Cluster.Name).
		WithUID(in.Cluster.UID).
		WithController(true).
		WithBlockOwnerDeletion(true)
}
