// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/parley-chat/parley/services/file/sqlstore"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// SchemaVersion is the version of the schema that this program needs.
func SchemaVersion() (int64, error) { return sqldb.NewestMigration(sqlstore.Migrations) }
