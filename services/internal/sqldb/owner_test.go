// SPDX-License-Identifier: Apache-2.0

package sqldb_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

func TestTheOwnerOfASchemaIsWrittenDown(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t, sqldbtest.CreateSchema(t, "owner"), nil)
	for _, step := range []struct {
		name string
		do   func(ctx context.Context) error
		want sqldb.Owner
	}{
		{"nobody yet", func(context.Context) error { return nil }, sqldb.Owner{}},
		{"a person makes the table", func(ctx context.Context) error { return db.Take(ctx, "") }, sqldb.Owner{}},
		{"a cluster", func(ctx context.Context) error { return db.Take(ctx, "a") }, sqldb.Owner{ClusterUID: "a"}},
		{"a change begins", func(ctx context.Context) error { return db.MarkChange(ctx, 7) }, sqldb.Owner{ClusterUID: "a", Changing: 7}},
		{"a person changes no owner", func(ctx context.Context) error { return db.Take(ctx, "") }, sqldb.Owner{ClusterUID: "a", Changing: 7}},
		{"the change ends", func(ctx context.Context) error { return db.MarkChange(ctx, 0) }, sqldb.Owner{ClusterUID: "a"}},
		{"another cluster", func(ctx context.Context) error { return db.Take(ctx, "b") }, sqldb.Owner{ClusterUID: "b"}},
	} {
		if err := step.do(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		got, err := db.Owner(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got.ClusterUID != "" && got.Age > time.Minute {
			t.Errorf("%s: age %s", step.name, got.Age)
		}
		got.Age = 0
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
	for uid, want := range map[string]bool{"a": false, "b": true} {
		if got, err := db.Beat(t.Context(), uid); err != nil || got != want {
			t.Errorf("a sign of life of %s: %t, %v", uid, got, err)
		}
	}
}

func TestWhoWaitsForALockGetsItsTurn(t *testing.T) {
	t.Parallel()
	dsn := sqldbtest.CreateSchema(t, "turn")
	holder, waiter := sqldbtest.Open(t, dsn, nil), sqldbtest.Open(t, dsn, nil)
	var waiting sync.WaitGroup
	order := make(chan string, 2)
	err := holder.ExclusiveWithin(t.Context(), "x", time.Second, func(ctx context.Context) error {
		begun := waiter.Statements()
		waiting.Go(func() {
			if err := waiter.ExclusiveWithin(t.Context(), "x", time.Minute, func(context.Context) error { order <- "waiter"; return nil }); err != nil {
				t.Error(err)
			}
		})
		poll := time.NewTicker(time.Millisecond)
		defer poll.Stop()
		for waiter.Statements() == begun {
			select {
			case <-poll.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		order <- "holder"
		return nil
	})
	waiting.Wait()
	if err != nil || <-order != "holder" || <-order != "waiter" {
		t.Errorf("not in turn: %v", err)
	}
}

func TestWhoWaitsTooLongIsToldSo(t *testing.T) {
	t.Parallel()
	dsn := sqldbtest.CreateSchema(t, "long")
	holder, waiter := sqldbtest.Open(t, dsn, nil), sqldbtest.Open(t, dsn, nil)
	err := holder.ExclusiveWithin(t.Context(), "x", time.Second, func(ctx context.Context) error {
		err := waiter.ExclusiveWithin(ctx, "x", 0, func(context.Context) error { t.Error("both at once"); return nil })
		if !errors.Is(err, sqldb.ErrLocked) || !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestASchemaThatNobodyHasMigratedIsUnavailable(t *testing.T) {
	t.Parallel()
	db := sqldbtest.Open(t, sqldbtest.CreateSchema(t, "empty"), nil)
	var n int
	if err := db.Get(t.Context(), &n, "SELECT COUNT(*) FROM missing"); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a read: %v", err)
	}
	err := db.InTx(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO missing VALUES (1)")
		return err
	})
	if !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a write: %v", err)
	}
}
