// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/parley-chat/parley/api/component"
	fileserver "github.com/parley-chat/parley/services/file/server"
	friendserver "github.com/parley-chat/parley/services/friend/server"
	"github.com/parley-chat/parley/services/internal/secret"
	messageserver "github.com/parley-chat/parley/services/message/server"
	userserver "github.com/parley-chat/parley/services/user/server"
)

// database is the schema of one service.
type database struct {
	name    component.Name
	dsn     secret.String
	schema  string // empty for SQLite
	migrate func(ctx context.Context, dsn secret.String) error
	newest  func() (int64, error)
}

// databases lists the services that own tables, without addresses.
func databases() []database {
	return []database{
		{
			name: component.User, newest: userserver.SchemaVersion,
			migrate: func(ctx context.Context, dsn secret.String) error {
				return userserver.Migrate(ctx, userserver.Config{MySQLDSN: dsn})
			},
		},
		{
			name: component.Friend, newest: friendserver.SchemaVersion,
			migrate: func(ctx context.Context, dsn secret.String) error {
				return friendserver.Migrate(ctx, friendserver.Config{MySQLDSN: dsn})
			},
		},
		{
			name: component.File, newest: fileserver.SchemaVersion,
			migrate: func(ctx context.Context, dsn secret.String) error {
				return fileserver.Migrate(ctx, fileserver.Config{MySQLDSN: dsn})
			},
		},
		{
			name: component.Message, newest: messageserver.SchemaVersion,
			migrate: func(ctx context.Context, dsn secret.String) error {
				return messageserver.Migrate(ctx, messageserver.Config{MySQLDSN: dsn})
			},
		},
	}
}

var (
	errNoDSN = errors.New("PARLEY_MYSQL_DSN is not set: set it to mysql://user:password@host:port/ for all schemas, " +
		"or with a schema at its end for one service")
	errDSN = errors.New("PARLEY_MYSQL_DSN cannot be read: write mysql://user:password@host:port/schema, or sqlite:/absolute/file")
	// schemaPrefix is the rule of ChatCluster's databasePrefix.
	schemaPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,23}$`)
	// schemaName is what goes into a statement without being quoted further.
	schemaName = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
)

// selectDatabases gives each wanted service its address; no names are all. A DSN without a schema means
// the schemas <prefix>_<service>.
func selectDatabases(environ map[string]string, names []string, prefix string) ([]database, error) {
	dsn := environ[component.EnvMySQLDSN]
	if dsn == "" {
		return nil, errNoDSN
	}
	if !schemaPrefix.MatchString(prefix) {
		return nil, errors.New("--prefix: use at most 24 of a-z, 0-9 and _, starting with a letter")
	}
	wanted, err := byName(names)
	if err != nil {
		return nil, err
	}
	whole, err := hasSchema(dsn)
	if err != nil {
		return nil, err
	}
	if whole && len(wanted) != 1 {
		return nil, errors.New("PARLEY_MYSQL_DSN names the schema of one service: name that service too, or leave the schema out")
	}
	for i := range wanted {
		schema := prefix + "_" + string(wanted[i].name)
		if wanted[i].dsn, wanted[i].schema, err = complete(dsn, schema); err != nil {
			return nil, err
		}
	}
	return wanted, nil
}

func byName(names []string) ([]database, error) {
	all := databases()
	if len(names) == 0 {
		return all, nil
	}
	var wanted []database
	for _, name := range names {
		i := slices.IndexFunc(all, func(d database) bool { return string(d.name) == name })
		if i < 0 {
			return nil, fmt.Errorf("%q owns no tables: name user, friend, file or message", name)
		}
		wanted = append(wanted, all[i])
	}
	return wanted, nil
}

func hasSchema(dsn string) (bool, error) {
	_, schema, err := complete(dsn, "")
	return schema != "" || strings.HasPrefix(dsn, "sqlite:"), err
}

// complete puts a schema into a DSN that has none.
func complete(dsn, schema string) (secret.String, string, error) {
	switch {
	case strings.HasPrefix(dsn, "sqlite:"):
		return secret.New(dsn), "", nil
	case strings.HasPrefix(dsn, "mysql://"):
		parsed, err := url.Parse(dsn)
		if err != nil || parsed.Host == "" {
			return secret.String{}, "", errDSN
		}
		if own := strings.Trim(parsed.Path, "/"); own != "" {
			return secret.New(dsn), own, nil
		}
		parsed.Path = "/" + schema
		return secret.New(parsed.String()), schema, nil
	default:
		parsed, err := mysql.ParseDSN(dsn)
		if err != nil {
			return secret.String{}, "", errDSN // the driver's text holds parts of the DSN
		}
		if parsed.DBName == "" {
			parsed.DBName = schema
		}
		return secret.New(parsed.FormatDSN()), parsed.DBName, nil
	}
}

// withoutSchema is the server of PARLEY_MYSQL_DSN.
func withoutSchema(environ map[string]string) (secret.String, error) {
	dsn := environ[component.EnvMySQLDSN]
	if strings.HasPrefix(dsn, "mysql://") {
		parsed, err := url.Parse(dsn)
		if err != nil {
			return secret.String{}, errDSN
		}
		parsed.Path = "/"
		return secret.New(parsed.String()), nil
	}
	parsed, err := mysql.ParseDSN(dsn)
	if err != nil {
		return secret.String{}, errDSN
	}
	parsed.DBName = ""
	return secret.New(parsed.FormatDSN()), nil
}

// place is how a database is called in output.
func (d database) place() string {
	if d.schema == "" {
		return "sqlite"
	}
	return d.schema
}
