// SPDX-License-Identifier: Apache-2.0

package friend

import (
	"fmt"
	"log/slog"
)

const printed = "redacted"

// Phone is a number in E.164 that cannot be printed by accident; zero for none.
type Phone struct{ text string }

// PhoneOf takes what the user service answered.
func PhoneOf(e164 string) Phone { return Phone{e164} }

// Reveal gives the number, for the one answer that shows it.
func (p Phone) Reveal() string { return p.text }

// Equal compares, for tests.
func (p Phone) Equal(other Phone) bool { return p == other }

// String says "redacted".
func (Phone) String() string { return printed }

// Format says "redacted" for every verb.
func (Phone) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(printed)) }

// LogValue says "redacted".
func (Phone) LogValue() slog.Value { return slog.StringValue(printed) }
