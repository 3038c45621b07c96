// SPDX-License-Identifier: Apache-2.0

package textmatch_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/internal/textmatch"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, text := range []struct {
		text string
		yes  []string
		no   []string
	}{
		{"我家在上海东边。", []string{"上海", "海"}, []string{"海上"}},
		{"我吃饭了", []string{"吃饭"}, nil},
		{"请写汉字", []string{"汉字", "汉"}, nil},
		{"我的爸爸肚子很餓", []string{"爸爸"}, nil},
		{"具体情况就需要分析了，之前抓的严", []string{"具体情况"}, nil},
		{"具体说说情况", nil, []string{"具体情况"}},
		{"还有可能是定期检修", []string{"可能"}, nil},
		{"这是一个测试", []string{"测试"}, []string{"テスト"}},
		{"日本語のテスト", []string{"テスト"}, []string{"测试"}},
		{"今天吃什么", []string{"吃什么"}, []string{"食べる"}},
		{"今日何を食べるか", []string{"食べる"}, []string{"吃什么"}},
		{"明天十点在上海开会", []string{"开会 上海", "上海\u3000开会", `"上海开会"`}, []string{`"开会 上海"`, "开会 北京"}},
		{"いちにさん", []string{"いち"}, nil},
		{"バッタと鈴虫", []string{"鈴虫", "虫"}, nil},
		{"記事へのリンクを張るテストです。", []string{"リンク"}, nil},
		{"病院は機能していない", []string{"病院"}, nil},
		{"夜なかに着く", []string{"なか"}, []string{"かな"}},
		{"번역을 부탁해", []string{"번역"}, nil},
		{"번역이 필요해", []string{"번역"}, nil},
		{"수급자의 서류", []string{"수급자"}, nil},
		{"내일 김대리 미팅 있음", []string{"김대리 미팅", "미팅 김대리"}, nil},
		{"검은 색연필", nil, []string{"검색"}},
		{"밥을 먹었다", []string{"밥", "\u1107\u1161\u11b8"}, []string{"바"}},
		{"테스트_맥.txt", []string{"테스트", "맥", "txt", ".txt"}, nil},
		{"report_final-v2.pdf", []string{"final", "v2", "pdf", "FINAL-V2"}, nil},
		{"今晚K8s部署到v1.2.3", []string{"部署", "k8s部署", "1.2.3", "k8s", "k8"}, []string{"部署k8s"}},
		{"请看report明天要", []string{"report", "rep"}, nil},
		{"ＰＡＲＬＥＹ發布", []string{"parley", "發布", "Parley發"}, nil},
		{"ﾃｽﾄを送る", []string{"テスト"}, nil},
		{"ﾃﾞｰﾀ", []string{"データ", "デ"}, []string{"テ"}},
		{"Déjà vu", []string{"deja", "DEJA", "déjà", "De\u0301ja\u0300"}, nil},
		{"please upgrade now", []string{"upg", "now please"}, []string{"pg"}},
		{"the john johnson", []string{"jo"}, []string{"hn"}},
		{"number 123", []string{"12"}, []string{"23"}},
		{"call 8855599", []string{"555"}, nil},
		{"updated it on phpMyAdmin", []string{"phpmy", "admin"}, nil},
		{"what other plans", []string{"what", "other"}, nil},
		{"the state of things", []string{"state", `"state of"`}, []string{"stateful", `"stat"`, `"tate"`}},
		{"relationship", []string{"relation"}, []string{`"relation"`}},
		{"see #foo-123", []string{"#foo-123", "foo", "123"}, nil},
		{"host 10.100.200.101 is up", []string{"10.100.200.101", "200"}, nil},
		{"https://issues.example.org/browse/MM-34082", []string{"MM-34082", "example.org"}, nil},
		{"don’t", []string{"dont", "don't", "DON'T"}, nil},
		{"a b c", []string{"a", "b"}, []string{"d"}},
		{"bad", nil, []string{"a"}},
		{"好的👍🏽", []string{"👍", "好"}, []string{"👎"}},
		{"two\u00a0 \n words", []string{`"two words"`}, nil},
		{"co\u00adope\u200brate", []string{"cooperate"}, nil},
		{"Straße", []string{"straß"}, nil},
		{"йогурт", []string{"йог"}, []string{"иог"}},
		{`he said "yes"`, []string{`"yes`, `said "yes"`}, nil},
	} {
		for _, query := range text.yes {
			if !matches(t, query, text.text) {
				t.Errorf("%q does not find %q", query, text.text)
			}
		}
		for _, query := range text.no {
			if matches(t, query, text.text) {
				t.Errorf("%q finds %q", query, text.text)
			}
		}
	}
}

