// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/parley-chat/parley/services/internal/dialect"
)

// Locks of MySQL live per server and per connection: the name takes the schema in, hashed because MySQL
// allows 64 characters, and the connection is kept for as long as the lock.
const (
	takeLock    = "SELECT GET_LOCK(CONCAT('parley.', MD5(CONCAT(COALESCE(DATABASE(), ''), '.', ?))), ?)"
	releaseLock = "SELECT RELEASE_LOCK(CONCAT('parley.', MD5(CONCAT(COALESCE(DATABASE(), ''), '.', ?))))"
)

// Exclusive runs fn if no other process of the same schema is inside Exclusive with the same name; ran is
// false when one is. A connection that breaks meanwhile releases the lock without telling fn, so fn must
// be safe to run twice at once. On SQLite there is one process, and fn always runs.
func (db *DB) Exclusive(ctx context.Context, name string, fn func(ctx context.Context) error) (ran bool, err error) {
	if db.Dialect() == dialect.SQLite {
		return true, fn(ctx)
	}
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return false, classify(ctx, err)
	}
	defer conn.Close()
	locked, err := db.lock(ctx, conn, name, 0)
	if err != nil || !locked {
		return false, classify(ctx, err)
	}
	defer db.unlock(ctx, conn, name)
	return true, fn(ctx)
}

func (db *DB) lock(ctx context.Context, conn *sql.Conn, name string, seconds int) (bool, error) {
	db.statements.Add(1)
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, takeLock, name, seconds).Scan(&got); err != nil {
		return false, fmt.Errorf("take lock %s: %w", name, err)
	}
	return got.Int64 == 1, nil
}

// unlock works also after the caller's context has ended. If it cannot, the connection must not go back
// to the pool with the lock.
func (db *DB) unlock(ctx context.Context, conn *sql.Conn, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialTimeout)
	defer cancel()
	db.statements.Add(1)
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, releaseLock, name).Scan(&got); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}
