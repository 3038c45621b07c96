// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/parley-chat/parley/services/internal/dialect"
)

// A transaction that loses a lock conflict runs again, up to maxRetries times, after a pause that grows
// from retryPause. One that has waited two seconds for a lock does so only once more: its caller has a
// deadline, and others wait behind it. Chosen, no evidence.
const (
	maxRetries     = 5
	maxLockRetries = 1
	retryPause     = 5 * time.Millisecond
)

// Tx is an open transaction. It belongs to one goroutine.
type Tx struct {
	db *DB
	tx *sqlx.Tx
}

// InTx runs fn in a transaction and commits if it returns nil: READ COMMITTED on MySQL, BEGIN IMMEDIATE
// on SQLite. After a deadlock or lock wait timeout the transaction is rolled back and fn runs again, at
// most five times (after a lock wait timeout once), so fn must set all its results anew on each run. After fault.ErrUnavailable the
// outcome is unknown.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return db.call(ctx, func(ctx context.Context) error {
		return retried(ctx, func() error { return db.once(ctx, fn) })
	})
}

func (db *DB) once(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) (err error) {
	db.statements.Add(1)
	inner, err := db.writer.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	committed := false
	defer func() {
		if !committed { // also when fn panics
			db.statements.Add(1)
			_ = inner.Rollback() // the error of fn or of the commit is the one that counts
		}
	}()
	if err := fn(ctx, &Tx{db: db, tx: inner}); err != nil {
		return err
	}
	committed = true // whatever it answers, a rollback has no sense after it
	db.statements.Add(1)
	return inner.Commit()
}

// retried runs fn again while it loses lock conflicts.
func retried(ctx context.Context, fn func() error) error {
	pause := retryPause
	for attempt := 0; ; attempt++ {
		err := fn()
		if !mayRetry(err, attempt) {
			return err
		}
		jitter := time.Duration(rand.Int64N(int64(pause))) //nolint:gosec // spreads retries, guards nothing
		timer := time.NewTimer(pause + jitter)
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), err)
		case <-timer.C:
		}
		pause *= 2
	}
}

func mayRetry(err error, attempt int) bool {
	if dialect.IsLockTimeout(err) {
		return attempt < maxLockRetries
	}
	return dialect.IsLockConflict(err) && attempt < maxRetries
}

// Dialect of the database.
func (tx *Tx) Dialect() dialect.Dialect { return tx.db.Dialect() }

// Get reads one row; see DB.Get.
func (tx *Tx) Get(ctx context.Context, dest any, query string, args ...any) error {
	tx.db.statements.Add(1)
	return tx.tx.GetContext(ctx, dest, query, args...)
}

// Select reads all rows; see DB.Select.
func (tx *Tx) Select(ctx context.Context, dest any, query string, args ...any) error {
	tx.db.statements.Add(1)
	return tx.tx.SelectContext(ctx, dest, query, args...)
}

// Exec runs one statement. A duplicate key is for dialect.IsDuplicate; the transaction must then end.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	tx.db.statements.Add(1)
	return tx.tx.ExecContext(ctx, query, args...)
}
