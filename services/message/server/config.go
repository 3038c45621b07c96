// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// maxLanes is far above what helps: every lane more makes batches smaller.
const maxLanes = 16

// Config of the message service, from the environment.
type Config struct {
	// LogLevel is debug, info, warn or error.
	LogLevel string `env:"PARLEY_LOG_LEVEL" envDefault:"info"`
	// RPCListen serves other components; empty: Parts.RPC must be given.
	RPCListen string `env:"PARLEY_RPC_LISTEN" envDefault:":8081"`
	// OpsListen serves probes and metrics; empty: nothing listens.
	OpsListen string `env:"PARLEY_OPS_LISTEN" envDefault:":9090"`
	// KeysDir holds the keys of Parley-Identity and of page tokens.
	KeysDir string `env:"PARLEY_KEYS_DIR" envDefault:"/etc/parley/keys"`
	// MySQLDSN is mysql://user:password@host:port/schema, or sqlite:<absolute file>.
	MySQLDSN secret.String `env:"PARLEY_MYSQL_DSN"`
	// MySQLMaxOpenConns bounds connections of this pod; lanes use one each, the rest is for reading.
	// Chosen, no evidence.
	MySQLMaxOpenConns int `env:"PARLEY_MYSQL_MAX_OPEN_CONNS" envDefault:"20"`
	// AMQPURL is the address of RabbitMQ with vhost; may be empty if Parts.Broker is given.
	AMQPURL secret.String `env:"PARLEY_RABBITMQ_URL"`
	// FriendURL is the base address of the friend service.
	FriendURL string `env:"PARLEY_UPSTREAM_FRIEND_URL"`
	// FileURL is the base address of the file service; empty: no message can show a file.
	FileURL string `env:"PARLEY_UPSTREAM_FILE_URL"`
	// Transcripts is true where something reads voice messages.
	Transcripts bool `env:"PARLEY_TRANSCRIPTS"`
	// Namespace of the pod; where it is set, a stop waits until callers know.
	Namespace string `env:"PARLEY_NAMESPACE"`
	// ClusterUID of the ChatCluster that owns the schema; where it is set, signs of life are written.
	ClusterUID string `env:"PARLEY_CLUSTER_UID"`
	// RecallWindow and EditWindow are how long senders may take back and edit what they said.
	RecallWindow time.Duration `env:"PARLEY_RECALL_WINDOW" envDefault:"2m"`
	EditWindow   time.Duration `env:"PARLEY_EDIT_WINDOW" envDefault:"24h"`
	Search       indexserver.Settings
	// Lanes is the number of writers; 0 means two, one of which alone reached 25 k rows/s.
	Lanes int
}

// Load reads a configuration from environment variables and checks it.
func Load(environ map[string]string) (Config, error) {
	return process.LoadConfigOf[Config](environ, component.Message)
}

// Validate tells all that is wrong, at once. A value that Parts may give instead may be empty.
func (c Config) Validate() error {
	problems := []error{
		process.CheckDatabase(c.MySQLDSN, c.MySQLMaxOpenConns), process.CheckLogLevel(c.LogLevel), c.Search.Validate(),
		process.CheckUpstream(component.EnvUpstreamFriendURL, c.FriendURL),
	}
	if c.FileURL != "" {
		problems = append(problems, process.CheckUpstream(component.EnvUpstreamFileURL, c.FileURL))
	}
	if c.RecallWindow < 0 || c.EditWindow < 0 {
		problems = append(problems, errors.New("PARLEY_RECALL_WINDOW and PARLEY_EDIT_WINDOW must not be negative"))
	}
	if c.Lanes < 0 || c.Lanes > maxLanes {
		problems = append(problems, fmt.Errorf("lanes must be 0 to %d", maxLanes))
	}
	return errors.Join(problems...)
}

func (c Config) database() sqldb.Config {
	return sqldb.Config{DSN: c.MySQLDSN, MaxOpenConns: c.MySQLMaxOpenConns}
}
