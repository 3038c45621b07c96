// SPDX-License-Identifier: Apache-2.0

package providertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
)

// Row is a server, and what a caller answers then; nil if all is well.
type Row struct {
	Answer http.HandlerFunc
	Want   error
}

// Suite is what whoever calls a server of others has to do: whatever goes wrong there, it calls once, answers
// soon, its error is a fault, and its text names nothing of what is confidential.
type Suite struct {
	// Call makes a caller for a server, and calls.
	Call func(ctx context.Context, t *testing.T, url string) error
	// Rows by what they are called, beside a server that is not there.
	Rows map[string]Row
	// Fault is what clients are told; Away, which is one, is the error where nobody listens.
	Fault, Away error
	// Canaries must stand in no error.
	Canaries []string
}

// Run tests them all.
func (s Suite) Run(t *testing.T) {
	t.Helper()
	for name, row := range s.Rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection is not noticed
				row.Answer(w, r)
			}))
			t.Cleanup(server.Close)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			s.check(t, s.Call(ctx, t, server.URL), row.Want)
			if calls.Load() != 1 {
				t.Errorf("%d calls, want exactly one", calls.Load())
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		s.check(t, s.Call(t.Context(), t, server.URL), s.Away)
	})
}

func (s Suite) check(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
	if err == nil {
		return
	}
	if known, ok := fault.Of(err); !ok || !errors.Is(known, s.Fault) {
		t.Errorf("%v is not %v", err, s.Fault)
	}
	text := fmt.Sprintf("%v %+v %q", err, err, err)
	for _, canary := range s.Canaries {
		if strings.Contains(text, canary) {
			t.Errorf("the error names %q: %s", canary, text)
		}
	}
}
