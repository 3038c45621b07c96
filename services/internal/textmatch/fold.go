// SPDX-License-Identifier: Apache-2.0

package textmatch

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// class of a folded character.
type class uint8

const (
	separator class = iota // white space and punctuation
	letter                 // of a word: letters, digits and their marks
	single                 // stands for itself: Han, kana, Hangul, emoji
)

// folded is a text as it is compared. Character i comes from the code points from[i] to to[i] of the
// original text.
type folded struct {
	chars    []rune
	classes  []class
	from, to []int
}

// fold brings a text into the form that is compared.
func fold(text string) folded {
	f := folded{
		chars: make([]rune, 0, len(text)), classes: make([]class, 0, len(text)),
		from: make([]int, 0, len(text)), to: make([]int, 0, len(text)),
	}
	var parts norm.Iter
	parts.InitString(norm.NFKC, text)
	for at := 0; !parts.Done(); {
		start := parts.Pos()
		plain := parts.Next()
		end := at + utf8.RuneCountInString(text[start:parts.Pos()])
		f.add(plain, at, end)
		at = end
	}
	return f
}

// add folds one composed piece of the text, the code points from at to end.
func (f *folded) add(plain []byte, at, end int) {
	latin := false
	for _, r := range string(plain) {
		r = unicode.ToLower(r)
		if latin = unicode.Is(unicode.Latin, r) || latin && unicode.Is(unicode.Mn, r); !latin {
			f.put(r, at, end)
			continue
		}
		for _, r := range norm.NFD.String(string(r)) {
			if !unicode.Is(unicode.Mn, r) {
				f.put(r, at, end)
			}
		}
	}
}

// put adds one character, or none. White space becomes one blank.
func (f *folded) put(r rune, at, end int) {
	if dropped(r) {
		return
	}
	kind := classOf(r)
	if unicode.IsSpace(r) {
		r = ' '
		if last := len(f.chars) - 1; last >= 0 && f.chars[last] == ' ' {
			f.to[last] = end
			return
		}
	}
	f.chars, f.classes = append(f.chars, r), append(f.classes, kind)
	f.from, f.to = append(f.from, at), append(f.to, end)
}

// dropped are characters that nobody types to find something: apostrophes and what cannot be seen.
func dropped(r rune) bool {
	switch r {
	case '\'', '\u2018', '\u2019', '\u02bc', '\u02b9':
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector)
}

// prolonged marks belong to kana, though Unicode counts them to no script.
const prolonged = '\u30fc'

func classOf(r rune) class {
	switch {
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.So), r == prolonged:
		return single
	case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
		return letter
	default:
		return separator
	}
}

// closeUp drops the blanks between characters that are written without: the name 张 三 is also 张三.
func (f *folded) closeUp() {
	kept := 0
	for i := range f.chars {
		inside := i > 0 && i < len(f.chars)-1
		if f.chars[i] == ' ' && inside && f.classes[i-1] == single && f.classes[i+1] == single {
			continue
		}
		f.chars[kept], f.classes[kept], f.from[kept], f.to[kept] = f.chars[i], f.classes[i], f.from[i], f.to[i]
		kept++
	}
	f.chars, f.classes, f.from, f.to = f.chars[:kept], f.classes[:kept], f.from[:kept], f.to[:kept]
}

// begins tells whether no word goes on over the start of character i.
func (f *folded) begins(i int) bool {
	return i == 0 || i >= len(f.chars) || f.classes[i-1] != letter || f.classes[i] != letter
}
