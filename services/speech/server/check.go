// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"time"

	"github.com/parley-chat/parley/services/speech"
)

// Check has the provider read a second of silence: nothing less tells that it knows the account. Silence that cannot
// be read is an answer, too. Without a provider it does nothing.
func (c Config) Check(ctx context.Context) error {
	provider, err := c.provider()
	if err != nil || provider == nil {
		return err
	}
	_, err = provider.Recognize(ctx, speech.Piece{Sound: make(speech.PCM, speech.Bytes(time.Second)), Language: c.Language})
	if errors.Is(err, speech.ErrAudioUnfit) {
		return nil
	}
	return err
}

// IsRefused tells that a provider refuses the account.
func IsRefused(err error) bool { return errors.Is(err, speech.ErrAccount) }

// IsUsedUp tells that a provider reads no more for now.
func IsUsedUp(err error) bool { return errors.Is(err, speech.ErrQuotaExceeded) }
