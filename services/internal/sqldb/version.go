// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/services/internal/dialect"
)

// NewestMigration is the version that Migrate would bring a schema to: the highest number among the
// files, 0 without any.
func NewestMigration(migrations fs.FS) (int64, error) {
	var newest int64
	err := fs.WalkDir(migrations, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".sql" {
			return err
		}
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return fmt.Errorf("migration %s has no number: %w", name, err)
		}
		newest = max(newest, version)
		return nil
	})
	return newest, err
}

// SchemaVersion is the highest migration that the schema has; 0 for one that was never migrated.
func (db *DB) SchemaVersion(ctx context.Context) (int64, error) {
	table := "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'goose_db_version'"
	if db.Dialect() == dialect.SQLite {
		table = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'"
	}
	var version int64
	if err := db.Get(ctx, &version, table); err != nil || version == 0 {
		return 0, err
	}
	err := db.Get(ctx, &version, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied = 1")
	return version, err
}
