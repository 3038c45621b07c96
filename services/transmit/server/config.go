// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/secret"
)

// Config of transmit, from the environment.
type Config struct {
	// LogLevel is debug, info, warn or error.
	LogLevel string `env:"PARLEY_LOG_LEVEL" envDefault:"info"`
	// OpsListen serves probes and metrics; empty: nothing listens.
	OpsListen string `env:"PARLEY_OPS_LISTEN" envDefault:":9090"`
	// KeysDir holds the keys of Parley-Identity.
	KeysDir string `env:"PARLEY_KEYS_DIR" envDefault:"/etc/parley/keys"`
	// AMQPURL is the address of RabbitMQ with vhost.
	AMQPURL secret.String `env:"PARLEY_RABBITMQ_URL"`
	// FriendURL is the base address of the friend service.
	FriendURL string `env:"PARLEY_UPSTREAM_FRIEND_URL"`
	// MessageURL is the base address of the message service.
	MessageURL string `env:"PARLEY_UPSTREAM_MESSAGE_URL"`
	// RingService is the headless Service whose EndpointSlices are the ring; it wins over RingMembers.
	RingService string `env:"PARLEY_RING_SERVICE"`
	// Namespace of the pod; empty: that of its service account volume.
	Namespace string `env:"PARLEY_NAMESPACE"`
	// RingMembers is a fixed ring where no Kubernetes is; empty: Parts.Ring gives one.
	RingMembers string `env:"PARLEY_RING_MEMBERS"`
}

// Load reads a configuration from environment variables and checks it.
func Load(environ map[string]string) (Config, error) {
	return process.LoadConfig[Config](environ)
}

// Validate tells all that is wrong, at once. A value that Parts may give instead may be empty.
func (c Config) Validate() error {
	var problems []error
	if u, err := url.Parse(c.FriendURL); err != nil || u.Host == "" {
		problems = append(problems, errors.New("PARLEY_UPSTREAM_FRIEND_URL must be a URL with a host"))
	}
	if u, err := url.Parse(c.MessageURL); err != nil || u.Host == "" {
		problems = append(problems, errors.New("PARLEY_UPSTREAM_MESSAGE_URL must be a URL with a host"))
	}
	if _, err := ring.ParseMembers(c.RingMembers); c.RingMembers != "" && err != nil {
		problems = append(problems, fmt.Errorf("PARLEY_RING_MEMBERS: %w", err))
	}
	switch c.LogLevel {
	case "debug", "info", "warn", "error":
	default:
		problems = append(problems, errors.New("PARLEY_LOG_LEVEL must be debug, info, warn or error"))
	}
	return errors.Join(problems...)
}