func matches(t *testing.T, query, text string) bool {
	t.Helper()
	q, err := textmatch.Parse(query)
	if err != nil {
		t.Fatalf("%q: %v", query, err)
	}
	_, ok := q.Match(text)
	return ok
}

func TestMatchName(t *testing.T) {
	t.Parallel()
	for _, name := range []struct {
		name, query string
		want        bool
	}{
		{"张 三", "张三", true},
		{"张三", "张 三", true},
		{"Li Wei", "w", true},
		{"Li Wei", "e", false},
		{"Li Wei", "liwei", false},
		{"Zoë", "zoe", true},
		{"山田 太郎", "田太", true},
		// S30 to S34, here as pairs; the suite of indices has them beside each other.
		{"田中\u3000太郎", "太", true},
		{"田中\u3000太郎", "中", true},
		{"田中\u3000太郎", "田中太郎", true},
		{"田中\u3000太郎", "太郎 田中", true},
		{"王小明", "明", true},
		{"천재", "천재", true},
		{"Phạm Đức", "pham", true},
		{"Jérémie F", "jer", true},
		{"Karl M. Davis", "Karl D", true},
		{"O'Brien", "obrien", true},
		{"Jean-Luc", "luc", true},
		{"li.wei", "wei", true},
		{"萌", "萌", true},
	} {
		q, err := textmatch.Parse(name.query)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := q.MatchName(name.name); got != name.want {
			t.Errorf("%q finds the name %q: %t, want %t", name.query, name.name, got, name.want)
		}
	}
}

// What is marked is what was typed, as it stands in the original text.
func TestSpansLieInTheOriginal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, query, want string }{
		{"今晚K8s部署到v1.2.3", "部署", "今晚K8s[部署]到v1.2.3"},
		{"De\u0301ja\u0300 vu deja", "deja", "[De\u0301ja\u0300] vu [deja]"},
		{"ﬁnal ﾃﾞｰﾀ", "final データ", "[ﬁnal] [ﾃﾞｰﾀ]"},
		{"上海海上", "上海 海上", "[上海海上]"},
		{"👍上海", "上海", "👍[上海]"},
		{"don't stop", "dont", "[don't] stop"},
		{"테스트_맥", "테스트", "[테스트]_맥"},
	} {
		q, err := textmatch.Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		spans, _ := q.Match(c.text)
		if got := mark(c.text, spans); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.query, c.text, got, c.want)
		}
	}
}

func mark(text string, spans []textmatch.Span) string {
	var b strings.Builder
	runes := []rune(text)
	at := 0
	for _, s := range spans {
		b.WriteString(string(runes[at:s.Start]) + "[" + string(runes[s.Start:s.End]) + "]")
		at = s.End
	}
	return b.String() + string(runes[at:])
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]error{
		"":                       textmatch.ErrEmpty,
		" \u3000 ":               textmatch.ErrEmpty,
		`""`:                     textmatch.ErrEmpty,
		"'":                      textmatch.ErrEmpty,
		strings.Repeat("a", 257): textmatch.ErrTooLong,
		strings.Repeat("海", 86):  textmatch.ErrTooLong,
		"a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7": textmatch.ErrTerms,
	} {
		if _, err := textmatch.Parse(query); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", query, err, want)
		}
	}
}

// Whatever stands in the text and is not split by it, is found; and marks are parts of the text, in order.
func FuzzMatch(f *testing.F) {
	f.Add("上海 开会", "明天十点在上海开会")
	f.Add(`"a b" c`, "A  b c\xff")
	f.Add("e\u0301", "\u0301\u0301é")
	f.Fuzz(func(t *testing.T, typed, text string) {
		q, err := textmatch.Parse(typed)
		if err != nil {
			return
		}
		runes := len([]rune(text))
		for _, match := range []func(string) ([]textmatch.Span, bool){q.Match, q.MatchName} {
			spans, ok := match(text)
			if ok == (len(spans) == 0) {
				t.Fatalf("%t with %d spans", ok, len(spans))
			}
			at := 0
			for _, s := range spans {
				if s.Start < at || s.End <= s.Start || s.End > runes {
					t.Fatalf("span %+v after %d in a text of %d", s, at, runes)
				}
				at = s.End
			}
		}
		if whole := strings.Join(strings.Fields(typed), " "); !strings.ContainsAny(whole, " \"“”＂") {
			if _, ok := q.Match(whole); !ok {
				t.Fatalf("%q does not find itself", whole)
			}
		}
	})
}
