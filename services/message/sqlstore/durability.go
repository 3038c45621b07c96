// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// Levels of durability, as a status shows them.
const (
	Durable = "Durable" // a commit survives a crash of the database's machine
	Weak    = "Weak"    // the last second may be lost
)

// Durability is what the settings of the database promise for a commit.
type Durability struct {
	Level string `json:"level"`
	// FlushLogAtCommit is innodb_flush_log_at_trx_commit, and SyncBinlog sync_binlog; 0 on SQLite, which
	// is always opened with synchronous FULL.
	FlushLogAtCommit int64 `json:"innodb_flush_log_at_trx_commit" db:"flush_log"`
	SyncBinlog       int64 `json:"sync_binlog" db:"sync_binlog"`
	LogBin           int64 `json:"log_bin" db:"log_bin"`
}

// ReadDurability reads the settings. Weak ones are to be shown, never a reason to refuse.
func ReadDurability(ctx context.Context, db *sqldb.DB) (Durability, error) {
	d := Durability{Level: Durable}
	if db.Dialect() == dialect.SQLite {
		return d, nil
	}
	err := db.Get(ctx, &d, "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit AS flush_log,"+
		" @@GLOBAL.sync_binlog AS sync_binlog, @@GLOBAL.log_bin AS log_bin")
	if err != nil {
		return d, fmt.Errorf("read durability: %w", err)
	}
	if d.FlushLogAtCommit != 1 || d.LogBin == 1 && d.SyncBinlog != 1 {
		d.Level = Weak
	}
	return d, nil
}
