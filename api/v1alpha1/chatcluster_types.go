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
// +kubebuilder:validation:XValidation:rule="self.profile != 'Production' || self.services.gateway.replicas >= 2",message="Production needs services.gateway.replicas of at least 2: raise it, or use profile Development",fieldPath=".services.gateway.replicas"
// +kubebuilder:validation:XValidation:rule="self.profile != 'Production' || !has(self.services.gateway.autoscaling) || !has(self.services.gateway.autoscaling.minReplicas) || self.services.gateway.autoscaling.minReplicas >= 2",message="Production needs services.gateway.autoscaling.minReplicas of at least 2"
// +kubebuilder:validation:XValidation:rule="self.profile != 'Production' || (has(self.exposure) && has(self.exposure.host) && self.exposure.host.size() > 0)",message="Production needs exposure.host: the public name of the chat"
// +kubebuilder:validation:XValidation:rule="self.profile != 'Production' || !has(self.dependencies.sms) || self.dependencies.sms.provider != 'Log'",message="Production must not write codes to the log: choose another sms.provider"
// +kubebuilder:validation:XValidation:rule="8 * self.services.gateway.maxSessionsPerPod <= 3 * self.services.gateway.drain.sessionsPerSecond * (duration(self.services.gateway.drain.timeout) - duration(self.services.gateway.drain.initialDelay) - duration(self.services.gateway.drain.reconnectDeadline)).getSeconds()",message="two full pods cannot be drained in time: raise sessionsPerSecond or timeout, or lower maxSessionsPerPod",fieldPath=".services.gateway.drain"
// +kubebuilder:validation:XValidation:rule="!has(self.dependencies.speech) || !has(self.image) || !has(self.image.digest) || self.image.digest.size() == 0 || (has(self.services.speech) && has(self.services.speech.image) && has(self.services.speech.image.digest) && self.services.speech.image.digest.size() > 0)",message="write services.speech.image.digest: image.digest is of another image",fieldPath=".services.speech.image.digest"
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
	// +kubebuilder:default=info
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
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^([a-zA-Z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*)?$`
	Repository string `json:"repository,omitempty"`
	// Digest wins over the version's tag: "sha256:" and 64 hexadecimal digits.
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^(sha256:[0-9a-f]{64})?$`
	Digest string `json:"digest,omitempty"`
	// PullPolicy is Always, IfNotPresent (default) or Never.
	// +kubebuilder:default=IfNotPresent
	// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
	PullPolicy string `json:"pullPolicy,omitempty"`
	// PullSecrets are Secrets for the registry, at most 8.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	PullSecrets []SecretName `json:"pullSecrets,omitempty"`
}

// SecretName names a Secret of the same namespace.
type SecretName struct {
	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name"`
}

// Exposure says how clients reach the gateways.
// +kubebuilder:validation:XValidation:rule="!has(self.filesHost) || self.filesHost.size() == 0 || !has(self.host) || self.filesHost != self.host",message="choose another filesHost than host: it keeps unsafe files away from it",fieldPath=".filesHost"
type Exposure struct {
	// Host is the public name; required in Production. https://<host> is always an allowed Origin.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$`
	Host string `json:"host,omitempty"`
	// FilesHost is a separate name for files that a browser must not show under Host.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$`
	FilesHost string `json:"filesHost,omitempty"`
	// ServiceType is ClusterIP (default), NodePort or LoadBalancer; TLS ends in front of it.
	// +kubebuilder:default=ClusterIP
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
	ServiceType string `json:"serviceType,omitempty"`
	// Annotations of the Service, at most 32.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.contains('snippet') && !k.startsWith('chat.parley.dev/'))",message="remove snippets, which run configuration in a proxy, and annotations of chat.parley.dev, which the operator owns"
	Annotations map[string]string `json:"annotations,omitempty"`
	// SeatRoutes makes one Service per gateway seat, for a way in that routes /v1/ws/<seat>.
	SeatRoutes bool `json:"seatRoutes,omitempty"`
	// AllowedOrigins are more Origins, exact, with scheme and port, at most 32.
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^https?://[a-z0-9.:\[\]-]+$`
	// +kubebuilder:validation:XValidation:rule="self.all(o, !o.matches('^(http://.*:80|https://.*:443)$'))",message="leave the usual port out: browsers do"
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
	// TrustedProxies are networks whose X-Forwarded-For counts, at most 16.
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.all(c, isCIDR(c))",message="write networks like 10.0.0.0/8"
	TrustedProxies []string `json:"trustedProxies,omitempty"`
}

