// SPDX-License-Identifier: Apache-2.0

package speech

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxText of a transcript in characters, as of any message.
const maxText = 8000

// Transcript is what was understood; an empty text: nothing was.
type Transcript struct {
	Text string
	// Language is a BCP 47 tag; empty if the provider does not tell.
	Language string
	// Confidence from 0 to 1; 0 if the provider does not tell.
	Confidence float64
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)

// IsLanguage tells a BCP 47 tag of a form that providers understand.
func IsLanguage(tag string) bool { return languageTag.MatchString(tag) }

// clean makes what a provider says fit to be stored: it is input like any other.
func (t Transcript) clean() Transcript {
	text := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return -1
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(t.Text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxText {
		text = strings.TrimSpace(string(runes[:maxText]))
	}
	t.Text = text
	if !IsLanguage(t.Language) {
		t.Language = ""
	}
	if t.Confidence != t.Confidence || t.Confidence < 0 { // NaN
		t.Confidence = 0
	}
	t.Confidence = min(t.Confidence, 1)
	return t
}

// part is the transcript of one piece.
type part struct {
	Transcript

	length time.Duration
}

// join makes one transcript of pieces in their order. The confidence is the mean over time of what tells.
func join(parts []part) Transcript {
	var whole Transcript
	var weighed, told float64
	for _, p := range parts {
		whole.Text = joinTexts(whole.Text, p.Text)
		if whole.Language == "" {
			whole.Language = p.Language
		}
		if p.Confidence > 0 {
			weighed += p.Confidence * p.length.Seconds()
			told += p.length.Seconds()
		}
	}
	switch {
	case told > 0:
		whole.Confidence = weighed / told
	case len(parts) == 1:
		whole.Confidence = parts[0].Confidence
	}
	return whole.clean()
}

// joinTexts joins texts with a space, except between scripts that write none.
func joinTexts(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	last, _ := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	if dense(last) && dense(first) {
		return a + b
	}
	return a + " " + b
}

func dense(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFF60
}
