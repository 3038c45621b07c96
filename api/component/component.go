// SPDX-License-Identifier: Apache-2.0

// Package component holds what the operator and the services must agree on: names, listen ports,
// probe paths and environment keys.
package component

// Name of a component, as in image arguments, identity and labels.
type Name string

// The components.
const (
	Gateway  Name = "gateway"
	User     Name = "user"
	Friend   Name = "friend"
	File     Name = "file"
	Message  Name = "message"
	Transmit Name = "transmit"
	Speech   Name = "speech"
)

// All lists the components in the order in which they start.
func All() []Name { return []Name{User, Friend, File, Message, Transmit, Speech, Gateway} }

// Listen ports of a pod.
const (
	// PublicPort serves clients; only the gateway has it.
	PublicPort = 8080
	// RPCPort serves other components.
	RPCPort = 8081
	// OpsPort serves probes, metrics and /statusz; it is in no public Service.
	OpsPort = 9090
)

// Names of the listen ports in Services and pods.
const (
	PublicPortName = "http"
	RPCPortName    = "rpc"
	OpsPortName    = "ops"
)

// Paths on the ops port.
const (
	LivePath    = "/livez"
	ReadyPath   = "/readyz"
	StatusPath  = "/statusz"
	MetricsPath = "/metrics"
)

