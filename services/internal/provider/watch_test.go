// SPDX-License-Identifier: Apache-2.0

package provider_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/provider"
)

func TestHowTheProviderFaresIsRemembered(t *testing.T) {
	t.Parallel()
	away, refused := errors.New("no answer"), errors.New("this is not what you are asked for")
	account := fmt.Errorf("%w: wrong key", away)
	for name, row := range map[string]struct {
		answers []error
		want    component.Class
	}{
		"nobody asked":                   {nil, ""},
		"one answer":                     {[]error{nil}, component.ClassReachable},
		"two failures are bad luck":      {[]error{nil, away, away}, component.ClassReachable},
		"three are not":                  {[]error{nil, away, away, away}, component.ClassUnreachable},
		"one answer ends it":             {[]error{away, away, away, nil}, component.ClassReachable},
		"a count begins anew":            {[]error{away, away, nil, away, away}, component.ClassReachable},
		"a refusal is an answer":         {[]error{away, away, away, refused}, component.ClassReachable},
		"a refused account is told soon": {[]error{nil, account}, component.ClassAuthFailed},
		"an account that is right again": {[]error{account, nil}, component.ClassReachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := provider.NewWatch(account, away)
			for _, err := range row.answers {
				w.Note(t.Context(), err)
			}
			if got := w.Class(); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w := provider.NewWatch(account, away)
	for range 3 {
		w.Note(gone, away)
	}
	if got := w.Class(); got != "" {
		t.Errorf("callers that went away make it %q", got)
	}
}
