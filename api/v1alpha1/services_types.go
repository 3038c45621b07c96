// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// Services holds the settings of each component. A component that is absent has its defaults.
type Services struct {
	// Gateway is the public door.
	// +kubebuilder:default={replicas: 2}
	Gateway *GatewayService `json:"gateway,omitempty"`
	// User keeps accounts.
	User *Service `json:"user,omitempty"`
	// Friend keeps relations.
	Friend *Service `json:"friend,omitempty"`
	// Message keeps conversations.
	Message *Service `json:"message,omitempty"`
	// Transmit forwards events.
	Transmit *Service `json:"transmit,omitempty"`
	// File keeps files.
	File *FileService `json:"file,omitempty"`
	// Speech turns voice to text; it runs only with dependencies.speech.
	Speech *SpeechService `json:"speech,omitempty"`
}

// Service are the settings of a component.
// +kubebuilder:validation:XValidation:rule="!has(self.autoscaling) || !has(self.autoscaling.sessionsPerPod)",message="remove autoscaling.sessionsPerPod: only the gateway has sessions, use targetCPUPercent"
type Service struct {
	Workload `json:",inline"`
	// Replicas, 1–200; 2 in Production and 1 in Development by default. With autoscaling it is only the
	// first count.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=200
	Replicas *int32 `json:"replicas,omitempty"`
}

// Workload is what every component has.
type Workload struct {
	// Resources of a pod; by default the operator's table.
	Resources *Resources `json:"resources,omitempty"`
	// Autoscaling by load; none by default.
	Autoscaling *Autoscaling `json:"autoscaling,omitempty"`
	// PodTemplate is merged over the cluster's.
	PodTemplate *ServicePodTemplate `json:"podTemplate,omitempty"`
}

// GatewayService are the settings of the gateway.
// +kubebuilder:validation:XValidation:rule="!has(self.autoscaling) || !has(self.autoscaling.targetCPUPercent)",message="remove autoscaling.targetCPUPercent: gateways scale on sessionsPerPod"
type GatewayService struct {
	Workload `json:",inline"`
	// Replicas, 1–200; 2 by default, in both profiles: the scale subresource needs a default that the
	// schema can state. With autoscaling it is only the first count.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=200
	Replicas *int32 `json:"replicas,omitempty"`
	// MaxSessionsPerPod is the admission limit, 100–1000000; 20000 by default.
	// +kubebuilder:default=20000
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=1000000
	MaxSessionsPerPod *int32 `json:"maxSessionsPerPod,omitempty"`
	// Drain sets how sessions leave a pod.
	// +kubebuilder:default={sessionsPerSecond: 300, timeout: "5m", initialDelay: "10s", reconnectJitter: "20s", reconnectDeadline: "1m"}
	Drain *Drain `json:"drain,omitempty"`
}

// Drain sets how sessions leave a pod.
// +kubebuilder:validation:XValidation:rule="duration(self.initialDelay) + duration(self.reconnectDeadline) < duration(self.timeout)",message="choose a timeout of more than initialDelay and reconnectDeadline together"
// +kubebuilder:validation:XValidation:rule="duration(self.timeout) >= duration('30s') && duration(self.timeout) <= duration('1h')",message="choose a timeout from 30s to 1h"
// +kubebuilder:validation:XValidation:rule="duration(self.reconnectJitter) < duration(self.reconnectDeadline)",message="choose a reconnectJitter of less than reconnectDeadline"
type Drain struct {
	// SessionsPerSecond are planned moves in the whole cluster, 1–100000; 300 by default.
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	SessionsPerSecond *int32 `json:"sessionsPerSecond,omitempty"`
	// Timeout of a drain, 30s–1h; 5m by default.
	// +kubebuilder:default="5m"
	Timeout Duration `json:"timeout,omitempty"`
	// InitialDelay is how long a pod that ends accepts connections as before; 10s by default.
	// +kubebuilder:default="10s"
	InitialDelay Duration `json:"initialDelay,omitempty"`
	// ReconnectJitter spreads the reconnects of one move; 20s by default.
	// +kubebuilder:default="20s"
	ReconnectJitter Duration `json:"reconnectJitter,omitempty"`
	// ReconnectDeadline is when a session that has not moved is closed; 1m by default.
	// +kubebuilder:default="1m"
	ReconnectDeadline Duration `json:"reconnectDeadline,omitempty"`
}

// FileService are the settings of the file service.
type FileService struct {
	Service `json:",inline"`
	// MaxFileSize of one file; 100Mi by default.
	MaxFileSize *resource.Quantity `json:"maxFileSize,omitempty"`
	// MaxImageSize of one image; 10Mi by default.
	MaxImageSize *resource.Quantity `json:"maxImageSize,omitempty"`
	// QuotaPerUserPerDay of uploads; 1Gi by default.
	QuotaPerUserPerDay *resource.Quantity `json:"quotaPerUserPerDay,omitempty"`
}

// SpeechService are the settings of the speech service.
type SpeechService struct {
	Service `json:",inline"`
	// Image with ffmpeg and PocketSphinx; by default the repository of all others with -speech behind it.
	Image *ServiceImage `json:"image,omitempty"`
}

// ServiceImage is an image for one component. Pull policy and pull Secrets are those of spec.image.
type ServiceImage struct {
	// Repository without tag and digest, for example registry.example.com/parley-speech.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^([a-zA-Z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*)?$`
	Repository string `json:"repository,omitempty"`
	// Digest wins over the version's tag; needed where spec.image has one.
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^(sha256:[0-9a-f]{64})?$`
	Digest string `json:"digest,omitempty"`
}

// Resources of a pod.
type Resources struct {
	// Requests are what the pod is sure to get.
	Requests ResourceList `json:"requests,omitempty"`
	// Limits are what the pod may not exceed.
	Limits ResourceList `json:"limits,omitempty"`
}

// ResourceList are amounts by name: cpu, memory, ephemeral-storage.
// +kubebuilder:validation:MaxProperties=3
// +kubebuilder:validation:XValidation:rule="self.all(k, k in ['cpu', 'memory', 'ephemeral-storage'])",message="use only cpu, memory and ephemeral-storage"
type ResourceList map[string]resource.Quantity

// Autoscaling of a component.
// +kubebuilder:validation:XValidation:rule="self.minReplicas <= self.maxReplicas",message="choose maxReplicas of at least minReplicas"
type Autoscaling struct {
	// MinReplicas, at least 1; 2 by default.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=200
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// MaxReplicas, at most 200.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=200
	MaxReplicas int32 `json:"maxReplicas"`
	// TargetCPUPercent of the request, 1–100; 70 by default. Not for the gateway.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	TargetCPUPercent *int32 `json:"targetCPUPercent,omitempty"`
	// SessionsPerPod that are aimed at; 10000 by default. Only for the gateway.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	SessionsPerPod *int32 `json:"sessionsPerPod,omitempty"`
}
