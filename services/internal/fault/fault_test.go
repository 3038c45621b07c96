// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
)

func TestACopyWithFactsIsTheSameError(t *testing.T) {
	t.Parallel()
	sentinel := fault.New(fault.Exhausted, "RATE_LIMITED", "wait")
	err := fmt.Errorf("check limit: %w", sentinel.With("limit", "sends").After(2*time.Second))
	if !errors.Is(err, sentinel) {
		t.Fatal("the wrapped copy is not the sentinel")
	}
	got, ok := fault.Of(err)
	if !ok || got.Metadata()["limit"] != "sends" || got.RetryAfter() != 2*time.Second {
		t.Fatalf("facts are lost: %+v", got)
	}
	if len(sentinel.Metadata()) != 0 || sentinel.RetryAfter() != 0 {
		t.Fatal("a copy changed the sentinel")
	}
}

func TestTheCauseIsForLogsOnly(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial tcp 10.0.0.7:3306")
	err := fault.ErrUnavailable.Because(cause)
	if !errors.Is(err, cause) || !errors.Is(err, fault.ErrUnavailable) {
		t.Fatal("chain is broken")
	}
	if got := err.Text(); got != fault.ErrUnavailable.Text() {
		t.Fatalf("text shows the cause: %q", got)
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"an unknown error is internal":   {errors.New("boom"), fault.Internal},
		"a wrapped fault keeps its kind": {fmt.Errorf("read: %w", fault.InvalidField("seq", "gte")), fault.Invalid},
		"two reasons are different":      {fault.New(fault.NotFound, "NOT_FOUND", "not found"), fault.NotFound},
	} {
		if got := fault.KindOf(row.err); got != row.want {
			t.Errorf("%s: got %d, want %d", name, got, row.want)
		}
	}
}
