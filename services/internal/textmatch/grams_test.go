// SPDX-License-Identifier: Apache-2.0

package textmatch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/textmatch"
)

func TestGrams(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"海上":   {"海", "海上", "上"},
		"v1.2": {"\x02v1", "v1.", "1.2", "\x022\x03"},
		"a Bc": {"\x02a\x03", "a b", " bc", "\x02bc"},
		"k8s部": {"\x02k8", "k8s", "s部", "部"},
		"":     {},
	} {
		slices.Sort(want)
		if diff := cmp.Diff(want, textmatch.Grams(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// An index that is asked for all grams of a query offers every text that matches.
func FuzzGramsOfferEveryMatch(f *testing.F) {
	for _, c := range [][2]string{
		{"上海", "我家在上海东边。"},
		{"k8s部署", "今晚K8s部署到v1.2.3"},
		{"jo", "the john"},
		{"a", "a b"},
		{`"a b"`, "x a  b"},
		{`"a"`, "b a"},
		{"#1", "x #1y"},
		{`"."`, "a.b"},
		{"é", "e\u0301"},
		{"l", "Li Wei"},
		{"張 三", "張三"},
		{`"ab."`, "ab."},
	} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, typed, text string) {
		q, err := textmatch.Parse(typed)
		if err != nil {
			return
		}
		for _, text := range []string{text, text + typed, typed + " " + text, strings.ReplaceAll(typed, `"`, "") + text} {
			if _, ok := q.Match(text); ok {
				offered(t, typed, text, q.Grams(), textmatch.Grams(text))
			}
			if _, ok := q.MatchName(text); ok {
				offered(t, typed, text, q.NameGrams(), textmatch.NameGrams(text))
			}
		}
	})
}

func offered(t *testing.T, typed, text string, asked, filed []string) {
	t.Helper()
	for _, gram := range asked {
		if _, found := slices.BinarySearch(filed, gram); !found {
			t.Fatalf("%q matches %q, which is not filed under %q", typed, text, gram)
		}
	}
}
