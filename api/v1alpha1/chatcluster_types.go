// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Identity of the API.
const (
	// Group of the API.
	Group = "chat.parley.dev"
	// Version of the API.
	Version = "v1alpha1"
	// APIVersion is what a manifest says.
	APIVersion = Group + "/" + Version
	// Kind is what a manifest says.
	Kind = "ChatCluster"
)

// Profile sets how strict the rules are.
// +kubebuilder:validation:Enum=Production;Development
type Profile string

// The profiles. Development may become Production; the way back is refused.
const (
	// ProfileProduction is strict.
	ProfileProduction Profile = "Production"
	// ProfileDevelopment allows one replica, no public name and codes in the log.
	ProfileDevelopment Profile = "Development"
)

// LogLevel of every component.
// +kubebuilder:validation:Enum=debug;info;warn;error
type LogLevel string

// The levels.
const (
	// LogDebug logs every call.
	LogDebug LogLevel = "debug"
	// LogInfo logs changes that a person wants to see.
	LogInfo LogLevel = "info"
	// LogWarn logs what is handled but degraded.
	LogWarn LogLevel = "warn"
	// LogError logs what somebody must act on.
	LogError LogLevel = "error"
)

// ChatCluster describes a running Parley.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.services.gateway.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:resource:shortName=chat,categories={all,parley}
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.ready`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name="Sessions",type=integer,JSONPath=`.status.gateway.sessions`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Target",type=string,priority=1,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="Schema",type=string,priority=1,JSONPath=`.status.schema.phase`
// +kubebuilder:printcolumn:name="Endpoint",type=string,priority=1,JSONPath=`.status.endpoint`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 34 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="the name must have at most 34 characters, start with a letter and hold only a-z, 0-9 and -: choose a shorter one"
type ChatCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants; nothing of ours ever writes it.
	Spec ChatClusterSpec `json:"spec"`
	// Status is what was observed; the operator writes it once per pass.
	Status ChatClusterStatus `json:"status,omitempty"`
}

// ChatClusterList is a list of ChatClusters.
// +kubebuilder:object:root=true
type ChatClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items are the objects.
	Items []ChatCluster `json:"items"`
}

// ChatClusterSpec is what the user wants.
// +kubebuilder:validation:XValidation:rule="self.profile != 'Production' || self.services.gateway.replicas >= 2",message="Production needs services.gateway.replicas of at least 2: raise it, or use profile Development"
// +kubebuilder:validation:XValidation:rule="self.profile != 'Production' || !has(self.services.gateway.autoscaling) || !has(self.services.gateway.autoscaling.minReplicas) || self.services.gateway.autoscaling.minReplicas >= 2",message="Production needs services.gateway.autoscaling.minReplicas of at least 2"
// +kubebuilder:validation:XValidation:rule="self.profile != 'Production' || (has(self.exposure) && has(self.exposure.host) && self.exposure.host != '')",message="Production needs exposure.host: the public name of the chat"
// +kubebuilder:validation:XValidation:rule="self.profile != 'Production' || !has(self.dependencies.sms) || self.dependencies.sms.provider != 'Log'",message="Production must not write codes to the log: choose another sms.provider"
type ChatClusterSpec struct {
	// Version to run: a semantic version without "v", at most 64 characters.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`
	Version string `json:"version"`
	// Profile sets how strict the rules are; Production by default.
	// +kubebuilder:default=Production
	// +kubebuilder:validation:XValidation:rule="oldSelf == 'Development' || self == 'Production'",message="Production cannot become Development again: make a new ChatCluster"
	Profile Profile `json:"profile,omitempty"`
	// Image to run; by default what the operator was started with.
	Image *Image `json:"image,omitempty"`
	// LogLevel of every component; info by default.
	LogLevel LogLevel `json:"logLevel,omitempty"`
	// Exposure says how clients reach the gateways.
	Exposure *Exposure `json:"exposure,omitempty"`
	// PodTemplate is merged into the pods of every component.
	PodTemplate *PodTemplate `json:"podTemplate,omitempty"`
	// Services holds the settings of each component.
	// +kubebuilder:default={gateway: {replicas: 2}}
	Services Services `json:"services,omitempty"`
	// Dependencies are the stores and providers that the cluster uses.
	Dependencies Dependencies `json:"dependencies"`
	// Keys names a Secret with own keys; by default they are made once.
	Keys *KeysReference `json:"keys,omitempty"`
	// ServiceAccounts says who makes the accounts of the components.
	ServiceAccounts *ServiceAccounts `json:"serviceAccounts,omitempty"`
	// NetworkPolicy says who may reach what.
	NetworkPolicy *NetworkPolicy `json:"networkPolicy,omitempty"`
	// Upgrade sets the pace of a rollout.
	Upgrade *Upgrade `json:"upgrade,omitempty"`
}

