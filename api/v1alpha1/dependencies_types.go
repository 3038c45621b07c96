// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "maps"

// TLSMode of the connection to a store.
// +kubebuilder:validation:Enum=VerifyFull;VerifyCA;Disabled
type TLSMode string

// The modes.
const (
	// TLSVerifyFull checks chain and host name.
	TLSVerifyFull TLSMode = "VerifyFull"
	// TLSVerifyCA checks the chain.
	TLSVerifyCA TLSMode = "VerifyCA"
	// TLSDisabled encrypts nothing.
	TLSDisabled TLSMode = "Disabled"
)

// Dependencies are the stores and providers that the cluster uses.
type Dependencies struct {
	// MySQL keeps everything that was acknowledged; required.
	// +required
	MySQL *MySQL `json:"mysql,omitempty"`
	// RabbitMQ carries copies; required.
	// +required
	RabbitMQ *RabbitMQ `json:"rabbitmq,omitempty"`
	// Elasticsearch is the index; without it search is unavailable.
	Elasticsearch *Elasticsearch `json:"elasticsearch,omitempty"`
	// ObjectStore keeps files; without it files are unavailable.
	ObjectStore *ObjectStore `json:"objectStore,omitempty"`
	// SMS sends codes; without it phone codes are unavailable.
	SMS *SMS `json:"sms,omitempty"`
	// Speech turns voice to text; without it there are no transcripts.
	Speech *Speech `json:"speech,omitempty"`
}

// Source says where the address and the credentials of a store come from: exactly one of the two.
// +kubebuilder:validation:XValidation:rule="[has(self.secretRef), has(self.bindingRef)].filter(x, x).size() == 1",message="set exactly one of secretRef and bindingRef"
type Source struct {
	// SecretRef is a Secret with Service Binding entries.
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// BindingRef is an object that names such a Secret in its status.
	BindingRef *BindingReference `json:"bindingRef,omitempty"`
	// TLS of the connection; VerifyFull in Production and Disabled in Development by default.
	TLS TLSMode `json:"tls,omitempty"`
}

// SecretKey is a key of a Secret's data.
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]{1,253}$`
type SecretKey = string

// SecretReference is a Secret of the same namespace.
// Its copy is written by hand: the generator does not read a map of an alias.
// +kubebuilder:object:generate=false
type SecretReference struct {
	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name"`
	// Keys map an entry to the Secret's name for it, for example password: MYSQL_PASSWORD.
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^[a-z0-9.-]{1,64}$'))",message="name entries with at most 64 of a-z, 0-9, - and dots"
	Keys map[string]SecretKey `json:"keys,omitempty"`
}

// DeepCopyInto writes a copy into out, which must not be nil.
func (in *SecretReference) DeepCopyInto(out *SecretReference) {
	*out = SecretReference{Name: in.Name, Keys: maps.Clone(in.Keys)}
}

// DeepCopy answers nil for nil.
func (in *SecretReference) DeepCopy() *SecretReference {
	if in == nil {
		return nil
	}
	out := new(SecretReference)
	in.DeepCopyInto(out)
	return out
}

// BindingReference is an object with .status.binding.name.
type BindingReference struct {
	// APIVersion of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	APIVersion string `json:"apiVersion"`
	// Kind of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind"`
	// Name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name"`
}

// MySQL is the database.
type MySQL struct {
	Source `json:",inline"`
	// DatabasePrefix of the schemas <prefix>_user, _friend, _message, _file; "parley" by default.
	// +kubebuilder:default=parley
	// +kubebuilder:validation:MaxLength=24
	// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9_]{0,23}$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="databasePrefix cannot change: set it back, or make a new ChatCluster"
	DatabasePrefix string `json:"databasePrefix,omitempty"`
	// MaxOpenConnsPerPod, 2–256; 16 by default.
	// +kubebuilder:default=16
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=256
	MaxOpenConnsPerPod *int32 `json:"maxOpenConnsPerPod,omitempty"`
}

// RabbitMQ is the broker.
// +kubebuilder:validation:XValidation:rule="has(self.vhost) == has(oldSelf.vhost) && (!has(self.vhost) || self.vhost == oldSelf.vhost)",message="vhost cannot be added, removed or changed: set it back, or make a new ChatCluster"
type RabbitMQ struct {
	Source `json:",inline"`
	// VHost, 1–127 characters; by default the binding's, else "/".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=127
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]+$`
	VHost string `json:"vhost,omitempty"`
}

// Elasticsearch is the index.
type Elasticsearch struct {
	Source `json:",inline"`
	// IndexPrefix of the indices; "parley" by default.
	// +kubebuilder:default=parley
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9_-]{0,63}$`
	IndexPrefix string `json:"indexPrefix,omitempty"`
	// IndexReplicas, 0–5; 1 in Production and 0 in Development by default.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5
	IndexReplicas *int32 `json:"indexReplicas,omitempty"`
	// Rebuild sets the Job that fills the index anew when somebody asks for it.
	Rebuild *Rebuild `json:"rebuild,omitempty"`
}

// Rebuild sets the Job that fills the search index anew.
type Rebuild struct {
	// Timeout of the Job, at least 1m; 24h by default. Another rebuild goes on where one ended.
	// +kubebuilder:default="24h"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m')",message="choose at least 1m"
	Timeout Duration `json:"timeout,omitempty"`
	// BackoffLimit of the Job, 0–20; 6 by default. Pods that are evicted do not count.
	// +kubebuilder:default=6
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=20
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
	// Resources of the Job's pod.
	Resources *Resources `json:"resources,omitempty"`
}

