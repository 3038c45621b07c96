// SPDX-License-Identifier: Apache-2.0

package speech

import (
	"context"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Piece is what a provider reads at once: Sound, or if that is empty, a recording in a format that the
// provider reads by itself.
type Piece struct {
	Sound     PCM
	Recording Recording
	// Length of it; of a Recording it is assumed.
	Length time.Duration
	// Language is a BCP 47 tag of what is likely spoken; may be empty.
	Language string
}

// Abilities of a provider.
type Abilities struct {
	// MaxPiece is the longest piece; 0: any length.
	MaxPiece time.Duration
	// Formats that it reads by itself beside PCM.
	Formats []Format
}

// Provider understands speech. It is safe for concurrent use.
type Provider interface {
	// Abilities never change.
	Abilities() Abilities
	// Recognize reads one piece, once. An empty text: nothing was understood. ErrAudioUnfit says that the piece
	// can never be read, ErrQuotaExceeded that the provider reads no more until its retry time; all else is
	// ErrUnavailable, because of ErrAway or ErrAccount where that is known. No error holds what was said, nor
	// a credential.
	Recognize(ctx context.Context, p Piece) (Transcript, error)
}

// Converter makes sound of recordings.
type Converter interface {
	// Convert answers the sound. ErrAudioUnfit if it is longer than longest or cannot be read, ErrNoConverter
	// if only another program could read it.
	Convert(ctx context.Context, r Recording, longest time.Duration) (PCM, error)
}

// Recordings gives voice messages.
type Recordings interface {
	// Read answers one; ErrGone if there is none, ErrAudioUnfit if it is no voice message, fault.ErrUnavailable
	// if it cannot be had now.
	Read(ctx context.Context, file ids.FileID) (Recording, error)
}

// State of the text of a voice message.
type State int

// The final states.
const (
	Done State = iota + 1
	Unsupported
	Failed
)

// Transcripts keeps texts with their messages.
type Transcripts interface {
	// Set stores the outcome of a request; again changes nothing. ErrGone if the message is no more,
	// fault.ErrUnavailable if it cannot be stored now.
	Set(ctx context.Context, r Request, s State, t Transcript) error
}
