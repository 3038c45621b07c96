// SPDX-License-Identifier: Apache-2.0

// Package unicodetext folds names with the tables of golang.org/x/text.
//
// It has no state and is safe for concurrent use. Folded keys are stored: a newer version of the tables
// changes the keys of new accounts only, for the few characters that it defines anew.
package unicodetext

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Text implements the port of the same name.
type Text struct{}

// Compose is normalization form C.
func (Text) Compose(text string) string { return norm.NFC.String(text) }

// Fold maps full-width, half-width, decomposed and upper-case spellings, and Latin letters with accents,
// to one text; runs of space become one space.
func (Text) Fold(text string) string {
	folded := cases.Fold().String(norm.NFKC.String(text))
	folded = norm.NFKC.String(withoutLatinAccents(folded))
	return strings.Join(strings.Fields(folded), " ")
}

// withoutLatinAccents drops marks that stand on a Latin letter. On other letters a mark makes another
// letter (й, が), or is the vowel.
func withoutLatinAccents(text string) string {
	latin := false
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			if latin {
				return -1
			}
			return r
		}
		latin = unicode.Is(unicode.Latin, r)
		if r == 'đ' { // has no decomposition, and is typed as d
			return 'd'
		}
		return r
	}, norm.NFKD.String(text))
}