// Image names the container image.
type Image struct {
	// Repository without tag and digest, for example registry.example.com/parley.
	Repository string `json:"repository,omitempty"`
	// Digest wins over the version's tag: "sha256:" and 64 hexadecimal digits.
	Digest string `json:"digest,omitempty"`
	// PullPolicy is Always, IfNotPresent (default) or Never.
	PullPolicy string `json:"pullPolicy,omitempty"`
	// PullSecrets are Secrets for the registry, at most 8.
	PullSecrets []SecretName `json:"pullSecrets,omitempty"`
}

// SecretName names a Secret of the same namespace.
type SecretName struct {
	// Name of the Secret.
	Name string `json:"name"`
}

// Exposure says how clients reach the gateways.
type Exposure struct {
	// Host is the public name; required in Production. https://<host> is always an allowed Origin.
	Host string `json:"host,omitempty"`
	// FilesHost is a separate name for files that a browser must not show under Host.
	FilesHost string `json:"filesHost,omitempty"`
	// ServiceType is ClusterIP (default), NodePort or LoadBalancer; TLS ends in front of it.
	ServiceType string `json:"serviceType,omitempty"`
	// Annotations of the Service, at most 32.
	Annotations map[string]string `json:"annotations,omitempty"`
	// SeatRoutes makes one Service per gateway seat, for a way in that routes /v1/ws/<seat>.
	SeatRoutes bool `json:"seatRoutes,omitempty"`
	// AllowedOrigins are more Origins, exact, with scheme and port, at most 32.
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
	// TrustedProxies are networks whose X-Forwarded-For counts, at most 16.
	TrustedProxies []string `json:"trustedProxies,omitempty"`
}

// KeysReference names a Secret with own keys.
type KeysReference struct {
	// Name of the Secret.
	Name string `json:"name"`
}

// ServiceAccounts says who makes the accounts of the components.
type ServiceAccounts struct {
	// Create is true by default; false when somebody else makes them.
	Create *bool `json:"create,omitempty"`
	// Annotations of the accounts.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// NetworkPolicy says who may reach what: everything that is not named is refused.
type NetworkPolicy struct {
	// Enabled is true by default; false makes no NetworkPolicy at all.
	Enabled *bool `json:"enabled,omitempty"`
	// GatewayFrom may reach the public port; anybody by default, at most 16.
	GatewayFrom []Peer `json:"gatewayFrom,omitempty"`
	// MetricsFrom may reach the ops ports, as the operator may, at most 16.
	MetricsFrom []Peer `json:"metricsFrom,omitempty"`
	// DependencyTo is where stores are; any address by default, at most 32.
	DependencyTo []Peer `json:"dependencyTo,omitempty"`
	// APIServerCIDRs are where the API server is; any address by default, at most 8.
	APIServerCIDRs []string `json:"apiServerCIDRs,omitempty"`
}

// Peer is one side of a NetworkPolicy rule; either CIDR or the selectors are set.
type Peer struct {
	// CIDR of addresses.
	CIDR string `json:"cidr,omitempty"`
	// NamespaceLabels of namespaces; without them the ChatCluster's own namespace.
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"`
	// PodLabels of pods; without them all pods of the namespaces.
	PodLabels map[string]string `json:"podLabels,omitempty"`
}

// Upgrade sets the pace of a rollout.
type Upgrade struct {
	// ProgressDeadline ends a wave that makes no progress; at least 1m, 10m by default.
	ProgressDeadline Duration `json:"progressDeadline,omitempty"`
	// Migration sets the Job that changes the schemas.
	Migration *Migration `json:"migration,omitempty"`
}

// Migration sets the Job that changes the schemas.
type Migration struct {
	// Timeout of the Job; 30m by default.
	Timeout Duration `json:"timeout,omitempty"`
	// BackoffLimit of the Job, 0–10; 3 by default.
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
	// Resources of the Job's pod.
	Resources *Resources `json:"resources,omitempty"`
}