// ObjectStore keeps files.
// +kubebuilder:validation:XValidation:rule="has(self.bucket) == has(oldSelf.bucket) && (!has(self.bucket) || self.bucket == oldSelf.bucket)",message="bucket cannot be added, removed or changed: set it back, or make a new ChatCluster"
// +kubebuilder:validation:XValidation:rule="!has(self.publicEndpoint) || self.publicEndpoint.size() == 0 || self.pathStyle || has(self.bucket)",message="name the bucket here: without pathStyle it is part of the address that publicEndpoint gives pages",fieldPath=".bucket"
type ObjectStore struct {
	Source `json:",inline"`
	// Bucket; by default the binding's.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`
	Bucket string `json:"bucket,omitempty"`
	// Region; us-east-1 by default.
	// +kubebuilder:default=us-east-1
	// +kubebuilder:validation:Pattern=`^[a-z0-9-]{1,64}$`
	Region string `json:"region,omitempty"`
	// PathStyle addresses the bucket in the path; true by default.
	// +kubebuilder:default=true
	PathStyle *bool `json:"pathStyle,omitempty"`
	// PublicEndpoint is where people reach the store: their files go and come there by presigned requests, past Parley. The
	// bucket then needs a CORS rule. Empty: all bytes pass Parley.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^(https?://([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[^@?#\s]*)?)?$`
	PublicEndpoint string `json:"publicEndpoint,omitempty"`
}

// SMS sends codes.
// +kubebuilder:validation:XValidation:rule="(self.provider == 'Aliyun') == has(self.aliyun)",message="set aliyun if, and only if, it is the provider",fieldPath=".aliyun"
// +kubebuilder:validation:XValidation:rule="(self.provider == 'Twilio') == has(self.twilio)",message="set twilio if, and only if, it is the provider",fieldPath=".twilio"
// +kubebuilder:validation:XValidation:rule="(self.provider != 'Log') == has(self.secretRef)",message="name the provider's Secret in secretRef; only Log has none",fieldPath=".secretRef"
type SMS struct {
	// Provider is Aliyun, Twilio, Webhook, or in Development Log.
	// +kubebuilder:validation:Enum=Aliyun;Twilio;Webhook;Log
	Provider string `json:"provider"`
	// SecretRef holds the provider's credentials; every provider but Log needs it.
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// Aliyun goes with that provider.
	Aliyun *AliyunSMS `json:"aliyun,omitempty"`
	// Twilio goes with that provider.
	Twilio *TwilioSMS `json:"twilio,omitempty"`
	// AllowedCountries are ISO codes; all by default.
	// +listType=set
	// +kubebuilder:validation:MaxItems=249
	// +kubebuilder:validation:items:MaxLength=2
	// +kubebuilder:validation:items:Pattern=`^[A-Z]{2}$`
	AllowedCountries []string `json:"allowedCountries,omitempty"`
	// DailyBudget of messages, at least 1; 10000 by default.
	// +kubebuilder:default=10000
	// +kubebuilder:validation:Minimum=1
	DailyBudget *int32 `json:"dailyBudget,omitempty"`
}

// AliyunSMS are the settings of Aliyun.
type AliyunSMS struct {
	// SignName as registered.
	// +kubebuilder:validation:MinLength=1
	SignName string `json:"signName"`
	// TemplateCode as registered.
	// +kubebuilder:validation:MinLength=1
	TemplateCode string `json:"templateCode"`
	// Region; cn-hangzhou by default.
	// +kubebuilder:default=cn-hangzhou
	// +kubebuilder:validation:Pattern=`^[a-z0-9-]{1,64}$`
	Region string `json:"region,omitempty"`
}

// TwilioSMS are the settings of Twilio: exactly one of the two.
// +kubebuilder:validation:XValidation:rule="(has(self.from) && self.from.size() > 0) != (has(self.messagingServiceSID) && self.messagingServiceSID.size() > 0)",message="set exactly one of from and messagingServiceSID"
type TwilioSMS struct {
	// From is the number that sends.
	// +kubebuilder:validation:Pattern=`^(\+[1-9][0-9]{5,14})?$`
	From string `json:"from,omitempty"`
	// MessagingServiceSID is the messaging service that sends.
	MessagingServiceSID string `json:"messagingServiceSID,omitempty"`
}

// Speech turns voice to text.
// +kubebuilder:validation:XValidation:rule="(self.provider == 'OpenAI') == has(self.openAI)",message="set openAI if, and only if, it is the provider",fieldPath=".openAI"
// +kubebuilder:validation:XValidation:rule="self.provider == 'OpenAI' || (self.provider == 'Baidu') == has(self.secretRef)",message="Baidu needs secretRef, PocketSphinx has none",fieldPath=".secretRef"
type Speech struct {
	// Provider is Baidu, OpenAI or PocketSphinx.
	// +kubebuilder:validation:Enum=Baidu;OpenAI;PocketSphinx
	Provider string `json:"provider"`
	// SecretRef holds the provider's credentials; Baidu needs it.
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// OpenAI goes with that provider.
	OpenAI *OpenAISpeech `json:"openAI,omitempty"`
	// MaxDuration of a voice message that is transcribed, 5s–5m; 5m by default.
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('5s') && duration(self) <= duration('5m')",message="choose from 5s to 5m"
	MaxDuration Duration `json:"maxDuration,omitempty"`
}

// OpenAISpeech is any server with /v1/audio/transcriptions.
type OpenAISpeech struct {
	// BaseURL of the server.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^@?#\s]+$`
	BaseURL string `json:"baseURL"`
	// Model; whisper-1 by default.
	// +kubebuilder:default=whisper-1
	Model string `json:"model,omitempty"`
	// Language as ISO 639-1; the server's guess by default.
	// +kubebuilder:validation:Pattern=`^([a-z]{2,3})?$`
	Language string `json:"language,omitempty"`
}
