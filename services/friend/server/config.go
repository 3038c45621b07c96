// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// Config of the friend service, from the environment.
type Config struct {
	// LogLevel is debug, info, warn or error.
	LogLevel string `env:"PARLEY_LOG_LEVEL" envDefault:"info"`
	// RPCListen serves other components.
	RPCListen string `env:"PARLEY_RPC_LISTEN" envDefault:":8081"`
	// OpsListen serves probes and metrics; empty: nothing listens, unless Parts.Ops does.
	OpsListen string `env:"PARLEY_OPS_LISTEN" envDefault:":9090"`
	// KeysDir holds the keys of Parley-Identity and of page tokens.
	KeysDir string `env:"PARLEY_KEYS_DIR" envDefault:"/etc/parley/keys"`
	// MySQLDSN names the database: "mysql://…" or "sqlite:<absolute file>".
	MySQLDSN secret.String `env:"PARLEY_MYSQL_DSN"`
	// MySQLMaxOpenConns at once; 0 means 20.
	MySQLMaxOpenConns int `env:"PARLEY_MYSQL_MAX_OPEN_CONNS" envDefault:"0"`
	// AMQPURL is the address of RabbitMQ with vhost; not needed where Parts.Broker is given.
	AMQPURL secret.String `env:"PARLEY_RABBITMQ_URL"`
	// Namespace of the pod; where it is set, a stop waits until callers know.
	Namespace string `env:"PARLEY_NAMESPACE"`
	// UserURL is the base address of the user service.
	UserURL string `env:"PARLEY_UPSTREAM_USER_URL"`
	// MessageURL is the base address of the message service.
	MessageURL string `env:"PARLEY_UPSTREAM_MESSAGE_URL"`
}

// Load reads a configuration from environment variables and checks it.
func Load(environ map[string]string) (Config, error) {
	return process.LoadConfigOf[Config](environ, component.Friend)
}

// Validate tells all that is wrong, at once. A value that Parts may give instead may be empty.
func (c Config) Validate() error {
	return errors.Join(
		process.CheckDatabase(c.MySQLDSN, c.MySQLMaxOpenConns), process.CheckLogLevel(c.LogLevel),
		process.CheckUpstream(component.EnvUpstreamUserURL, c.UserURL), process.CheckUpstream(component.EnvUpstreamMessageURL, c.MessageURL),
	)
}

func (c Config) database() sqldb.Config {
	return sqldb.Config{DSN: c.MySQLDSN, MaxOpenConns: c.MySQLMaxOpenConns}
}
