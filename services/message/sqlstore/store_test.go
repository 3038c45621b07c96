// SPDX-License-Identifier: Apache-2.0

package sqlstore_test

import (
	"testing"

	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
	"github.com/parley-chat/parley/services/message/messagetest"
	"github.com/parley-chat/parley/services/message/sqlstore"
)

func TestStore(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, sqlstore.Migrations, func(t *testing.T, db *sqldb.DB) {
		t.Helper()
		messagetest.TestStore(t, sqlstore.New(db))
	})
}
