// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"github.com/parley-chat/parley/services/internal/provider"
	"github.com/parley-chat/parley/services/speech"
)

// watched is a provider of which is remembered how it fares.
type watched struct {
	speech.Provider
	*provider.Watch
}

func watch(p speech.Provider) watched {
	return watched{p, provider.NewWatch(speech.ErrAccount, speech.ErrUnavailable)}
}

// Recognize asks the provider and remembers.
func (w watched) Recognize(ctx context.Context, p speech.Piece) (speech.Transcript, error) {
	t, err := w.Provider.Recognize(ctx, p)
	w.Note(ctx, err)
	return t, err
}
