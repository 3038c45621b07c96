// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user/argon2hasher"
)

// defaultAddressLogins a minute: the product's limit for one client address.
const defaultAddressLogins = 20

// defaultAddressCodes an hour: the product's limit for one client address.
const defaultAddressCodes = 10

// Config of the user service, from the environment.
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

	// FileURL is the base address of the file service; empty: nobody gets a picture.
	FileURL string `env:"PARLEY_UPSTREAM_FILE_URL"`

	// AddressLogins is how many logins one client address may try in a minute. Only a process that holds
	// all services sets it, never the environment: 0 means 20, less than 0 any number.
	AddressLogins int
	// SMS sends codes.
	SMS SMSConfig
	// Search is the index of nicknames; without one only exact usernames and phone numbers are found.
	Search indexserver.Settings
	// Development allows what must not be where others are: codes in the log. A process that holds all
	// services sets it, and the operator for a ChatCluster whose profile is Development.
	Development bool `env:"PARLEY_DEVELOPMENT" envDefault:"false"`
	// Hashing sets the cost of a password hash; only tests make it cheaper.
	Hashing argon2hasher.Options
}

// Load reads a configuration from environment variables and checks it.
func Load(environ map[string]string) (Config, error) {
	return process.LoadConfigOf[Config](environ, component.User)
}

// Validate tells all that is wrong, at once. A value that Parts may give instead may be empty.
func (c Config) Validate() error {
	return errors.Join(
		process.CheckDatabase(c.MySQLDSN, c.MySQLMaxOpenConns), process.CheckLogLevel(c.LogLevel),
		c.Search.Validate(), c.SMS.validate(c.Development),
	)
}

// addressCodes an hour: the product's limit for one client address, which falls with that of logins.
func (c Config) addressCodes() int {
	if c.addressLogins() == 0 {
		return 0
	}
	return defaultAddressCodes
}

func (c Config) database() sqldb.Config {
	return sqldb.Config{DSN: c.MySQLDSN, MaxOpenConns: c.MySQLMaxOpenConns}
}

// addressLogins in the terms of the domain, where 0 is any number.
func (c Config) addressLogins() int {
	if c.AddressLogins == 0 {
		return defaultAddressLogins
	}
	return max(c.AddressLogins, 0)
}
