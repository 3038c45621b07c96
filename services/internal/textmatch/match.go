// SPDX-License-Identifier: Apache-2.0

package textmatch

import (
	"cmp"
	"slices"
)

// Span is a part of a text that matched: the code points from Start to before End.
type Span struct{ Start, End int }

// maxSpans bounds the marks of one text. Chosen; no evidence.
const maxSpans = 100

// Match tells whether all of the query is in text, and where: spans in order that do not overlap, the
// first hundred of each term.
func (q Query) Match(text string) ([]Span, bool) {
	return q.match(fold(text), 2)
}

// MatchName is Match for the name of a person or a group: blanks between characters that are written
// without do not count, and a word matches from its first character on.
func (q Query) MatchName(name string) ([]Span, bool) {
	f := fold(name)
	f.closeUp()
	return q.match(f, 1)
}

// match finds all terms; shortest is the length from which the beginning of a word is enough.
func (q Query) match(f folded, shortest int) ([]Span, bool) {
	var spans []Span
	for _, t := range q.terms {
		found := t.find(f, shortest)
		if len(found) == 0 {
			return nil, false
		}
		spans = append(spans, found...)
	}
	return merge(spans), len(q.terms) > 0
}

// find gives the places of one term.
func (t term) find(f folded, shortest int) []Span {
	var found []Span
	size := len(t.chars)
	for i := 0; i+size <= len(f.chars) && len(found) < maxSpans; i++ {
		if slices.Equal(f.chars[i:i+size], t.chars) && t.fits(f, i, shortest) {
			found = append(found, Span{f.from[i], f.to[i+size-1]})
			i += size - 1
		}
	}
	return found
}

// fits tells whether a term that stands at i may count there.
func (t term) fits(f folded, i, shortest int) bool {
	switch size := len(t.chars); {
	case t.anywhere:
		return true
	case t.exact, size < shortest:
		return f.begins(i) && f.begins(i+size)
	default:
		return f.begins(i)
	}
}

// merge sorts spans and joins those that overlap or touch.
func merge(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	kept := spans[:0]
	for _, s := range spans {
		if last := len(kept) - 1; last >= 0 && s.Start <= kept[last].End {
			kept[last].End = max(kept[last].End, s.End)
			continue
		}
		kept = append(kept, s)
	}
	return kept
}
