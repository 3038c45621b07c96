// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

// KeysSecret holds the cluster's own keys; it is created once and never applied again.
func KeysSecret(in Input, data map[string][]byte) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(KeysName(in.Cluster.Name), in.Cluster.Namespace).
		WithLabels(Labels(in.Cluster.Name, "")).
		WithOwnerReferences(owner(in)).
		WithType(corev1.SecretTypeOpaque).
		WithData(data)
}
