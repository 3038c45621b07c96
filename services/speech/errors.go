// SPDX-License-Identifier: Apache-2.0

package speech

import (
	"errors"

	"github.com/parley-chat/parley/services/internal/fault"
)

// What a caller may be told.
var (
	// ErrUnavailable says that nobody reads recordings now.
	ErrUnavailable = fault.New(fault.Unavailable, "SPEECH_UNAVAILABLE", "speech cannot be read now, try again later")
	// ErrAudioUnfit says that a recording can never be read; metadata "why" is one of the Why values.
	ErrAudioUnfit = fault.New(fault.Invalid, "AUDIO_UNFIT", "the recording cannot be read")
	// ErrQuotaExceeded says that a day's budget is used up; it carries a retry time.
	ErrQuotaExceeded = fault.New(fault.Exhausted, "QUOTA_EXCEEDED", "no more speech is read today")
)

// Values of the metadata "why" of ErrAudioUnfit.
const (
	WhyFormat    = "format"    // the bytes are not what was said, or nothing that is known
	WhyTooLong   = "too_long"  //
	WhyConverter = "converter" // this server cannot convert the format
	WhyDamaged   = "damaged"   // or so says the provider
)

// Causes of an ErrUnavailable. No client sees them.
var (
	// ErrAway says that the provider did not answer, or has too much to do: it is no fault of the recording.
	ErrAway = errors.New("the provider is away")
	// ErrAccount says that the provider refuses the account, which only the operator can end.
	ErrAccount = errors.New("the provider refuses the account")
)

// ErrLater says that a voice message must come again.
var ErrLater = errors.New("the voice message must come again")

// ErrNoConverter says that nothing here reads a format.
var ErrNoConverter = errors.New("nothing here reads this format")

// ErrGone says that a voice message or its recording is no more.
var ErrGone = errors.New("the voice message is gone")

// Unfit is ErrAudioUnfit with the reason.
func Unfit(why string) *fault.Error { return ErrAudioUnfit.With("why", why) }
