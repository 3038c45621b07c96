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
	Message  Name = "message"
	Transmit Name = "transmit"
)

// All lists the components in the order in which they start.
func All() []Name { return []Name{User, Friend, Message, Transmit, Gateway} }

// Listen ports of a pod.
const (
	// PublicPort serves clients; only the gateway has it.
	PublicPort = 8080
	// RPCPort serves other components.
	RPCPort = 9090
	// OpsPort serves probes, metrics and /statusz; it is in no public Service.
	OpsPort = 9091
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
	// EnvAMQPURL is the address of RabbitMQ with vhost.
	EnvAMQPURL = "PARLEY_RABBITMQ_URL"

	EnvUpstreamUserURL     = "PARLEY_UPSTREAM_USER_URL"
	EnvUpstreamFriendURL   = "PARLEY_UPSTREAM_FRIEND_URL"
	EnvUpstreamMessageURL  = "PARLEY_UPSTREAM_MESSAGE_URL"
	EnvUpstreamTransmitURL = "PARLEY_UPSTREAM_TRANSMIT_URL"

	EnvGatewaySeat           = "PARLEY_GATEWAY_SEAT"
	EnvGatewayMaxSessions    = "PARLEY_GATEWAY_MAX_SESSIONS"
	EnvGatewayAllowedOrigins = "PARLEY_GATEWAY_ALLOWED_ORIGINS"
	// EnvGatewayTrustedProxies lists networks whose X-Forwarded-For counts.
	EnvGatewayTrustedProxies = "PARLEY_GATEWAY_TRUSTED_PROXIES"
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

	// EnvRingMembers is a fixed ring where no Kubernetes is: "0=gateway-0@http://127.0.0.1:9090,1=…".
	EnvRingMembers = "PARLEY_RING_MEMBERS"
)
