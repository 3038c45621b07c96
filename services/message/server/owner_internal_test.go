// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

func TestTheOwnerGivesSignsOfLife(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t, sqldbtest.CreateSchema(t, "owner"), nil)
	if err := db.Take(t.Context(), "ours"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), "UPDATE parley_owner SET heartbeat = heartbeat - 1000"); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ours := owner{db: db, uid: "ours", logger: slog.New(slog.NewTextHandler(&log, nil)), every: time.Millisecond}
	for _, name := range []string{"other", "ours"} { // a stranger's sign is none
		ours.uid = name
		_ = ours.beat(t.Context())
		found, err := db.Owner(t.Context())
		if err != nil || found.ClusterUID != "ours" || (found.Age < ownerSilent) != (name == "ours") {
			t.Errorf("after a sign of %s: %+v, %v", name, found, err)
		}
	}
	if log.Len() > 0 {
		t.Errorf("logged %s", log.String())
	}
}

// ownerSilent is an age between that of a new sign of life and that of the old one.
const ownerSilent = 500 * time.Second

func TestALostSchemaIsToldOnce(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t, sqldbtest.CreateSchema(t, "lost"), nil)
	if err := db.Take(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var log bytes.Buffer
	before := db.Statements()
	done := make(chan error, 1)
	go func() {
		done <- owner{db: db, uid: "ours", logger: slog.New(slog.NewTextHandler(&log, nil)), every: time.Millisecond}.run(ctx)
	}()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for db.Statements() < before+3 {
		select {
		case <-poll.C:
		case err := <-done:
			t.Fatalf("it ended: %v", err)
		}
	}
	cancel()
	if err := <-done; err != nil || strings.Count(log.String(), "another ChatCluster has taken the schema") != 1 {
		t.Errorf("%v, logged\n%s", err, log.String())
	}
}
