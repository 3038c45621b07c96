// SPDX-License-Identifier: Apache-2.0

// Package secret holds a string that cannot be printed.
package secret

import (
	"fmt"
	"log/slog"
)

const redacted = "redacted"

// String is a secret: every way to print it says "redacted". Reveal gives the value.
type String struct{ value string }

// New wraps a value.
func New(value string) String { return String{value} }

// Reveal gives the value, for the one call that needs it.
func (s String) Reveal() string { return s.value }

// IsZero tells an empty secret.
func (s String) IsZero() bool { return s.value == "" }

// String says "redacted".
func (String) String() string { return redacted }

// Format says "redacted" for every verb.
func (String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue says "redacted".
func (String) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText says "redacted"; JSON and YAML use it.
func (String) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText takes the value, for configuration loaders.
func (s *String) UnmarshalText(text []byte) error {
	s.value = string(text)
	return nil
}
