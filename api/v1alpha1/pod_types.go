// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// PodTemplate is merged into the pods of the components: maps and env by key, all else replaced.
type PodTemplate struct {
	// Labels of the pods, at most 32.
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations of the pods, at most 32.
	Annotations map[string]string `json:"annotations,omitempty"`
	// NodeSelector of the pods, at most 32.
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations of the pods, at most 32.
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// PriorityClassName of the pods.
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// Env of the containers, literal values, at most 64.
	// +listType=map
	// +listMapKey=name
	Env []EnvVar `json:"env,omitempty"`
}

// EnvVar is a literal environment variable.
type EnvVar struct {
	// Name of the variable.
	Name string `json:"name"`
	// Value of the variable.
	Value string `json:"value,omitempty"`
}

// Toleration lets pods onto nodes with a taint; the fields are those of Kubernetes.
type Toleration struct {
	// Key of the taint; empty means all, with operator Exists.
	Key string `json:"key,omitempty"`
	// Operator is Equal (default) or Exists.
	Operator string `json:"operator,omitempty"`
	// Value of the taint, with operator Equal.
	Value string `json:"value,omitempty"`
	// Effect is NoSchedule, PreferNoSchedule, NoExecute, or empty for all.
	Effect string `json:"effect,omitempty"`
	// TolerationSeconds is how long a pod stays under NoExecute.
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}
