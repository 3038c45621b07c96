// SPDX-License-Identifier: Apache-2.0

package user

import (
	_ "embed"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
)

// Limits of a password. The bytes are bounded too, so that nobody buys hashing time with one request.
const (
	minPassword      = 8    // code points
	maxPassword      = 128  // code points
	maxPasswordBytes = 1024 // bytes
)

// commonStems are the words, names, keyboard walks and product words that people build passwords
// from, one a line.
//
//go:embed common_stems.txt
var commonStems string

// commonEndings are what people put behind them; the empty line is one of them.
//
//go:embed common_endings.txt
var commonEndings string

// Passwords is the policy: what may be a password. It is safe for concurrent use.
type Passwords struct{ common map[string]struct{} }

// commonPasswords is built once for all services of a process: it is large, and never changes.
var commonPasswords = sync.OnceValue(buildCommon) //nolint:gochecknoglobals // as a constant would be

// NewPasswords is the policy of the product.
func NewPasswords() Passwords { return Passwords{common: commonPasswords()} }

// buildCommon takes every stem, alone and twice, with every ending.
func buildCommon() map[string]struct{} {
	common := map[string]struct{}{}
	endings := strings.Split(strings.TrimSuffix(commonEndings, "\n"), "\n")
	for stem := range strings.FieldsSeq(commonStems) {
		for _, ending := range endings {
			for _, word := range []string{stem + ending, stem + stem + ending} {
				if utf8.RuneCountInString(word) >= minPassword {
					common[unleet(word)] = struct{}{}
				}
			}
		}
	}
	return common
}

// Len is the number of entries in the list of common passwords that are long enough to be tried.
func (p Passwords) Len() int { return len(p.common) }

// Check applies the policy for a new password: size first, then the list of common ones, in which case
// and the usual look-alikes do not count. Characters are free, and there is no rule of composition.
func (p Passwords) Check(password, username string) error {
	if !fitsPassword(password) {
		return fault.InvalidField("password", "length")
	}
	plain := unleet(strings.ToLower(password))
	_, listed := p.common[plain]
	if listed || isRepetition(plain) || plain == unleet(username) {
		return fault.InvalidField("password", "too_common")
	}
	return nil
}

// fitsPassword is checked before any hashing.
func fitsPassword(password string) bool {
	if len(password) > maxPasswordBytes {
		return false
	}
	n := utf8.RuneCountInString(password)
	return n >= minPassword && n <= maxPassword
}

// isRepetition tells a text made of one or two characters in turn ("aaaaaaaa", "abababab").
func isRepetition(text string) bool {
	runes := []rune(text)
	for i := 2; i < len(runes); i++ {
		if runes[i] != runes[i-2] {
			return false
		}
	}
	return true
}

// unleet maps the usual look-alikes to one form, for the comparison only.
func unleet(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '0':
			return 'o'
		case '1', '!', '|':
			return 'i'
		case '3':
			return 'e'
		case '4', '@':
			return 'a'
		case '5', '$':
			return 's'
		default:
			return r
		}
	}, text)
}
