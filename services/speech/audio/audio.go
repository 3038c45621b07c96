// SPDX-License-Identifier: Apache-2.0

// Package audio makes 16 kHz, mono, 16 bit of recordings.
//
// WAV is read here. All else goes through ffmpeg, where it is installed: a child that knows the format
// beforehand, so that no playlist can make it open anything, and may read its input and nothing else.
package audio

import (
	"context"
	"time"

	"github.com/parley-chat/parley/services/speech"
)

// Converter implements speech.Converter.
type Converter struct {
	// FFmpeg is the path of the program; empty: only WAV is read.
	FFmpeg string
}

// Convert makes sound.
func (c Converter) Convert(ctx context.Context, r speech.Recording, longest time.Duration) (speech.PCM, error) {
	if r.Format != speech.WAV {
		return c.run(ctx, r, longest)
	}
	sound, err := readWAV(r.Bytes, longest)
	if err == errCoded { //nolint:errorlint // a private sentinel that nobody wraps
		return c.run(ctx, r, longest)
	}
	return sound, err
}
