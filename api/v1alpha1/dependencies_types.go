// SPDX-License-Identifier: Apache-2.0

package v1alpha1

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
	MySQL *MySQL `json:"mysql,omitempty"`
	// RabbitMQ carries copies; required.
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
type Source struct {
	// SecretRef is a Secret with Service Binding entries.
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// BindingRef is an object that names such a Secret in its status.
	BindingRef *BindingReference `json:"bindingRef,omitempty"`
	// TLS of the connection; VerifyFull in Production and Disabled in Development by default.
	TLS TLSMode `json:"tls,omitempty"`
}

// SecretReference is a Secret of the same namespace.
type SecretReference struct {
	// Name of the Secret.
	Name string `json:"name"`
	// Keys map an entry to the Secret's name for it, for example password: MYSQL_PASSWORD.
	Keys map[string]string `json:"keys,omitempty"`
}

// BindingReference is an object with .status.binding.name.
type BindingReference struct {
	// APIVersion of the object.
	APIVersion string `json:"apiVersion"`
	// Kind of the object.
	Kind string `json:"kind"`
	// Name of the object.
	Name string `json:"name"`
}

// MySQL is the database.
type MySQL struct {
	Source `json:",inline"`
	// DatabasePrefix of the schemas <prefix>_user, _friend, _message, _file; "parley" by default.
	DatabasePrefix string `json:"databasePrefix,omitempty"`
	// MaxOpenConnsPerPod, 2–256; 16 by default.
	MaxOpenConnsPerPod *int32 `json:"maxOpenConnsPerPod,omitempty"`
}

// RabbitMQ is the broker.
type RabbitMQ struct {
	Source `json:",inline"`
	// VHost, 1–127 characters; by default the binding's, else "/".
	VHost string `json:"vhost,omitempty"`
}

// Elasticsearch is the index.
type Elasticsearch struct {
	Source `json:",inline"`
	// IndexPrefix of the indices; "parley" by default.
	IndexPrefix string `json:"indexPrefix,omitempty"`
	// IndexReplicas, 0–5; 1 in Production and 0 in Development by default.
	IndexReplicas *int32 `json:"indexReplicas,omitempty"`
}

// ObjectStore keeps files.
type ObjectStore struct {
	Source `json:",inline"`
	// Bucket; by default the binding's.
	Bucket string `json:"bucket,omitempty"`
	// Region; us-east-1 by default.
	Region string `json:"region,omitempty"`
	// PathStyle addresses the bucket in the path; true by default.
	PathStyle *bool `json:"pathStyle,omitempty"`
	// PublicEndpoint is what presigned URLs show.
	PublicEndpoint string `json:"publicEndpoint,omitempty"`
}

// SMS sends codes.
type SMS struct {
	// Provider is Aliyun, Twilio, Webhook, or in Development Log.
	Provider string `json:"provider"`
	// SecretRef holds the provider's credentials; every provider but Log needs it.
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// Aliyun goes with that provider.
	Aliyun *AliyunSMS `json:"aliyun,omitempty"`
	// Twilio goes with that provider.
	Twilio *TwilioSMS `json:"twilio,omitempty"`
	// AllowedCountries are ISO codes; all by default.
	AllowedCountries []string `json:"allowedCountries,omitempty"`
	// DailyBudget of messages, at least 1; 10000 by default.
	DailyBudget *int32 `json:"dailyBudget,omitempty"`
}

// AliyunSMS are the settings of Aliyun.
type AliyunSMS struct {
	// SignName as registered.
	SignName string `json:"signName"`
	// TemplateCode as registered.
	TemplateCode string `json:"templateCode"`
	// Region; cn-hangzhou by default.
	Region string `json:"region,omitempty"`
}

// TwilioSMS are the settings of Twilio: exactly one of the two.
type TwilioSMS struct {
	// From is the number that sends.
	From string `json:"from,omitempty"`
	// MessagingServiceSID is the messaging service that sends.
	MessagingServiceSID string `json:"messagingServiceSID,omitempty"`
}

// Speech turns voice to text.
type Speech struct {
	// Provider is Baidu, OpenAI or PocketSphinx.
	Provider string `json:"provider"`
	// SecretRef holds the provider's credentials; Baidu needs it.
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// OpenAI goes with that provider.
	OpenAI *OpenAISpeech `json:"openAI,omitempty"`
	// MaxDuration of a voice message that is transcribed, 5s–5m; 5m by default.
	MaxDuration Duration `json:"maxDuration,omitempty"`
}

// OpenAISpeech is any server with /v1/audio/transcriptions.
type OpenAISpeech struct {
	// BaseURL of the server.
	BaseURL string `json:"baseURL"`
	// Model; whisper-1 by default.
	Model string `json:"model,omitempty"`
	// Language as ISO 639-1; the server's guess by default.
	Language string `json:"language,omitempty"`
}
