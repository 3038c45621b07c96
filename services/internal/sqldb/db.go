// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/fault"
)

// callTimeout bounds a statement or transaction whose caller set no deadline.
const callTimeout = 15 * time.Second

// DB is the database of one service. It is safe for concurrent use.
type DB struct {
	source     source
	writer     *sqlx.DB
	reader     *sqlx.DB // the writer on MySQL
	statements atomic.Uint64
}

// Open takes a database into use without dialing: one that is down shows at the first statement.
func Open(cfg Config) (*DB, error) {
	src, err := parseDSN(cfg.DSN.Reveal())
	if err != nil {
		return nil, err
	}
	db := &DB{source: src}
	if src.dialect == dialect.SQLite {
		err = db.openSQLite()
	} else {
		err = db.openMySQL(cfg.MaxOpenConns)
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// OpenOwn is Open, and migrates a SQLite file, which belongs to this process alone; the schema of MySQL is
// migrated by a Job, once for all pods.
func OpenOwn(ctx context.Context, cfg Config, migrations fs.FS) (*DB, error) {
	db, err := Open(cfg)
	if err != nil {
		return nil, err
	}
	if db.Dialect() == dialect.SQLite {
		if err := db.Migrate(ctx, migrations); err != nil {
			return nil, errors.Join(fmt.Errorf("migrate: %w", err), db.Close())
		}
	}
	return db, nil
}

func (db *DB) openSQLite() error {
	writer, err := sql.Open("sqlite", sqliteURI(db.source.file, false))
	if err != nil {
		return err
	}
	writer.SetMaxOpenConns(1)
	reader, err := sql.Open("sqlite", sqliteURI(db.source.file, true))
	if err != nil {
		return errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(sqliteReaders)
	reader.SetMaxIdleConns(sqliteReaders)
	db.writer, db.reader = sqlx.NewDb(writer, "sqlite"), sqlx.NewDb(reader, "sqlite")
	return nil
}

func (db *DB) openMySQL(maxOpen int) error {
	c, err := newConnector(db.source.mysql)
	if err != nil {
		return errDSN
	}
	if maxOpen <= 0 {
		maxOpen = defaultMaxOpenConns
	}
	pool := sql.OpenDB(c)
	pool.SetMaxOpenConns(maxOpen)
	pool.SetMaxIdleConns(maxOpen)
	pool.SetConnMaxLifetime(connMaxLifetime)
	db.writer = sqlx.NewDb(pool, "mysql")
	db.reader = db.writer
	return nil
}

// Dialect of the database.
func (db *DB) Dialect() dialect.Dialect { return db.source.dialect }

// Statements is how many statements went to the database so far, BEGIN, COMMIT and ROLLBACK included;
// migrations and what a connection sets at its start are not counted.
func (db *DB) Statements() uint64 { return db.statements.Load() }

// Stats are those of the pool that writes, for metrics.
func (db *DB) Stats() sql.DBStats { return db.writer.Stats() }

// Ping dials and tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	return db.call(ctx, func(ctx context.Context) error { return db.writer.PingContext(ctx) })
}

// Close ends all connections. Calls after it answer fault.ErrUnavailable.
func (db *DB) Close() error {
	err := db.writer.Close()
	if db.reader != db.writer {
		err = errors.Join(err, db.reader.Close())
	}
	return err
}

// Get reads one row into dest, a pointer to a struct with db tags or to a single value. No row is
// sql.ErrNoRows.
func (db *DB) Get(ctx context.Context, dest any, query string, args ...any) error {
	db.statements.Add(1)
	return db.call(ctx, func(ctx context.Context) error { return db.reader.GetContext(ctx, dest, query, args...) })
}

// Select reads all rows into dest, a pointer to a slice. No row is an empty slice.
func (db *DB) Select(ctx context.Context, dest any, query string, args ...any) error {
	db.statements.Add(1)
	return db.call(ctx, func(ctx context.Context) error { return db.reader.SelectContext(ctx, dest, query, args...) })
}

// Exec runs one statement as a transaction of its own, again after a lock conflict as InTx does.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = db.call(ctx, func(ctx context.Context) error {
		return retried(ctx, func() error {
			db.statements.Add(1)
			result, err = db.writer.ExecContext(ctx, query, args...)
			return err
		})
	})
	return result, err
}

// call gives fn a deadline and sorts its error.
func (db *DB) call(ctx context.Context, fn func(ctx context.Context) error) error {
	bounded, cancel := ctx, context.CancelFunc(func() {})
	if _, ok := ctx.Deadline(); !ok {
		bounded, cancel = context.WithTimeout(ctx, callTimeout)
	}
	defer cancel()
	err := fn(bounded)
	if dialect.IsUnmigrated(err) {
		return fault.ErrUnavailable.Because(err) // services may start before the Job that migrates
	}
	return classify(ctx, err)
}
