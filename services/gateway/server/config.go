// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/proxy"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// Config of a gateway, from the environment.
type Config struct {
	// LogLevel is debug, info, warn or error.
	LogLevel string `env:"PARLEY_LOG_LEVEL" envDefault:"info"`
	// PublicListen serves clients.
	PublicListen string `env:"PARLEY_PUBLIC_LISTEN" envDefault:":8080"`
	// RPCListen serves the other gateway pods.
	RPCListen string `env:"PARLEY_RPC_LISTEN" envDefault:":8081"`
	// OpsListen serves probes and metrics; empty: nothing listens, unless Parts.Ops does.
	OpsListen string `env:"PARLEY_OPS_LISTEN" envDefault:":9090"`
	// KeysDir holds the keys of Parley-Identity.
	KeysDir string `env:"PARLEY_KEYS_DIR" envDefault:"/etc/parley/keys"`
	// AMQPURL is the address of RabbitMQ with vhost; not needed where Parts.Broker is given.
	AMQPURL secret.String `env:"PARLEY_RABBITMQ_URL"`

	// PodName is this pod's name in the ring.
	PodName string `env:"PARLEY_POD_NAME" envDefault:"gateway-0"`
	// PodUID is this pod's UID; empty: its name serves.
	PodUID string `env:"PARLEY_POD_UID"`
	// Seat is the number of the replica that this pod serves.
	Seat uint32 `env:"PARLEY_GATEWAY_SEAT" envDefault:"0"`
	// RingService is the headless Service whose EndpointSlices are the ring; it wins over RingMembers.
	RingService string `env:"PARLEY_RING_SERVICE"`
	// Namespace of the pod; empty: that of its service account volume.
	Namespace string `env:"PARLEY_NAMESPACE"`
	// RingMembers is a fixed ring where no Kubernetes is. Empty: Parts.Ring gives one, or this pod is alone.
	RingMembers string `env:"PARLEY_RING_MEMBERS"`

	// UserURL, FriendURL, FileURL and MessageURL are the base addresses of the components.
	UserURL    string `env:"PARLEY_UPSTREAM_USER_URL"`
	FriendURL  string `env:"PARLEY_UPSTREAM_FRIEND_URL"`
	FileURL    string `env:"PARLEY_UPSTREAM_FILE_URL"`
	MessageURL string `env:"PARLEY_UPSTREAM_MESSAGE_URL"`
	// SpeechURL is the base address of the speech service; empty: this chat has none.
	SpeechURL string `env:"PARLEY_UPSTREAM_SPEECH_URL"`
	// FilesOrigin is the separate origin of files; empty: they have that of the chat.
	FilesOrigin string `env:"PARLEY_FILES_ORIGIN"`
	// ObjectStoreOrigin is where pages reach the object store itself; empty: nowhere.
	ObjectStoreOrigin string `env:"PARLEY_OBJECT_STORE_ORIGIN"`

	// AllowedOrigins of browsers, exact with scheme and port; empty: only the own host.
	AllowedOrigins []string `env:"PARLEY_GATEWAY_ALLOWED_ORIGINS"`
	// TrustedProxies are the networks whose X-Forwarded-For counts.
	TrustedProxies []string `env:"PARLEY_GATEWAY_TRUSTED_PROXIES"`
	// SeatRoutes is true where the way in routes /v1/ws/<seat>.
	SeatRoutes bool `env:"PARLEY_GATEWAY_SEAT_ROUTES" envDefault:"false"`
	// DrainTimeout is how long sessions have to move away when the pod ends.
	DrainTimeout time.Duration `env:"PARLEY_GATEWAY_DRAIN_TIMEOUT" envDefault:"120s"`
	// DrainRate is how many sessions per second all gateways together may move.
	DrainRate float64 `env:"PARLEY_GATEWAY_DRAIN_SESSIONS_PER_SECOND" envDefault:"300"`
	// DrainInitialDelay is how long a pod that ends accepts connections as before.
	DrainInitialDelay time.Duration `env:"PARLEY_GATEWAY_DRAIN_INITIAL_DELAY" envDefault:"0s"`
	// ReconnectJitter is the random part of the time after which a client that was asked to move starts.
	ReconnectJitter time.Duration `env:"PARLEY_GATEWAY_RECONNECT_JITTER" envDefault:"20s"`
	// ReconnectDeadline is how long a session that was asked to move is served.
	ReconnectDeadline time.Duration `env:"PARLEY_GATEWAY_RECONNECT_DEADLINE" envDefault:"1m"`

	// Rates and counts; the defaults are those of the product, load tests raise them.
	MaxSessions           int     `env:"PARLEY_GATEWAY_MAX_SESSIONS" envDefault:"100000"`
	SessionsPerUser       int     `env:"PARLEY_GATEWAY_SESSIONS_PER_USER" envDefault:"20"`
	SessionsPerAddress    int     `env:"PARLEY_GATEWAY_SESSIONS_PER_ADDRESS" envDefault:"100"`
	HalfOpenPerAddress    int     `env:"PARLEY_GATEWAY_HALF_OPEN_PER_ADDRESS" envDefault:"20"`
	HandshakesPerSecond   float64 `env:"PARLEY_GATEWAY_HANDSHAKES_PER_SECOND" envDefault:"2000"`
	FramesPerSecond       float64 `env:"PARLEY_GATEWAY_FRAMES_PER_SECOND" envDefault:"50"`
	FramesBurst           int     `env:"PARLEY_GATEWAY_FRAMES_BURST" envDefault:"100"`
	SendsPerSecond        float64 `env:"PARLEY_GATEWAY_SENDS_PER_SECOND" envDefault:"1"`
	SendsBurst            int     `env:"PARLEY_GATEWAY_SENDS_BURST" envDefault:"60"`
	ConversationPerSecond float64 `env:"PARLEY_GATEWAY_CONVERSATION_SENDS_PER_SECOND" envDefault:"50"`
	// PageOrigins are those of the web client's pages where AllowedOrigins is empty; only a process that holds all
	// services sets it.
	PageOrigins []string
	// Calls bounds the RPCs of the public listen port; only a process that holds all services sets it.
	Calls proxy.Limits
}

