// SPDX-License-Identifier: Apache-2.0

// Package textmatch decides whether what somebody typed is in a text: in Chinese, Japanese, Korean, Latin
// and mixed scripts. It is the one definition of a hit. An index may only offer candidates; what is
// shown, and where it is marked, is decided here on the text as it is stored.
//
// Text and query are folded alike: compatibility forms become plain ones, so that full-width, half-width
// and decomposed letters meet; capital letters become small; Latin letters lose their accents; apostrophes
// and invisible characters are dropped.
//
//   - White space splits a query into terms. All must match, in any order.
//   - A term with Han, kana or Hangul in it matches wherever the text contains it, from one character up.
//   - Any other term matches a word that equals it, or begins with it (two characters up), or any place
//     that contains it as typed (three characters up).
//   - Quotes make an exact phrase, whole words only.
//
// There are no stop words and no stemming.
package textmatch
