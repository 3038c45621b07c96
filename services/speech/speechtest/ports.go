// SPDX-License-Identifier: Apache-2.0

package speechtest

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/speech"
)

// Provider answers what it is told, and remembers what it was asked. Safe for concurrent use.
type Provider struct {
	// Can is what it is able to.
	Can speech.Abilities
	// Say answers a piece; nil: a text for all.
	Say func(ctx context.Context, p speech.Piece) (speech.Transcript, error)

	mu     sync.Mutex
	pieces []speech.Piece
}

// Asked lists the pieces so far.
func (p *Provider) Asked() []speech.Piece {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]speech.Piece(nil), p.pieces...)
}

// Abilities are Can.
func (p *Provider) Abilities() speech.Abilities { return p.Can }

// Recognize remembers and answers.
func (p *Provider) Recognize(ctx context.Context, piece speech.Piece) (speech.Transcript, error) {
	p.mu.Lock()
	p.pieces = append(p.pieces, piece)
	p.mu.Unlock()
	if p.Say == nil {
		return speech.Transcript{Text: "hello", Language: "en", Confidence: 0.5}, nil
	}
	return p.Say(ctx, piece)
}

// Converter takes the bytes of a recording after its first 44 for sound.
type Converter struct{ Err error }

// Convert cuts the header off.
func (c Converter) Convert(_ context.Context, r speech.Recording, longest time.Duration) (speech.PCM, error) {
	if c.Err != nil {
		return nil, c.Err
	}
	sound := speech.PCM(r.Bytes[min(44, len(r.Bytes)):])
	if sound.Duration() > longest {
		return nil, speech.Unfit(speech.WhyTooLong)
	}
	return sound, nil
}

// Voices are the recordings and texts of voice messages. Safe for concurrent use.
type Voices struct {
	mu         sync.Mutex
	Recordings map[ids.FileID]speech.Recording
	ReadErr    error
	SetErr     error
	outcomes   []Outcome
}

// Outcome is what was stored.
type Outcome struct {
	Request    speech.Request
	State      speech.State
	Transcript speech.Transcript
}

// Read answers a recording.
func (v *Voices) Read(_ context.Context, file ids.FileID) (speech.Recording, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ReadErr != nil {
		return speech.Recording{}, v.ReadErr
	}
	r, ok := v.Recordings[file]
	if !ok {
		return speech.Recording{}, speech.ErrGone
	}
	return r, nil
}

// Set stores the first outcome of a request.
func (v *Voices) Set(_ context.Context, r speech.Request, s speech.State, t speech.Transcript) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.SetErr != nil {
		return v.SetErr
	}
	for _, o := range v.outcomes {
		if o.Request.Conversation == r.Conversation && o.Request.Seq == r.Seq && o.Request.Attempt == r.Attempt {
			return nil
		}
	}
	v.outcomes = append(v.outcomes, Outcome{r, s, t})
	return nil
}

// Fail makes storing fail with an error; nil ends that.
func (v *Voices) Fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.SetErr = err
}

// Outcomes lists what was stored.
func (v *Voices) Outcomes() []Outcome {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]Outcome(nil), v.outcomes...)
}