// KeysReference names a Secret with own keys.
type KeysReference struct {
	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name"`
}

// ServiceAccounts says who makes the accounts of the components.
type ServiceAccounts struct {
	// Create is true by default; false when somebody else makes them.
	// +kubebuilder:default=true
	Create *bool `json:"create,omitempty"`
	// Annotations of the accounts.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('chat.parley.dev/'))",message="remove annotations of chat.parley.dev: the operator owns them"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !(k.contains('kubernetes.io/') || k.contains('k8s.io/')) || k.startsWith('cluster-autoscaler.kubernetes.io/'))",message="remove annotations of kubernetes.io and k8s.io, except cluster-autoscaler.kubernetes.io"
	Annotations map[string]string `json:"annotations,omitempty"`
}

// NetworkPolicy says who may reach what: everything that is not named is refused.
type NetworkPolicy struct {
	// Enabled is true by default; false makes no NetworkPolicy at all.
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`
	// GatewayFrom may reach the public port; anybody by default, at most 16.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	GatewayFrom []Peer `json:"gatewayFrom,omitempty"`
	// MetricsFrom may reach the ops ports, as the operator may, at most 16.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	MetricsFrom []Peer `json:"metricsFrom,omitempty"`
	// DependencyTo is where stores are; any address by default, at most 32.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	DependencyTo []Peer `json:"dependencyTo,omitempty"`
	// APIServerCIDRs are where the API server is; any address by default, at most 8.
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.all(c, isCIDR(c))",message="write networks like 10.0.0.0/8"
	APIServerCIDRs []string `json:"apiServerCIDRs,omitempty"`
}

// Peer is one side of a NetworkPolicy rule; either CIDR or the selectors are set.
// +kubebuilder:validation:XValidation:rule="has(self.cidr) ? !has(self.namespaceLabels) && !has(self.podLabels) && isCIDR(self.cidr) : has(self.namespaceLabels) || has(self.podLabels)",message="set either cidr, a network like 10.0.0.0/8, or namespaceLabels and podLabels"
type Peer struct {
	// CIDR of addresses.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	CIDR string `json:"cidr,omitempty"`
	// NamespaceLabels of namespaces; without them the ChatCluster's own namespace.
	// +kubebuilder:validation:MaxProperties=16
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"`
	// PodLabels of pods; without them all pods of the namespaces.
	// +kubebuilder:validation:MaxProperties=16
	PodLabels map[string]string `json:"podLabels,omitempty"`
}

// Upgrade sets the pace of a rollout.
type Upgrade struct {
	// ProgressDeadline ends a wave that makes no progress; at least 1m, 10m by default.
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m')",message="choose at least 1m"
	ProgressDeadline Duration `json:"progressDeadline,omitempty"`
	// Migration sets the Job that changes the schemas.
	Migration *Migration `json:"migration,omitempty"`
}

// Migration sets the Job that changes the schemas.
type Migration struct {
	// Timeout of the Job; 30m by default.
	// +kubebuilder:default="30m"
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="choose more than 0s"
	Timeout Duration `json:"timeout,omitempty"`
	// BackoffLimit of the Job, 0–10; 3 by default.
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
	// Resources of the Job's pod.
	Resources *Resources `json:"resources,omitempty"`
}
