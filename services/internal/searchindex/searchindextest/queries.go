// SPDX-License-Identifier: Apache-2.0

package searchindextest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// finds files every text of the corpus and asks every query: what an index offers, and what matches of it,
// is what a scan of all texts gives.
func finds(t *testing.T, f *fixture) {
	var documents []searchindex.Document
	for i, text := range corpus {
		documents = append(documents, document(fmt.Sprintf("t%03d", i), text, i))
	}
	f.put(t, documents...)
	asked := append(slices.Clone(queries), madeQueries()...)
	if len(asked) < 200 {
		t.Fatalf("only %d queries", len(asked))
	}
	for _, typed := range asked {
		q, err := textmatch.Parse(typed)
		if err != nil {
			t.Fatalf("%q: %v", typed, err)
		}
		var want, got []string
		for i, text := range slices.Backward(corpus) {
			if _, ok := q.Match(text); ok {
				want = append(want, documents[i].ID)
			}
		}
		for _, id := range f.ids(t, searchindex.Lookup{Grams: q.Grams()}) {
			i := slices.IndexFunc(documents, func(d searchindex.Document) bool { return d.ID == id })
			if _, ok := q.Match(corpus[i]); ok {
				got = append(got, id)
			}
		}
		if !slices.Equal(want, got) {
			t.Errorf("%q finds %v, a scan finds %v", typed, got, want)
		}
	}
}

// madeQueries are pieces of the texts: two, three and four characters from everywhere.
func madeQueries() []string {
	var made []string
	for _, text := range corpus {
		runes := []rune(text)
		for n := 2; n <= 4; n++ {
			for i := n; i+n <= len(runes); i += 5 {
				piece := string(runes[i : i+n])
				if _, err := textmatch.Parse(piece); err == nil {
					made = append(made, piece)
				}
			}
		}
	}
	return made
}

var corpus = []string{
	"我家在上海东边。", "我吃饭了", "请写汉字", "我的爸爸肚子很餓", "具体情况就需要分析了，之前抓的严", "具体说说情况",
	"还有可能是定期检修", "这是一个测试", "日本語のテスト", "今天吃什么", "今日何を食べるか", "明天十点在上海开会", "いちにさん",
	"バッタと鈴虫", "記事へのリンクを張るテストです。", "病院は機能していない", "夜なかに着く", "번역을 부탁해", "번역이 필요해",
	"수급자의 서류", "내일 김대리 미팅 있음", "검은 색연필", "밥을 먹었다", "테스트_맥.txt", "report_final-v2.pdf",
	"今晚K8s部署到v1.2.3", "请看report明天要", "ＰＡＲＬＥＹ發布", "ﾃｽﾄを送る", "Déjà vu", "please upgrade now", "the john johnson",
	"number 123", "call 8855599", "updated it on phpMyAdmin", "what other plans", "the state of things", "relationship",
	"see #foo-123", "host 10.100.200.101 is up", "https://issues.example.org/browse/MM-34082", "明天十点开会", "新文本",
	"don’t panic", "好的👍🏽", "a b c", "co\u00adope\u200brate", "Straße", "йогурт", "two\u00a0 \n words", "張三 said hi to 李四",
	"買い物リスト：牛乳、卵、パン", "周五下午三点半，三号会议室", "C++ and C# and F#", "100% sure", "émigré cafés", "Zürich → Genève",
	"서울에서 부산까지 KTX로 간다", "ｶﾞｷﾞｸﾞ", "e\u0301tude", "ﬁnance", "№ 5", "½ cup", "مرحبا بالعالم", "สวัสดีครับ", "नमस्ते दुनिया",
}

var queries = []string{
	"上海", "海", "海上", "吃饭", "汉字", "汉", "爸爸", "具体情况", "可能", "测试", "テスト", "吃什么", "食べる", "开会 上海", `"开会 上海"`,
	"いち", "鈴虫", "虫", "リンク", "病院", "なか", "かな", "번역", "수급자", "김대리 미팅", "미팅 김대리", "검색", "밥", "테스트", "final",
	"部署", "k8s部署", "1.2.3", "部署k8s", "report", "parley", "deja", "upg", "jo", "12", "555", "phpmy", "admin", "what", "other",
	"stateful", `"relation"`, "#foo-123", "10.100.200.101", "MM-34082", "十点", "旧文本", "秘密", "dont", "👍", "a", `"b c"`, "cooperate",
	"йог", `"two words"`, "李四", "三 四", "牛乳", "三点半", "C++", "c#", "100%", "cafe", "→", "부산", "ガギグ", "etude", "finance", "no", "1⁄2",
	"مرحبا", "สวัส", "नम",
}
