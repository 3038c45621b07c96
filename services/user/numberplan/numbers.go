// SPDX-License-Identifier: Apache-2.0

// Package numberplan reads phone numbers by the tables of libphonenumber.
package numberplan

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/user"
)

// Numbers implements user.Numbers.
type Numbers struct{}

// Parse takes only the form that it would write itself, so that one number has one text. Refused are
// numbers that somebody else pays for, that cost more, or that no phone in a pocket has.
func (Numbers) Parse(text string) (user.Number, error) {
	if !strings.HasPrefix(text, "+") {
		return user.Number{}, fault.InvalidField("phone", "number")
	}
	number, err := phonenumbers.Parse(text, "ZZ")
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return user.Number{}, fault.InvalidField("phone", "number")
	}
	if phonenumbers.Format(number, phonenumbers.E164) != text {
		return user.Number{}, fault.InvalidField("phone", "number")
	}
	switch phonenumbers.GetNumberType(number) { //nolint:exhaustive // all others are phones that may get a message
	case phonenumbers.PREMIUM_RATE, phonenumbers.TOLL_FREE, phonenumbers.SHARED_COST, phonenumbers.VOIP,
		phonenumbers.PAGER, phonenumbers.UAN, phonenumbers.VOICEMAIL:
		return user.Number{}, fault.InvalidField("phone", "kind")
	}
	country := phonenumbers.GetRegionCodeForNumber(number)
	if len(country) != 2 { // satellites and other networks that belong to no country
		return user.Number{}, fault.InvalidField("phone", "kind")
	}
	return user.Number{Phone: user.PhoneOf(text), Country: country}, nil
}
