// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
)

// Owner is who a schema of MySQL belongs to, and whether a change of it is under way.
type Owner struct {
	// ClusterUID of the ChatCluster; empty if none has taken it.
	ClusterUID string
	// Age of the last sign of life, by the clock of the server.
	Age time.Duration
	// Changing is the version that a run wanted to reach and did not report; 0 if there is none.
	Changing int64
}

// One row per schema. Its clock is the server's: those of pods may differ.
const (
	makeOwner = "CREATE TABLE IF NOT EXISTS parley_owner (id TINYINT NOT NULL PRIMARY KEY," +
		" cluster_uid VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL," +
		" heartbeat BIGINT NOT NULL, changing BIGINT NOT NULL)"
	hasOwner   = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'parley_owner'"
	readOwner  = "SELECT cluster_uid, UNIX_TIMESTAMP() - heartbeat AS age, changing FROM parley_owner WHERE id = 1"
	firstOwner = "INSERT IGNORE INTO parley_owner (id, cluster_uid, heartbeat, changing) VALUES (1, '', 0, 0)"
	takeOwner  = "UPDATE parley_owner SET cluster_uid = ?, heartbeat = UNIX_TIMESTAMP() WHERE id = 1"
	setChange  = "UPDATE parley_owner SET changing = ? WHERE id = 1"
	beatOwner  = "UPDATE parley_owner SET heartbeat = UNIX_TIMESTAMP() WHERE id = 1 AND cluster_uid = ?"
)

// Owner reads who a schema of MySQL belongs to; the zero Owner if nobody wrote that down.
func (db *DB) Owner(ctx context.Context) (Owner, error) {
	var there int
	if err := db.Get(ctx, &there, hasOwner); err != nil || there == 0 {
		return Owner{}, err
	}
	var row struct {
		ClusterUID string `db:"cluster_uid"`
		Age        int64  `db:"age"`
		Changing   int64  `db:"changing"`
	}
	err := db.Get(ctx, &row, readOwner)
	if errors.Is(err, sql.ErrNoRows) {
		return Owner{}, nil
	}
	return Owner{ClusterUID: row.ClusterUID, Age: time.Duration(row.Age) * time.Second, Changing: row.Changing}, err
}

// Take writes the owner down; an empty uid leaves it as it is, and only makes the table.
func (db *DB) Take(ctx context.Context, uid string) error {
	for _, statement := range []string{makeOwner, firstOwner} {
		if _, err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("write the owner: %w", err)
		}
	}
	if uid == "" {
		return nil
	}
	if _, err := db.Exec(ctx, takeOwner, uid); err != nil {
		return fmt.Errorf("write the owner: %w", err)
	}
	return nil
}

// MarkChange writes down the version that a run is about to reach, and 0 once it has. Take must have run.
func (db *DB) MarkChange(ctx context.Context, version int64) error {
	_, err := db.Exec(ctx, setChange, version)
	return err
}

// Beat is a sign of life of the owner; false if the schema belongs to somebody else.
func (db *DB) Beat(ctx context.Context, uid string) (bool, error) {
	result, err := db.Exec(ctx, beatOwner, uid)
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected() // those found, not only those changed
	return rows > 0, err
}

// lockTry is how long the server waits for a lock at once; below the time that a socket waits for it.
const lockTry = 2 * time.Second

// ErrLocked is what ExclusiveWithin answers when another process held the lock all the time.
var ErrLocked = errors.New("another process holds the lock")

// ExclusiveWithin is Exclusive, but waits for its turn.
func (db *DB) ExclusiveWithin(ctx context.Context, name string, wait time.Duration, fn func(ctx context.Context) error) error {
	waiting, cancel := context.WithTimeout(ctx, wait+lockTry)
	defer cancel()
	conn, err := db.writer.Conn(waiting)
	if err != nil {
		return classify(ctx, err)
	}
	defer conn.Close()
	for {
		locked, err := db.lock(waiting, conn, name, int(lockTry/time.Second))
		switch {
		case locked:
			defer db.unlock(ctx, conn, name)
			return fn(ctx)
		case waiting.Err() != nil && ctx.Err() == nil:
			return fault.ErrUnavailable.Because(ErrLocked)
		case err != nil:
			return classify(ctx, err)
		}
	}
}