// Environment keys. Sizes end in _BYTES; durations are Go durations.
const (
	EnvLogLevel = "PARLEY_LOG_LEVEL"
	EnvPodName  = "PARLEY_POD_NAME"
	EnvPodUID   = "PARLEY_POD_UID"
	// EnvKeysDir is a folder with the keys of Parley-Identity and of page tokens.
	EnvKeysDir = "PARLEY_KEYS_DIR"

	EnvPublicListen = "PARLEY_PUBLIC_LISTEN"
	EnvRPCListen    = "PARLEY_RPC_LISTEN"
	EnvOpsListen    = "PARLEY_OPS_LISTEN"

	// EnvMySQLDSN is a whole data source name and wins over the single values below; it may hold a
	// password, so pods use files instead.
	EnvMySQLDSN          = "PARLEY_MYSQL_DSN"
	EnvMySQLMaxOpenConns = "PARLEY_MYSQL_MAX_OPEN_CONNS"
	// EnvMySQLHost, EnvMySQLPort and EnvMySQLTLS win over the entries of the binding; TLS is VerifyFull,
	// VerifyCA or Disabled. EnvMySQLDatabase is the schema of the service, for migrate the prefix.
	EnvMySQLHost     = "PARLEY_MYSQL_HOST"
	EnvMySQLPort     = "PARLEY_MYSQL_PORT"
	EnvMySQLTLS      = "PARLEY_MYSQL_TLS"
	EnvMySQLDatabase = "PARLEY_MYSQL_DATABASE"
	// EnvRecallWindow and EnvEditWindow are how long senders may take back and edit what they said.
	EnvRecallWindow = "PARLEY_RECALL_WINDOW"
	EnvEditWindow   = "PARLEY_EDIT_WINDOW"
	// EnvAMQPURL is the address of RabbitMQ with vhost.
	EnvAMQPURL = "PARLEY_RABBITMQ_URL"
	// EnvDevelopment is true where codes may be written to the log.
	EnvDevelopment = "PARLEY_DEVELOPMENT"
	// EnvRabbitMQHost, -Port, -TLS and -VHost win over the entries of the binding.
	EnvRabbitMQHost  = "PARLEY_RABBITMQ_HOST"
	EnvRabbitMQPort  = "PARLEY_RABBITMQ_PORT"
	EnvRabbitMQTLS   = "PARLEY_RABBITMQ_TLS"
	EnvRabbitMQVHost = "PARLEY_RABBITMQ_VHOST"
	// EnvBindingRoot is the folder with one folder of entries per dependency, as the Service Binding
	// specification names it.
	EnvBindingRoot = "SERVICE_BINDING_ROOT"

	// EnvElasticsearchURL and what belongs to it; the operator sets the last three, the rest is the binding's.
	EnvElasticsearchURL           = "PARLEY_ELASTICSEARCH_URL"
	EnvElasticsearchUsername      = "PARLEY_ELASTICSEARCH_USERNAME"
	EnvElasticsearchPassword      = "PARLEY_ELASTICSEARCH_PASSWORD" //nolint:gosec // a name, no secret
	EnvElasticsearchAPIKey        = "PARLEY_ELASTICSEARCH_API_KEY"  //nolint:gosec // a name, no secret
	EnvElasticsearchCA            = "PARLEY_ELASTICSEARCH_CA_FILE"
	EnvElasticsearchTLS           = "PARLEY_ELASTICSEARCH_TLS"
	EnvElasticsearchIndexPrefix   = "PARLEY_ELASTICSEARCH_INDEX_PREFIX"
	EnvElasticsearchIndexReplicas = "PARLEY_ELASTICSEARCH_INDEX_REPLICAS"
	// EnvSMSProvider is Aliyun or Webhook; empty: no codes are sent.
	EnvSMSProvider         = "PARLEY_SMS_PROVIDER"
	EnvSMSAllowedCountries = "PARLEY_SMS_ALLOWED_COUNTRIES"
	EnvSMSDailyBudget      = "PARLEY_SMS_DAILY_BUDGET"
	// EnvSMSCountryDailyBudget is how many of them go to one country.
	EnvSMSCountryDailyBudget = "PARLEY_SMS_COUNTRY_DAILY_BUDGET"
	// What Aliyun needs.
	EnvSMSAccessKeyID        = "PARLEY_SMS_ACCESS_KEY_ID"
	EnvSMSAccessKeySecret    = "PARLEY_SMS_ACCESS_KEY_SECRET" //nolint:gosec // a name, no secret
	EnvSMSSignName           = "PARLEY_SMS_SIGN_NAME"
	EnvSMSTemplateCode       = "PARLEY_SMS_TEMPLATE_CODE"
	EnvSMSTemplateCodeAbroad = "PARLEY_SMS_TEMPLATE_CODE_ABROAD"
	EnvSMSRegion             = "PARLEY_SMS_REGION"
	// What a webhook needs.
	EnvSMSURL                = "PARLEY_SMS_URL"
	EnvSMSSigningKey         = "PARLEY_SMS_SIGNING_KEY"
	EnvSMSPreviousSigningKey = "PARLEY_SMS_PREVIOUS_SIGNING_KEY"

	EnvUpstreamUserURL    = "PARLEY_UPSTREAM_USER_URL"
	EnvUpstreamFriendURL  = "PARLEY_UPSTREAM_FRIEND_URL"
	EnvUpstreamMessageURL = "PARLEY_UPSTREAM_MESSAGE_URL"
	EnvUpstreamFileURL    = "PARLEY_UPSTREAM_FILE_URL"
	EnvUpstreamSpeechURL  = "PARLEY_UPSTREAM_SPEECH_URL"

	EnvGatewaySeat           = "PARLEY_GATEWAY_SEAT"
	EnvGatewayMaxSessions    = "PARLEY_GATEWAY_MAX_SESSIONS"
	EnvGatewayAllowedOrigins = "PARLEY_GATEWAY_ALLOWED_ORIGINS"
	// EnvGatewayTrustedProxies lists networks whose X-Forwarded-For counts.
	EnvGatewayTrustedProxies = "PARLEY_GATEWAY_TRUSTED_PROXIES"
	// Settings of the drain, as in ChatCluster's services.gateway.drain.
	EnvGatewayDrainRate         = "PARLEY_GATEWAY_DRAIN_SESSIONS_PER_SECOND"
	EnvGatewayDrainInitialDelay = "PARLEY_GATEWAY_DRAIN_INITIAL_DELAY"
	EnvGatewayReconnectJitter   = "PARLEY_GATEWAY_RECONNECT_JITTER"
	EnvGatewayReconnectDeadline = "PARLEY_GATEWAY_RECONNECT_DEADLINE"
	// EnvGatewaySeatRoutes is true where the way in routes /v1/ws/<seat>.
	EnvGatewaySeatRoutes = "PARLEY_GATEWAY_SEAT_ROUTES"
	// EnvGatewayDrainTimeout is how long sessions have to move away when a pod ends.
	EnvGatewayDrainTimeout = "PARLEY_GATEWAY_DRAIN_TIMEOUT"

	// Rates and counts of the gateway that load tests raise.
	EnvGatewaySessionsPerUser            = "PARLEY_GATEWAY_SESSIONS_PER_USER"
	EnvGatewaySessionsPerAddress         = "PARLEY_GATEWAY_SESSIONS_PER_ADDRESS"
	EnvGatewayHalfOpenPerAddress         = "PARLEY_GATEWAY_HALF_OPEN_PER_ADDRESS"
	EnvGatewayHandshakesPerSecond        = "PARLEY_GATEWAY_HANDSHAKES_PER_SECOND"
	EnvGatewayFramesPerSecond            = "PARLEY_GATEWAY_FRAMES_PER_SECOND"
	EnvGatewayFramesBurst                = "PARLEY_GATEWAY_FRAMES_BURST"
	EnvGatewaySendsPerSecond             = "PARLEY_GATEWAY_SENDS_PER_SECOND"
	EnvGatewaySendsBurst                 = "PARLEY_GATEWAY_SENDS_BURST"
	EnvGatewayConversationSendsPerSecond = "PARLEY_GATEWAY_CONVERSATION_SENDS_PER_SECOND"

	// EnvRingMembers is a fixed ring where no Kubernetes is: "0=gateway-0@http://127.0.0.1:8081,1=…".
	EnvRingMembers = "PARLEY_RING_MEMBERS"
	// EnvRingService is the headless Service whose EndpointSlices are the ring; it wins over
	// EnvRingMembers. The token and the namespace are those of the pod's service account volume.
	EnvRingService = "PARLEY_RING_SERVICE"
	// EnvNamespace is the pod's namespace.
	EnvNamespace = "PARLEY_NAMESPACE"

	// EnvClusterUID is the UID of the ChatCluster that owns the schemas; migrate records it.
	EnvClusterUID = "PARLEY_CLUSTER_UID"
	// EnvAdoptDatabase names the UID of an older owner whose schemas may be taken over, or "any".
	EnvAdoptDatabase = "PARLEY_ADOPT_DATABASE"
)
