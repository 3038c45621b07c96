// SPDX-License-Identifier: Apache-2.0

package textmatch

import (
	"slices"
)

// Marks of grams that are not plain pieces of text. They cannot stand in a folded text.
const (
	wordStart = '\x02'
	wordEnd   = '\x03'
)

// Grams are the keys under which an index files a text: it offers those texts that hold all grams of a
// query, which are all that match, and a few that do not. They are sorted and each is there once.
//
// A gram is a character that stands for itself, two characters in a row of which one does, three in a row
// of which none does, the first two characters of a word, or a word of one character. 海上 and v1.2 have
// 海, 上, 海上 and ␂v1, v1., 1.2, ␂1␃, ␂2␃.
func Grams(text string) []string {
	f := fold(text)
	return gramsOf(&f, false)
}

// NameGrams are Grams for MatchName, which also takes the first character of a word.
func NameGrams(name string) []string {
	f := fold(name)
	f.closeUp()
	return gramsOf(&f, true)
}

func gramsOf(f *folded, names bool) []string {
	grams := make([]string, 0, 2*len(f.chars))
	for i := range f.chars {
		grams = f.windows(grams, i)
		if f.classes[i] == letter && f.begins(i) {
			grams = append(grams, f.word(i, names)...)
		}
	}
	slices.Sort(grams)
	return slices.Compact(grams)
}

// windows appends the plain pieces that begin at i.
func (f *folded) windows(grams []string, i int) []string {
	lone := func(n int) bool { return slices.Contains(f.classes[i:i+n], single) }
	if f.classes[i] == single {
		grams = append(grams, string(f.chars[i]))
	}
	if i+2 <= len(f.chars) && lone(2) {
		grams = append(grams, string(f.chars[i:i+2]))
	}
	if i+3 <= len(f.chars) && !lone(3) {
		grams = append(grams, string(f.chars[i:i+3]))
	}
	return grams
}

// word gives the grams of the word that begins at i.
func (f *folded) word(i int, names bool) []string {
	first := string([]rune{wordStart, f.chars[i]})
	var grams []string
	if names {
		grams = append(grams, first)
	}
	if f.begins(i + 1) {
		return append(grams, first+string(wordEnd))
	}
	return append(grams, first+string(f.chars[i+1]))
}

// Grams are what a text must be filed under to match: an index asks for texts that have all of them. There
// are none if the query says nothing that an index can look up; then every text may match.
func (q Query) Grams() []string { return q.grams(2) }

// NameGrams are Grams for names, as they are filed by the function NameGrams.
func (q Query) NameGrams() []string { return q.grams(1) }

func (q Query) grams(shortest int) []string {
	var grams []string
	for _, t := range q.terms {
		grams = append(grams, t.grams(shortest)...)
	}
	slices.Sort(grams)
	return slices.Compact(grams)
}

// grams of a term: those that each text has in which the term fits.
func (t term) grams(shortest int) []string {
	f := folded{chars: t.chars, classes: make([]class, len(t.chars))}
	for i, r := range t.chars {
		f.classes[i] = classOf(r)
	}
	var grams []string
	for i := range f.chars {
		grams = f.windows(grams, i)
	}
	if t.anywhere || f.classes[0] != letter {
		return grams
	}
	first := string([]rune{wordStart, f.chars[0]})
	switch whole := t.exact || len(t.chars) < shortest; {
	case len(t.chars) > 1 && f.classes[1] == letter:
		return append(grams, first+string(f.chars[1]))
	case whole || len(t.chars) > 1:
		return append(grams, first+string(wordEnd))
	default:
		return append(grams, first)
	}
}
