// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/sqldb"
	messageserver "github.com/parley-chat/parley/services/message/server"
)

// defaultPrefix of schemas, as in ChatCluster.
const defaultPrefix = "parley"

func migrateCommand(s streams) *cobra.Command {
	var named []string
	var m migration
	command := &cobra.Command{
		Use:   "migrate [SERVICE...]",
		Short: "Bring the schemas of MySQL up to date",
		Long: "Bring the schemas of the services up to date. It may run again at any time, also while the services\n" +
			"run: it only adds. PARLEY_MYSQL_DSN is the server; without a schema at its end each service has\n" +
			"<prefix>_<service>. A binding below SERVICE_BINDING_ROOT may name the server instead.\n\n" +
			"PARLEY_CLUSTER_UID is written down as the owner. The schemas of another owner are refused while its message\n" +
			"service runs, unless PARLEY_ADOPT_DATABASE names that owner or is any.\n\n" +
			"Exit status 20: a change is half done; 21: settings or credentials are wrong; 22: the schemas belong\n" +
			"to another cluster. After another one it may be tried again.",
		Example: "  PARLEY_MYSQL_DSN=mysql://root@127.0.0.1:3306/ parley migrate --create\n" +
			"  PARLEY_MYSQL_DSN=mysql://app:secret@db:3306/parley_user parley migrate user",
		RunE: func(cmd *cobra.Command, args []string) error {
			m.services, m.place.asked = append(args, named...), cmd.Flags().Changed(flagResult)
			if prefix := s.environ[component.EnvMySQLDatabase]; prefix != "" && !cmd.Flags().Changed("prefix") {
				m.prefix = prefix
			}
			result, err := migrate(cmd.Context(), s, m)
			return conclude(m.place, result, err)
		},
	}
	flags := command.Flags()
	flags.StringSliceVar(&named, "service", nil, "service to migrate, the same as an argument")
	flags.StringVar(&m.prefix, "prefix", defaultPrefix, "start of the schemas' names, also PARLEY_MYSQL_DATABASE")
	flags.BoolVar(&m.create, "create", false, "make schemas that are missing; the user needs the right to")
	flags.DurationVar(&m.wait, "wait", time.Minute, "how long MySQL, or another run, may take")
	m.place.addTo(flags)
	return command
}

// migration is what the command line asks for.
type migration struct {
	services []string
	prefix   string
	create   bool
	wait     time.Duration
	place    resultPlace
}

// migrate prints a line per service as it goes, so that a long change shows where it is.
func migrate(ctx context.Context, s streams, m migration) (component.MigrationResult, error) {
	result := component.MigrationResult{Schemas: map[component.Name]int64{}}
	environ, err := process.Complete(s.environ, component.Migrate)
	if err != nil {
		return result, failure{reasonConfiguration, err}
	}
	wanted, err := selectDatabases(environ, m.services, m.prefix)
	if err != nil {
		return result, failure{reasonConfiguration, err}
	}
	if wanted[0].schema != "" {
		class, err := awaitMySQL(ctx, environ, m.wait)
		result.Dependencies = map[component.Dependency]component.Class{component.MySQL: class}
		if err != nil {
			return result, explainMySQL(wanted[0], err)
		}
	}
	if m.create {
		if err := createSchemas(ctx, environ, wanted); err != nil {
			return result, err
		}
	}
	own := claimOf(environ, m.wait)
	if err := own.refuseOwned(ctx, wanted); err != nil {
		return result, err
	}
	for _, d := range wanted {
		version, text, err := own.migrateOwned(ctx, d)
		if err != nil {
			return result, explainMySQL(d, err)
		}
		result.Schemas[d.name] = version
		if d.name == component.Message {
			result.Durability, _ = messageserver.Durability(ctx, d.dsn) // unknown if it cannot be read
		}
		if _, err := fmt.Fprintf(s.out, "%-8s  %-24s  %s\n", d.name, d.place(), text); err != nil {
			return result, err
		}
	}
	return result, nil
}

// migrateOne answers the version of the schema after it.
func migrateOne(ctx context.Context, d database) (int64, string, error) {
	newest, err := d.newest()
	if err != nil {
		return 0, "", err
	}
	before, err := schemaVersion(ctx, d)
	if err != nil {
		return 0, "", err
	}
	if before > newest {
		return before, fmt.Sprintf("schema %d is newer than this program's %d, nothing to do", before, newest), nil
	}
	if err := d.migrate(ctx, d.dsn); err != nil {
		return 0, "", err
	}
	if before == newest {
		return newest, fmt.Sprintf("schema %d, nothing to do", newest), nil
	}
	return newest, fmt.Sprintf("schema %d, was %d", newest, before), nil
}

// checkTimeout bounds one look at a server.
const checkTimeout = 10 * time.Second

func schemaVersion(ctx context.Context, d database) (version int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	db, err := sqldb.Open(sqldb.Config{DSN: d.dsn})
	if err != nil {
		return 0, err
	}
	version, err = db.SchemaVersion(ctx)
	return version, errors.Join(err, db.Close())
}

// explainMySQL says what to do about the usual troubles, and sorts them for the exit status.
func explainMySQL(d database, err error) error {
	const (
		noSuchSchema = 1049
		noAccess     = 1045
		noRight      = 1044
		noCommand    = 1142
	)
	if known, ok := errors.AsType[failure](err); ok {
		return known
	}
	refusal, refused := errors.AsType[*mysql.MySQLError](err)
	switch {
	case refused && refusal.Number == noSuchSchema:
		return failure{reasonConfiguration, fmt.Errorf("%s: the schema %s does not exist: create it, or add --create", d.name, d.place())}
	case refused && slices.Contains([]uint16{noAccess, noRight, noCommand}, refusal.Number):
		return failure{reasonAuth, fmt.Errorf("%s: MySQL refuses the user of PARLEY_MYSQL_DSN: give it the rights on %s, or correct user and password", d.name, d.place())}
	case sqldb.ClassOf(err) == component.ClassTLSFailed:
		return failure{reasonTLS, fmt.Errorf("%s: MySQL and this program do not agree on TLS: correct ca.crt, or the client's certificate, or PARLEY_MYSQL_TLS", d.name)}
	case errors.Is(err, fault.ErrUnavailable):
		return failure{reasonOf(sqldb.ClassOf(err)), fmt.Errorf("%s: MySQL does not answer: check that it runs and that PARLEY_MYSQL_DSN names its host and port: %w", d.name, err)}
	default:
		return failure{reasonOf(sqldb.ClassOf(err)), fmt.Errorf("%s: %w", d.name, err)}
	}
}
