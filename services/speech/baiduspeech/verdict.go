// SPDX-License-Identifier: Apache-2.0

package baiduspeech

import (
	"fmt"
	"time"

	"github.com/parley-chat/parley/services/speech"
)

// Numbers of errors, as the vendor documents them.
const (
	errParameter      = 3300
	errUnclear        = 3301 // nothing that sounds like speech
	errAuthentication = 3302 // or the account may not use this
	errBusyInside     = 3303
	errConcurrency    = 3304
	errDailyQuota     = 3305
	errRecognition    = 3307
	errTooLong        = 3308
	errAudioData      = 3309
	errTooLarge       = 3310
	errRate           = 3311
	errFormat         = 3312
	errServerTimeout  = 3313
	errTooShort       = 3314
	errDecode         = 3315
	errConversion     = 3316
)

// The vendor counts days in this zone.
const (
	zoneName   = "UTC+8"
	zoneOffset = 8 * 60 * 60
)

// verdict maps the vendor's answer. The serial number lets the vendor find the call; it names nobody.
func (p *Provider) verdict(a answer, language string) (speech.Transcript, error) {
	cause := fmt.Errorf("baidu answers error %d, serial %.64q", a.Number, a.Serial)
	switch a.Number {
	case 0:
		if len(a.Result) == 0 {
			return speech.Transcript{}, nil
		}
		return speech.Transcript{Text: a.Result[0], Language: languageOf(p.model(language))}, nil
	case errUnclear:
		return speech.Transcript{}, nil
	case errParameter, errTooLong, errAudioData, errTooLarge, errRate, errFormat, errTooShort, errConversion:
		return speech.Transcript{}, speech.Unfit(speech.WhyDamaged).Because(cause)
	case errDailyQuota:
		return speech.Transcript{}, speech.ErrQuotaExceeded.After(untilTomorrow(p.o.Now())).Because(cause)
	case errAuthentication:
		return speech.Transcript{}, speech.ErrUnavailable.Because(fmt.Errorf("%w: %w", speech.ErrAccount, cause))
	case errConcurrency:
		return speech.Transcript{}, speech.ErrUnavailable.Because(fmt.Errorf("%w: %w", speech.ErrAway, cause))
	case errBusyInside, errRecognition, errServerTimeout, errDecode:
		return speech.Transcript{}, speech.ErrUnavailable.Because(cause)
	default:
		return speech.Transcript{}, speech.ErrUnavailable.Because(cause)
	}
}

// untilTomorrow is how long the vendor's day still lasts.
func untilTomorrow(now time.Time) time.Duration {
	local := now.In(time.FixedZone(zoneName, zoneOffset))
	year, month, today := local.Date()
	return time.Date(year, month, today+1, 0, 0, 0, 0, local.Location()).Sub(local)
}
