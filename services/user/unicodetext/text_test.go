// SPDX-License-Identifier: Apache-2.0

package unicodetext_test

import (
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/parley-chat/parley/services/user/unicodetext"
)

func TestFoldMakesSpellingsMeet(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, text, want string }{
		{"case does not count", "Karl M. DAVIS", "karl m. davis"},
		{"full-width letters are letters", "Ｋａｒｌ", "karl"},
		{"half-width kana are kana", "ﾀﾛｳ", "タロウ"},
		{"a composed accent on a Latin letter goes", "Jérémie", "jeremie"},
		{"a decomposed accent on a Latin letter goes", "Je\u0301re\u0301mie", "jeremie"},
		{"several accents on one letter go", "Phạm Đức", "pham duc"},
		{"a mark on a Cyrillic letter stays", "Йод", "йод"},
		{"a voiced kana stays", "がく", "がく"},
		{"Hangul stays composed", "천재", "천재"},
		{"Han characters stay", "王小明", "王小明"},
		{"sharp s meets ss", "Strauß", "strauss"},
		{"a space between Han characters goes", "田中\u3000太郎", "田中太郎"},
		{"a space between scripts stays", "田中 Taro", "田中 taro"},
		{"an ideographic space is a space", "Karl\u3000Davis", "karl davis"},
		{"apostrophes go", "O'Brien O\u2019Brien", "obrien obrien"},
		{"runs of space are one space", "a  \t b", "a b"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := (unicodetext.Text{}).Fold(row.text); got != row.want {
				t.Errorf("Fold(%q) = %q, want %q", row.text, got, row.want)
			}
		})
	}
}

func TestComposeMakesOneFormOfOneText(t *testing.T) {
	t.Parallel()
	if got := (unicodetext.Text{}).Compose("e\u0301"); got != "\u00e9" {
		t.Errorf("Compose = %q, want one code point", got)
	}
}

func FuzzComposedMeetsDecomposed(f *testing.F) {
	f.Add("Phạm Đức")
	f.Add("\u3000ﾀﾛｳ")
	f.Fuzz(func(t *testing.T, text string) {
		composed := (unicodetext.Text{}).Fold(norm.NFC.String(text))
		decomposed := (unicodetext.Text{}).Fold(norm.NFD.String(text))
		if composed != decomposed {
			t.Errorf("Fold(%q) = %q composed and %q decomposed", text, composed, decomposed)
		}
	})
}
