// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/provider"
	"github.com/parley-chat/parley/services/speech"
)

// watched is a provider of which is remembered how it fares.
type watched struct {
	speech.Provider
	*provider.Watch
	// lacks a program, without which most recordings are not read.
	lacks bool
}

func watch(p speech.Provider) watched {
	return watched{Provider: p, Watch: provider.NewWatch(speech.ErrAccount, speech.ErrUnavailable)}
}

// Recognize asks the provider and remembers.
func (w watched) Recognize(ctx context.Context, p speech.Piece) (speech.Transcript, error) {
	t, err := w.Provider.Recognize(ctx, p)
	w.Note(ctx, err)
	return t, err
}

// Class is how the provider fared last; empty before the first recording. A missing program comes before what works
// without it.
func (w watched) Class() component.Class {
	class := w.Watch.Class()
	if w.lacks && (class == "" || class == component.ClassReachable) {
		return component.ClassProgramMissing
	}
	return class
}