// Load reads a configuration from environment variables and checks it.
func Load(environ map[string]string) (Config, error) {
	return process.LoadConfig[Config](environ)
}

// Validate tells all that is wrong, at once. A value that Parts may give instead may be empty.
func (c Config) Validate() error {
	var problems []error
	for key, text := range map[string]string{
		"PARLEY_UPSTREAM_USER_URL": c.UserURL, "PARLEY_UPSTREAM_FRIEND_URL": c.FriendURL,
		"PARLEY_UPSTREAM_FILE_URL": c.FileURL, "PARLEY_UPSTREAM_MESSAGE_URL": c.MessageURL,
	} {
		if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			problems = append(problems, fmt.Errorf("%s must be an http URL with a host", key))
		}
	}
	if u, err := url.Parse(c.SpeechURL); c.SpeechURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		problems = append(problems, errors.New("PARLEY_UPSTREAM_SPEECH_URL must be an http URL with a host, or empty"))
	}
	if c.PodName == "" || len(c.PodName) > 253 {
		problems = append(problems, errors.New("PARLEY_POD_NAME must have 1 to 253 characters"))
	}
	if _, err := ring.ParseMembers(c.RingMembers); c.RingMembers != "" && err != nil {
		problems = append(problems, fmt.Errorf("PARLEY_RING_MEMBERS: %w", err))
	}
	for key, origin := range map[string]string{"PARLEY_FILES_ORIGIN": c.FilesOrigin, "PARLEY_OBJECT_STORE_ORIGIN": c.ObjectStoreOrigin} {
		if origin != "" && !isSource(origin) {
			problems = append(problems, fmt.Errorf("%s must be an origin such as https://files.example.org", key))
		}
	}
	for _, origin := range c.AllowedOrigins {
		if !isOrigin(origin) {
			problems = append(problems, errors.New("PARLEY_GATEWAY_ALLOWED_ORIGINS must hold origins such as https://chat.example.org"))
		}
	}
	if _, err := c.proxies(); err != nil {
		problems = append(problems, fmt.Errorf("PARLEY_GATEWAY_TRUSTED_PROXIES: %w", err))
	}
	problems = append(problems, c.drainProblems()...)
	if min(c.MaxSessions, c.SessionsPerUser, c.SessionsPerAddress, c.HalfOpenPerAddress, c.FramesBurst, c.SendsBurst) < 1 ||
		min(c.HandshakesPerSecond, c.FramesPerSecond, c.SendsPerSecond, c.ConversationPerSecond) <= 0 {
		problems = append(problems, errors.New("counts, rates and bursts of PARLEY_GATEWAY must be above 0"))
	}
	if _, err := telemetry.ParseLevel(c.LogLevel); err != nil {
		problems = append(problems, errors.New("PARLEY_LOG_LEVEL must be debug, info, warn or error"))
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && text == u.Scheme+"://"+u.Host
}

