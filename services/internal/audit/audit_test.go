// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/internal/audit"
)

func TestAReasonIsWhatSomebodyWrote(t *testing.T) {
	t.Parallel()
	for reason, ok := range map[string]bool{
		"": false, "  \t": false, " spam ": true, "two\nlines": true, "a\u202eb": false, "a\u0000b": false,
		strings.Repeat("好", 300): true, strings.Repeat("好", 301): false, strings.Repeat("🙂", 300): false,
	} {
		if got, err := audit.CheckReason(reason); (err == nil) != ok || got != strings.TrimSpace(got) {
			t.Errorf("%q: %q, %v", reason, got, err)
		}
	}
}

func TestAnEntryIsCompletedAndItsOriginBounded(t *testing.T) {
	t.Parallel()
	e := audit.New(audit.Entry{At: 5, Action: "x"}, audit.Origin{Address: "2001:db8::1", RequestID: strings.Repeat("é", 99)})
	if e.ID.IsZero() || e.At != 5 || e.Address != "2001:db8::1" || len(e.RequestID) != 64 {
		t.Errorf("entry %+v", e)
	}
}

func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	for wish, want := range map[int]int{-1: 50, 0: 50, 1: 1, 100: 100, 101: 100} {
		if got := audit.PageSize(wish); got != want {
			t.Errorf("a page of %d for %d, want %d", got, wish, want)
		}
	}
}
