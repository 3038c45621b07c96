// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// Config of the file service, from the environment.
type Config struct {
	// LogLevel is debug, info, warn or error.
	LogLevel string `env:"PARLEY_LOG_LEVEL" envDefault:"info"`
	// RPCListen serves other components, and bytes by way of the gateway.
	RPCListen string `env:"PARLEY_RPC_LISTEN" envDefault:":8081"`
	// OpsListen serves probes and metrics; empty: nothing listens, unless Parts.Ops does.
	OpsListen string `env:"PARLEY_OPS_LISTEN" envDefault:":9090"`
	// KeysDir holds the keys of Parley-Identity and of links.
	KeysDir string `env:"PARLEY_KEYS_DIR" envDefault:"/etc/parley/keys"`
	// MySQLDSN names the database: "mysql://…" or "sqlite:<absolute file>".
	MySQLDSN secret.String `env:"PARLEY_MYSQL_DSN"`
	// MySQLMaxOpenConns at once; 0 means 20.
	MySQLMaxOpenConns int `env:"PARLEY_MYSQL_MAX_OPEN_CONNS" envDefault:"0"`
	// Namespace of the pod; where it is set, a stop waits until callers know.
	Namespace string `env:"PARLEY_NAMESPACE"`
	// MessageURL and UserURL are the base addresses of the services that show files.
	MessageURL string `env:"PARLEY_UPSTREAM_MESSAGE_URL"`
	UserURL    string `env:"PARLEY_UPSTREAM_USER_URL"`
	// Origin stands before links; empty: links are paths.
	Origin string `env:"PARLEY_FILES_ORIGIN"`
	// MaxBytes of one file, MaxImageBytes of one picture, and DailyBytes of one person in a day; 0 are the defaults.
	MaxBytes      int64 `env:"PARLEY_FILE_MAX_BYTES" envDefault:"104857600"`
	MaxImageBytes int64 `env:"PARLEY_FILE_MAX_IMAGE_BYTES" envDefault:"10485760"`
	DailyBytes    int64 `env:"PARLEY_FILE_DAILY_BYTES" envDefault:"1073741824"`
	// Folder keeps bytes where no object store is.
	Folder string `env:"PARLEY_FILE_DIR"`
	// S3 keeps bytes where its bucket is named.
	S3 S3Config
}

// Load reads a configuration from environment variables and checks it.
func Load(environ map[string]string) (Config, error) {
	return process.LoadConfigOf[Config](environ, component.File)
}

// Validate tells all that is wrong, at once. A value that Parts may give instead may be empty.
func (c Config) Validate() error {
	var problems []error
	if c.MySQLDSN.IsZero() {
		problems = append(problems, errors.New("PARLEY_MYSQL_DSN must name a database"))
	}
	if c.MySQLMaxOpenConns < 0 {
		problems = append(problems, errors.New("PARLEY_MYSQL_MAX_OPEN_CONNS must not be negative"))
	}
	if _, err := telemetry.ParseLevel(c.LogLevel); err != nil {
		problems = append(problems, fmt.Errorf("PARLEY_LOG_LEVEL: %w", err))
	}
	if u, err := url.Parse(c.Origin); c.Origin != "" && (err != nil || u.Host == "" || c.Origin != u.Scheme+"://"+u.Host) {
		problems = append(problems, errors.New("PARLEY_FILES_ORIGIN must be like https://files.example.com"))
	}
	for key, text := range map[string]string{component.EnvUpstreamMessageURL: c.MessageURL, component.EnvUpstreamUserURL: c.UserURL} {
		if u, err := url.Parse(text); err != nil || u.Host == "" {
			problems = append(problems, fmt.Errorf("%s must be a URL with a host", key))
		}
	}
	for key, value := range map[string]int64{
		component.EnvFileMaxBytes: c.MaxBytes, component.EnvFileMaxImageBytes: c.MaxImageBytes, component.EnvFileDailyBytes: c.DailyBytes,
	} {
		if value < 0 {
			problems = append(problems, fmt.Errorf("%s must not be negative", key))
		}
	}
	return errors.Join(append(problems, c.S3.Validate())...)
}

func (c Config) database() sqldb.Config {
	return sqldb.Config{DSN: c.MySQLDSN, MaxOpenConns: c.MySQLMaxOpenConns}
}

func (c Config) limits() file.Limits {
	return file.Limits{FileBytes: c.MaxBytes, ImageBytes: c.MaxImageBytes, DailyBytes: c.DailyBytes}
}

func (c Config) process() process.Settings {
	return process.Settings{
		Component: component.File, LogLevel: c.LogLevel, RPCListen: c.RPCListen, OpsListen: c.OpsListen, KeysDir: c.KeysDir,
		Namespace: c.Namespace,
	}
}
