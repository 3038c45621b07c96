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

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// defaultPrefix of schemas, as in ChatCluster.
const defaultPrefix = "parley"

func migrateCommand(s streams) *cobra.Command {
	var named []string
	var prefix string
	var create bool
	command := &cobra.Command{
		Use:   "migrate [SERVICE...]",
		Short: "Bring the schemas of MySQL up to date",
		Long: "Bring the schemas of the services up to date. It may run again at any time, also while the services\n" +
			"run: it only adds. PARLEY_MYSQL_DSN is the server; without a schema at its end each service has\n" +
			"<prefix>_<service>.",
		Example: "  PARLEY_MYSQL_DSN=mysql://root@127.0.0.1:3306/ parley migrate --create\n" +
			"  PARLEY_MYSQL_DSN=mysql://app:secret@db:3306/parley_user parley migrate user",
		RunE: func(cmd *cobra.Command, args []string) error {
			return migrate(cmd.Context(), s, migration{services: append(args, named...), prefix: prefix, create: create})
		},
	}
	flags := command.Flags()
	flags.StringSliceVar(&named, "service", nil, "service to migrate, the same as an argument")
	flags.StringVar(&prefix, "prefix", defaultPrefix, "start of the schemas' names")
	flags.BoolVar(&create, "create", false, "make schemas that are missing; the user needs the right to")
	return command
}

// migration is what the command line asks for.
type migration struct {
	services []string
	prefix   string
	create   bool
}

// migrate prints a line per service as it goes, so that a long change shows where it is.
func migrate(ctx context.Context, s streams, m migration) error {
	wanted, err := selectDatabases(s.environ, m.services, m.prefix)
	if err != nil {
		return err
	}
	for _, d := range wanted {
		if m.create && d.schema != "" {
			if err := createSchema(ctx, s.environ, d); err != nil {
				return explainMySQL(d, err)
			}
		}
		result, err := migrateOne(ctx, d)
		if err != nil {
			return explainMySQL(d, err)
		}
		if _, err := fmt.Fprintf(s.out, "%-8s  %-24s  %s\n", d.name, d.place(), result); err != nil {
			return err
		}
	}
	return nil
}

func migrateOne(ctx context.Context, d database) (string, error) {
	newest, err := d.newest()
	if err != nil {
		return "", err
	}
	before, err := schemaVersion(ctx, d)
	if err != nil {
		return "", err
	}
	if before > newest {
		return fmt.Sprintf("schema %d is newer than this program's %d, nothing to do", before, newest), nil
	}
	if err := d.migrate(ctx, d.dsn); err != nil {
		return "", err
	}
	if before == newest {
		return fmt.Sprintf("schema %d, nothing to do", newest), nil
	}
	return fmt.Sprintf("schema %d, was %d", newest, before), nil
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

// createSchema connects without a schema; the name is ours or was read from a DSN.
func createSchema(ctx context.Context, environ map[string]string, d database) error {
	if !schemaName.MatchString(d.schema) {
		return fmt.Errorf("the schema of %s has a name that must be created by hand", d.name)
	}
	server, err := withoutSchema(environ)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	db, err := sqldb.Open(sqldb.Config{DSN: server})
	if err != nil {
		return err
	}
	err = db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, "CREATE DATABASE IF NOT EXISTS `"+d.schema+"`")
		return err
	})
	return errors.Join(err, db.Close())
}

// explainMySQL says what to do about the usual troubles.
func explainMySQL(d database, err error) error {
	const (
		noSuchSchema = 1049
		noAccess     = 1045
		noRight      = 1044
		noCommand    = 1142
	)
	refusal, refused := errors.AsType[*mysql.MySQLError](err)
	switch {
	case refused && refusal.Number == noSuchSchema:
		return fmt.Errorf("%s: the schema %s does not exist: create it, or add --create", d.name, d.place())
	case refused && slices.Contains([]uint16{noAccess, noRight, noCommand}, refusal.Number):
		return fmt.Errorf("%s: MySQL refuses the user of PARLEY_MYSQL_DSN: give it the rights on %s, or correct user and password", d.name, d.place())
	case errors.Is(err, fault.ErrUnavailable):
		return fmt.Errorf("%s: MySQL does not answer: check that it runs and that PARLEY_MYSQL_DSN names its host and port: %w", d.name, err)
	default:
		return fmt.Errorf("%s: %w", d.name, err)
	}
}
