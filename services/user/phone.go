// SPDX-License-Identifier: Apache-2.0

package user

import (
	"fmt"
	"log/slog"
)

// hidden is a text that cannot be printed by accident.
type hidden struct{ text string }

const printed = "redacted"

// Reveal gives the text, for the one call that needs it.
func (h hidden) Reveal() string { return h.text }

// IsZero tells an empty one.
func (h hidden) IsZero() bool { return h.text == "" }

// String says "redacted".
func (hidden) String() string { return printed }

// Format says "redacted" for every verb.
func (hidden) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(printed)) }

// LogValue says "redacted".
func (hidden) LogValue() slog.Value { return slog.StringValue(printed) }

// MarshalText says "redacted"; JSON uses it.
func (hidden) MarshalText() ([]byte, error) { return []byte(printed), nil }

// Phone is a number in E.164, with its plus.
type Phone struct{ hidden }

// PhoneOf takes a number that Numbers has read before.
func PhoneOf(e164 string) Phone { return Phone{hidden{e164}} }

// Equal compares, for tests.
func (p Phone) Equal(other Phone) bool { return p == other }

// prefix is the number without its last four digits: what a block of numbers has in common.
func (p Phone) prefix() string { return p.text[:max(len(p.text)-4, 0)] }

// Digits are a code as people type it.
type Digits struct{ hidden }

// DigitsOf takes what somebody typed.
func DigitsOf(text string) Digits { return Digits{hidden{text}} }

// Number is a phone number and where it belongs.
type Number struct {
	Phone   Phone
	Country string // ISO code of two letters
}
