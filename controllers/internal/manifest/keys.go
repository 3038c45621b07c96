// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

// KeysSecret holds keys of the cluster's own; it is created once and never applied again. name is KeysName or
// MoreKeysName.
func KeysSecret(in Input, name string, data map[string][]byte) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(name, in.Cluster.Namespace).
		WithLabels(Labels(in.Cluster.Name, "")).
		WithOwnerReferences(owner(in)).
		WithType(corev1.SecretTypeOpaque).
		WithData(data)
}
