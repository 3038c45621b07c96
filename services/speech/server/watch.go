// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"sync"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/speech"
)

// failures in a row are more than bad luck. Chosen.
const failures = 3

// watched remembers how the provider fares, for /statusz: it is never asked for the status alone, because
// every question may cost money.
type watched struct {
	speech.Provider

	mu     sync.Mutex // guards what follows
	failed int        // in a row
	class  component.Class
}

// Recognize asks the provider and remembers.
func (w *watched) Recognize(ctx context.Context, p speech.Piece) (speech.Transcript, error) {
	t, err := w.Provider.Recognize(ctx, p)
	if errors.Is(ctx.Err(), context.Canceled) {
		return t, err // nobody waited for the answer
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case errors.Is(err, speech.ErrAccount):
		w.class = component.ClassAuthFailed
	case errors.Is(err, speech.ErrUnavailable):
		if w.failed++; w.failed >= failures {
			w.class = component.ClassUnreachable
		}
	default: // a refused recording shows that it answers
		w.failed, w.class = 0, component.ClassReachable
	}
	return t, err
}

// Class is how the provider fared last; empty before the first recording.
func (w *watched) Class() component.Class {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.class
}
