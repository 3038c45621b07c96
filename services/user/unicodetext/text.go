// SPDX-License-Identifier: Apache-2.0

// Package unicodetext folds names with the tables of golang.org/x/text.
//
// It has no state and is safe for concurrent use. Folded keys are stored: a newer version of the tables
// changes the keys of new accounts only, for the few characters that it defines anew.
package unicodetext

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Text implements the port of the same name.
type Text struct{}

// Compose is normalization form C.
func (Text) Compose(text string) string { return norm.NFC.String(text) }

// Fold maps full-width, half-width, decomposed and upper-case spellings, and Latin letters with accents,
// to one text. Apostrophes go, runs of space become one space, and none stays between two characters of
// scripts that write without spaces.
func (Text) Fold(text string) string {
	folded := cases.Fold().String(norm.NFKC.String(text))
	folded = norm.NFKC.String(withoutLatinAccents(folded))
	return joinWords(strings.Fields(strings.Map(withoutApostrophes, folded)))
}

func withoutApostrophes(r rune) rune {
	if strings.ContainsRune("'\u2018\u2019\u02bc\u0060", r) {
		return -1
	}
	return r
}

func joinWords(words []string) string {
	var joined strings.Builder
	last := utf8.RuneError
	for i, word := range words {
		first, _ := utf8.DecodeRuneInString(word)
		if i > 0 && (!isCJK(last) || !isCJK(first)) {
			joined.WriteByte(' ')
		}
		joined.WriteString(word)
		last, _ = utf8.DecodeLastRuneInString(word)
	}
	return joined.String()
}

func isCJK(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
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
