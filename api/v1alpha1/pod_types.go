// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import corev1 "k8s.io/api/core/v1"

// PodTemplate is merged into the pods of every component.
type PodTemplate struct {
	ServicePodTemplate `json:",inline"`
	// Affinity of the pods.
	// +kubebuilder:validation:XValidation:rule="!has(self.nodeAffinity) || !has(self.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution) || self.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution.all(t, t.weight >= 1 && t.weight <= 100)",message="choose weights from 1 to 100"
	// +kubebuilder:validation:XValidation:rule="!has(self.podAffinity) || !has(self.podAffinity.preferredDuringSchedulingIgnoredDuringExecution) || self.podAffinity.preferredDuringSchedulingIgnoredDuringExecution.all(t, t.weight >= 1 && t.weight <= 100 && t.podAffinityTerm.topologyKey.size() > 0)",message="choose weights from 1 to 100, and name the topologyKey"
	// +kubebuilder:validation:XValidation:rule="!has(self.podAntiAffinity) || !has(self.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution) || self.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.all(t, t.weight >= 1 && t.weight <= 100 && t.podAffinityTerm.topologyKey.size() > 0)",message="choose weights from 1 to 100, and name the topologyKey"
	// +kubebuilder:validation:XValidation:rule="!has(self.podAffinity) || !has(self.podAffinity.requiredDuringSchedulingIgnoredDuringExecution) || self.podAffinity.requiredDuringSchedulingIgnoredDuringExecution.all(t, t.topologyKey.size() > 0)",message="name the topologyKey"
	// +kubebuilder:validation:XValidation:rule="!has(self.podAntiAffinity) || !has(self.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution) || self.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.all(t, t.topologyKey.size() > 0)",message="name the topologyKey"
	// +kubebuilder:validation:XValidation:rule="!has(self.nodeAffinity) || !has(self.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution) || self.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.size() > 0",message="name at least one of nodeSelectorTerms"
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// TopologySpreadConstraints of the pods, at most 8; by default over zones and hosts, where possible.
	// Without labelSelector a constraint counts the pods of the same component.
	// +listType=map
	// +listMapKey=topologyKey
	// +listMapKey=whenUnsatisfiable
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.all(c, c.maxSkew >= 1)",message="choose a maxSkew of at least 1"
	// +kubebuilder:validation:XValidation:rule="self.all(c, c.topologyKey.size() > 0)",message="name the topologyKey"
	// +kubebuilder:validation:XValidation:rule="self.all(c, c.whenUnsatisfiable in ['DoNotSchedule', 'ScheduleAnyway'])",message="set whenUnsatisfiable to DoNotSchedule or ScheduleAnyway"
	// +kubebuilder:validation:XValidation:rule="self.all(c, !has(c.minDomains) || c.minDomains >= 1 && c.whenUnsatisfiable == 'DoNotSchedule')",message="remove minDomains, or use at least 1 with DoNotSchedule"
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
}

// ServicePodTemplate is merged over the cluster's: maps and env by key, all else replaced.
type ServicePodTemplate struct {
	// Labels of the pods, at most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('app.kubernetes.io/') && !k.startsWith('chat.parley.dev/'))",message="remove labels of app.kubernetes.io and chat.parley.dev: the operator owns them"
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations of the pods, at most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('chat.parley.dev/'))",message="remove annotations of chat.parley.dev: the operator owns them"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !(k.contains('kubernetes.io/') || k.contains('k8s.io/')) || k.startsWith('cluster-autoscaler.kubernetes.io/'))",message="remove annotations of kubernetes.io and k8s.io, except cluster-autoscaler.kubernetes.io"
	Annotations map[string]string `json:"annotations,omitempty"`
	// NodeSelector of the pods, at most 32.
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations of the pods, at most 32.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// PriorityClassName of the pods.
	// +kubebuilder:validation:MaxLength=253
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// Env of the containers, literal values, at most 64.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Env []EnvVar `json:"env,omitempty"`
}

// EnvVar is a literal environment variable.
type EnvVar struct {
	// Name of the variable.
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*$`
	// +kubebuilder:validation:XValidation:rule="!self.matches('^(LD_.*|PARLEY_.*|SERVICE_BINDING.*|(?i:.*_proxy)|GODEBUG|GOTRACEBACK|GOMEMLIMIT|GOMAXPROCS|PATH|HOME|SSL_CERT_.*|KUBERNETES_SERVICE_.*)$')",message="remove it: this variable is set by the operator or is not safe to set"
	Name string `json:"name"`
	// Value of the variable.
	Value string `json:"value,omitempty"`
}

// Toleration lets pods onto nodes with a taint; the fields are those of Kubernetes.
// +kubebuilder:validation:XValidation:rule="(has(self.operator) && self.operator == 'Exists') ? !has(self.value) || self.value.size() == 0 : has(self.key) && self.key.size() > 0",message="name the taint with key, or set operator to Exists, which takes no value"
// +kubebuilder:validation:XValidation:rule="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",message="remove tolerationSeconds, or set effect to NoExecute"
type Toleration struct {
	// Key of the taint; empty means all, with operator Exists.
	// +kubebuilder:validation:MaxLength=317
	Key string `json:"key,omitempty"`
	// Operator is Equal (default) or Exists.
	// +kubebuilder:validation:Enum="";Equal;Exists
	Operator string `json:"operator,omitempty"`
	// Value of the taint, with operator Equal.
	// +kubebuilder:validation:MaxLength=63
	Value string `json:"value,omitempty"`
	// Effect is NoSchedule, PreferNoSchedule, NoExecute, or empty for all.
	// +kubebuilder:validation:Enum="";NoSchedule;PreferNoSchedule;NoExecute
	Effect string `json:"effect,omitempty"`
	// TolerationSeconds is how long a pod stays under NoExecute.
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}
