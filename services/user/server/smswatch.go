// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"sync"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/user"
)

// smsFailures in a row are more than bad luck. Chosen.
const smsFailures = 3

// watchedSMS remembers how the provider fares, for /statusz: it is never asked for the status alone, because
// every question is a message that somebody pays.
type watchedSMS struct {
	provider user.SMS

	mu       sync.Mutex // guards what follows
	failures int        // in a row
	class    component.Class
}

// watch is the provider with a memory; without a provider both are nil.
func watch(provider user.SMS) (user.SMS, *watchedSMS) {
	if provider == nil {
		return nil, nil
	}
	w := &watchedSMS{provider: provider}
	return w, w
}

// Send sends and remembers.
func (w *watchedSMS) Send(ctx context.Context, m user.CodeMessage) error {
	err := w.provider.Send(ctx, m)
	if errors.Is(ctx.Err(), context.Canceled) {
		return err // nobody waited for the answer
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case errors.Is(err, user.ErrSMSAccount):
		w.class = component.ClassAuthFailed
	case errors.Is(err, user.ErrSMSUnavailable):
		if w.failures++; w.failures >= smsFailures {
			w.class = component.ClassUnreachable
		}
	default: // a refused number shows that it answers
		w.failures, w.class = 0, component.ClassReachable
	}
	return err
}

// Class is how the provider fared last; empty before the first message.
func (w *watchedSMS) Class() component.Class {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.class
}
