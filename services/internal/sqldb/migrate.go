// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/fault"
)

// Migrating waits this long for another process that migrates the same schema, in seconds.
const migrationLockSeconds = 300

// migrationsFolder is where embedded migrations usually lie.
const migrationsFolder = "migrations"

// Migrate brings the schema up to the newest of migrations, files NNNNN_name.sql in the root of the file
// system or in its folder "migrations". Processes that start at once take turns. What a killed process
// left half done goes on with the next file; each file is one statement.
func (db *DB) Migrate(ctx context.Context, migrations fs.FS) error {
	if _, err := fs.Stat(migrations, migrationsFolder); err == nil {
		if migrations, err = fs.Sub(migrations, migrationsFolder); err != nil {
			return err
		}
	}
	if db.Dialect() == dialect.SQLite {
		return db.up(ctx, goose.DialectSQLite3, db.writer.DB, migrations)
	}
	return db.migrateMySQL(ctx, migrations)
}

// migrateMySQL uses connections of its own: a change of a large table takes longer than the timeouts of
// the pool allow.
func (db *DB) migrateMySQL(ctx context.Context, migrations fs.FS) error {
	cfg := db.source.mysql.Clone()
	cfg.ReadTimeout = 0
	c, err := newConnector(cfg)
	if err != nil {
		return errDSN
	}
	pool := sql.OpenDB(c)
	defer pool.Close()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return classify(ctx, err)
	}
	defer conn.Close()
	locked, err := db.lock(ctx, conn, "migrate", migrationLockSeconds)
	if err != nil {
		return classify(ctx, err)
	}
	if !locked {
		return fault.ErrUnavailable.Because(errors.New("another process has been migrating the schema for minutes"))
	}
	defer db.unlock(ctx, conn, "migrate")
	for {
		err := db.up(ctx, goose.DialectMySQL, pool, migrations)
		version, ok := halfDone(err)
		if !ok {
			return err
		}
		if err := storeVersion(ctx, pool, version); err != nil {
			return classify(ctx, err)
		}
	}
}

// halfDone finds the version of a file whose change is there already. MySQL commits a change of the schema
// by itself, so a process may have been killed before goose could store the version.
func halfDone(err error) (version int64, ok bool) {
	partial, isPartial := errors.AsType[*goose.PartialError](err)
	if !isPartial || partial.Failed == nil || !dialect.IsAlreadyThere(err) {
		return 0, false
	}
	return partial.Failed.Source.Version, true
}

func storeVersion(ctx context.Context, pool *sql.DB, version int64) error {
	_, err := pool.ExecContext(ctx, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)", version)
	if err != nil {
		return fmt.Errorf("store schema version %d: %w", version, err)
	}
	return nil
}

func (db *DB) up(ctx context.Context, d goose.Dialect, pool *sql.DB, migrations fs.FS) error {
	provider, err := goose.NewProvider(d, pool, migrations,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return classify(ctx, fmt.Errorf("migrate: %w", err))
	}
	return nil
}
