// SPDX-License-Identifier: Apache-2.0

package lifecycle_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/services/internal/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBroken = errors.New("broken")

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// journal collects what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

// runner waits for its end and writes it down.
func (j *journal) runner(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		j.add(name)
		return ctx.Err()
	}
}

func (j *journal) closer(name string) func(context.Context) error {
	return func(context.Context) error {
		j.add(name)
		return nil
	}
}

func TestPartsStopInReverseOrder(t *testing.T) {
	t.Parallel()
	var got journal
	group := lifecycle.New(quiet())
	group.OnStop("database", got.closer("database"))
	group.Go("relay", got.runner("relay"))
	group.OnStop("client", got.closer("client"))
	group.Go("listener", got.runner("listener"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := group.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"listener", "client", "relay", "database"}, got.lines); diff != "" {
		t.Fatal(diff)
	}
}

func TestAFailureStopsAll(t *testing.T) {
	t.Parallel()
	var got journal
	group := lifecycle.New(quiet())
	group.OnStop("database", got.closer("database"))
	group.Go("listener", func(context.Context) error { return errBroken })
	group.Go("relay", got.runner("relay"))
	err := group.Run(t.Context())
	if !errors.Is(err, errBroken) || !strings.HasPrefix(err.Error(), "listener: ") {
		t.Fatalf("got %v", err)
	}
	if strings.Count(err.Error(), "broken") != 1 {
		t.Fatalf("told twice: %v", err)
	}
	if diff := cmp.Diff([]string{"relay", "database"}, got.lines); diff != "" {
		t.Fatal(diff)
	}
}

func TestAPartThatIsDoneEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		group := lifecycle.New(quiet())
		group.Go("once", func(context.Context) error { return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		started := time.Now()
		if err := group.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(started); got != time.Minute {
			t.Fatalf("ended after %s", got)
		}
	})
}

func TestPartsSeeOnlyTheirOwnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		group := lifecycle.New(quiet())
		var seenByFirst error
		group.Go("first", func(own context.Context) error {
			<-own.Done()
			return nil
		})
		group.Go("second", func(own context.Context) error {
			<-own.Done()
			<-time.After(time.Second) // fake time: finish the work in hand
			return nil
		})
		group.OnStop("look", func(context.Context) error {
			seenByFirst = ctx.Err()
			return nil
		})
		cancel()
		if err := group.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if seenByFirst == nil {
			t.Fatal("stopped before the end")
		}
	})
}

func TestASlowPartIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var got journal
		release := make(chan struct{})
		group := lifecycle.New(slog.New(slog.NewTextHandler(&log, nil)))
		group.StopWithin(3 * time.Second)
		group.OnStop("database", func(ctx context.Context) error {
			got.add("database")
			return ctx.Err()
		})
		group.Go("stuck", func(context.Context) error { <-release; return nil })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		started := time.Now()
		err := group.Run(ctx)
		if err == nil || !strings.Contains(err.Error(), "stop stuck: did not stop in time") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(started); took != 3*time.Second {
			t.Errorf("took %s", took)
		}
		if len(got.lines) != 1 {
			t.Error("what comes after the stuck part was left out")
		}
		if !strings.Contains(log.String(), "part=stuck") {
			t.Errorf("logged %q", log.String())
		}
		close(release)
		synctest.Wait()
	})
}

func TestTroubleWhileStoppingIsTold(t *testing.T) {
	t.Parallel()
	group := lifecycle.New(quiet())
	group.OnStop("pool", func(context.Context) error { return errBroken })
	group.Go("relay", func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("row left behind")
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := group.Run(ctx)
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "stop relay: row left behind") {
		t.Fatalf("got %v", err)
	}
}

func TestAnEmptyGroupWaitsForItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := lifecycle.New(quiet()).Run(ctx); err != nil {
		t.Fatal(err)
	}
}
