// SPDX-License-Identifier: Apache-2.0

//go:build failpoints

package outbox_test

import (
	"errors"
	"io/fs"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

// Not parallel: the failpoint is one for the process.
func TestF3_EventsComeTwiceIfTheRelayDiesBetweenConfirmAndDelete(t *testing.T) {
	t.Cleanup(func() { failpoint.Set(failpoint.AfterConfirm, nil) })
	sub, err := fs.Sub(testdata, "testdata")
	if err != nil {
		t.Fatal(err)
	}
	db := sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sub)
	var hits atomic.Int32
	failpoint.Set(failpoint.AfterConfirm, func() error {
		if hits.Add(1) == 1 {
			return errors.New("died")
		}
		return nil
	})
	event := newEvents(1, created, oldMS, "twice")
	commit(t, db, event...)
	var b recorder
	start(t, outbox.Options{DB: db, Publisher: &b})
	eventually(t, "the row is gone", func() bool { return left(t, db) == 0 })
	if _, got := b.published(); got[event[0].GetEventId()] < 2 {
		t.Errorf("got %v", got)
	}
}
