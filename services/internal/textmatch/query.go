// SPDX-License-Identifier: Apache-2.0

package textmatch

import (
	"errors"
	"slices"
	"strings"
)

// Bounds of a query.
const (
	MaxQuery = 256 // bytes
	MaxTerms = 32
)

// Errors of Parse. Each tells what to change.
var (
	ErrEmpty   = errors.New("type a word or a character to search for")
	ErrTooLong = errors.New("the text to search for is longer than 256 bytes; shorten it")
	ErrTerms   = errors.New("more than 32 words to search for; use fewer")
)

// Query is what is searched for. The zero value matches nothing.
type Query struct{ terms []term }

// term is one word or phrase, folded.
type term struct {
	chars []rune
	exact bool // in quotes: whole words only
	// anywhere: a hit may begin and end inside words.
	anywhere bool
}

// Parse reads what somebody typed. A quote that is not closed is no quote.
func Parse(typed string) (Query, error) {
	if len(typed) > MaxQuery {
		return Query{}, ErrTooLong
	}
	var q Query
	for i, piece := range splitQuotes(typed) {
		if i%2 == 1 {
			q.add(piece, true)
			continue
		}
		for word := range strings.FieldsSeq(piece) {
			q.add(word, false)
		}
	}
	switch {
	case len(q.terms) == 0:
		return Query{}, ErrEmpty
	case len(q.terms) > MaxTerms:
		return Query{}, ErrTerms
	}
	return q, nil
}

// splitQuotes gives what stands outside quotes at even places and what stands inside at odd ones.
func splitQuotes(typed string) []string {
	pieces := strings.Split(strings.NewReplacer("“", `"`, "”", `"`, "＂", `"`).Replace(typed), `"`)
	if last := len(pieces) - 1; len(pieces)%2 == 0 {
		pieces = append(pieces[:last-1], pieces[last-1]+" "+pieces[last])
	}
	return pieces
}

func (q *Query) add(typed string, exact bool) {
	f := fold(strings.TrimSpace(typed))
	if len(f.chars) == 0 {
		return
	}
	t := term{chars: f.chars, exact: exact}
	t.anywhere = !exact && (len(f.chars) >= 3 || slices.Contains(f.classes, single))
	known := func(other term) bool { return other.exact == exact && slices.Equal(other.chars, t.chars) }
	if !slices.ContainsFunc(q.terms, known) {
		q.terms = append(q.terms, t)
	}
}