// source is an origin that can stand in a Content-Security-Policy and means nothing more there.
var source = regexp.MustCompile(`^https?://([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

func isSource(text string) bool { return source.MatchString(text) && isOrigin(text) }

func (c Config) drainProblems() (problems []error) {
	for key, value := range map[string]float64{
		"PARLEY_GATEWAY_DRAIN_TIMEOUT": float64(c.DrainTimeout), "PARLEY_GATEWAY_DRAIN_SESSIONS_PER_SECOND": c.DrainRate,
		"PARLEY_GATEWAY_RECONNECT_DEADLINE": float64(c.ReconnectDeadline),
	} {
		if value <= 0 {
			problems = append(problems, fmt.Errorf("%s must be above 0", key))
		}
	}
	if min(c.DrainInitialDelay, c.ReconnectJitter) < 0 {
		problems = append(problems, errors.New("PARLEY_GATEWAY_DRAIN_INITIAL_DELAY and PARLEY_GATEWAY_RECONNECT_JITTER must not be below 0"))
	}
	return problems
}

// drainPlan is how sessions move away; leave makes the pod not ready.
func (c Config) drainPlan(fixed bool, leave func()) gateway.DrainPlan {
	return gateway.DrainPlan{
		Timeout: c.DrainTimeout, InitialDelay: c.DrainInitialDelay, Rate: c.DrainRate,
		Jitter: c.ReconnectJitter, Deadline: c.ReconnectDeadline, Fixed: fixed, Leave: leave,
	}
}

func (c Config) proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// limits of sessions: the product's, with what is set.
func (c Config) limits() gateway.Limits {
	l := gateway.DefaultLimits()
	l.Sessions, l.SessionsPerUser, l.SessionsPerAddress = c.MaxSessions, c.SessionsPerUser, c.SessionsPerAddress
	l.HalfOpenPerAddress, l.HandshakesPerSec = c.HalfOpenPerAddress, c.HandshakesPerSecond
	l.FramesPerSecond, l.FramesBurst = c.FramesPerSecond, c.FramesBurst
	l.SendsPerSecond, l.SendsBurst = c.SendsPerSecond, c.SendsBurst
	l.ConversationPerSecond, l.ConversationBurst = c.ConversationPerSecond, max(1, int(c.ConversationPerSecond))
	return l
}

// calls are the limits of RPCs: who sends by calls may send as much as by WebSocket.
func (c Config) calls() proxy.Limits {
	l := c.Calls
	l.SendRate, l.SendBurst = c.SendsPerSecond, c.SendsBurst
	return l
}
