// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"context"
	"errors"
	"sync"

	"github.com/parley-chat/parley/api/component"
)

// failures in a row are more than bad luck. Chosen.
const failures = 3

// Watch remembers how a provider fares, for /statusz: it is never asked for the status alone, because every
// question may cost money.
type Watch struct {
	account, unavailable error

	mu     sync.Mutex // guards what follows
	failed int        // in a row
	class  component.Class
}

// NewWatch is told which error says that the provider refuses the account, and which that it gave no answer. Any
// other shows that it answers.
func NewWatch(account, unavailable error) *Watch {
	return &Watch{account: account, unavailable: unavailable}
}

// Note remembers what became of a call.
func (w *Watch) Note(ctx context.Context, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return // nobody waited for the answer
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case errors.Is(err, w.account):
		w.class = component.ClassAuthFailed
	case errors.Is(err, w.unavailable):
		if w.failed++; w.failed >= failures {
			w.class = component.ClassUnreachable
		}
	default:
		w.failed, w.class = 0, component.ClassReachable
	}
}

// Class is how the provider fared last; empty before the first call.
func (w *Watch) Class() component.Class {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.class
}
