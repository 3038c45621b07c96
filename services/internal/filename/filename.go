// SPDX-License-Identifier: Apache-2.0

// Package filename makes the names that people give their files safe to keep, to show and to save under.
//
// A name is for people only. No path, key or type is ever made of one.
package filename

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxBytes is the longest name, in UTF-8: what file systems take.
const MaxBytes = 255

// maxExtension is the longest end of a name that a cut leaves alone. Longer ones are no extensions.
const maxExtension = 32

// unnamed is the name of what has none.
const unnamed = "file"

// Clean is a name as it is kept: composed (NFC), the last element of a path, without control characters and
// without those that turn the direction of text, at most MaxBytes long with its extension kept. Clean of a
// clean name is the name. What is empty then, or only dots, is called "file".
func Clean(name string) string {
	name = strings.Map(keep, strings.ToValidUTF8(name, string(utf8.RuneError)))
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = cut(strings.TrimSpace(norm.NFC.String(name)))
	if strings.Trim(name, ". ") == "" {
		return unnamed
	}
	return name
}

// keep drops a character by answering a negative one.
func keep(r rune) rune {
	switch {
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return -1
	case r == '\u2028', r == '\u2029', r == '\ufeff': // ends of lines and paragraphs, byte order mark
		return -1
	case r >= 0xfff9 && r <= 0xfffb: // annotations that are not shown
		return -1
	default:
		return r
	}
}

// cut shortens what stands before the extension, at the begin of a character.
func cut(name string) string {
	if len(name) <= MaxBytes {
		return name
	}
	extension := path.Ext(name)
	if len(extension) > maxExtension {
		extension = ""
	}
	stem := name[:MaxBytes-len(extension)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	// A character whose marks are cut off would be another one.
	if next, _ := utf8.DecodeRuneInString(name[len(stem):]); unicode.Is(unicode.M, next) || next == '\u200d' {
		stem = stem[:max(0, norm.NFC.LastBoundary([]byte(stem)))]
	}
	return strings.TrimRightFunc(stem, unicode.IsSpace) + extension
}
