// SPDX-License-Identifier: Apache-2.0

package searchindextest

import (
	"slices"
	"testing"

	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// NameRow says which names a query finds.
type NameRow struct {
	ID    string // of the acceptance row
	Query string
	Want  []string // as they stand in Names
}

// Names are nicknames that NameRows look for, all beside each other.
func Names() []string {
	return []string{
		"田中\u3000太郎", "田中花子", "王小明", "천재", "Phạm Đức", "Je\u0301re\u0301mie F", "Karl M. Davis", "O\u2019Brien", "Jean-Luc", "li.wei",
		"萌", "ＬＩ　Ｗｅｉ", "Karla Deans", "小 明 明", "Mei",
	}
}

// NameRows are the acceptance of names.
func NameRows() []NameRow {
	taro := []string{"田中\u3000太郎"}
	return []NameRow{
		{"S30", "太", taro},
		{"S30", "中", []string{"田中\u3000太郎", "田中花子"}},
		{"S30", "田中太", taro},
		{"S30", "田中太郎", taro},
		{"S30", "太郎 田中", taro},
		{"S30", "中田", nil},
		{"S31", "花子", []string{"田中花子"}},
		{"S31", "田中花子", []string{"田中花子"}},
		{"S31", "小明", []string{"王小明", "小 明 明"}},
		{"S31", "明", []string{"王小明", "小 明 明"}},
		{"S31", "明小", nil},
		{"S32", "천재", []string{"천재"}},
		{"S32", "phạm", []string{"Phạm Đức"}},
		{"S32", "pham", []string{"Phạm Đức"}},
		{"S32", "jer", []string{"Je\u0301re\u0301mie F"}},
		{"S32", "f", []string{"Je\u0301re\u0301mie F"}},
		{"S33", "Karl D", []string{"Karl M. Davis", "Karla Deans"}},
		{"S33", "karl m", []string{"Karl M. Davis"}},
		{"S33", "obrien", []string{"O\u2019Brien"}},
		{"S33", "o'b", []string{"O\u2019Brien"}},
		{"S33", "luc", []string{"Jean-Luc"}},
		{"S33", "l", []string{"Jean-Luc", "li.wei", "ＬＩ　Ｗｅｉ"}},
		{"S33", "wei", []string{"li.wei", "ＬＩ　Ｗｅｉ"}},
		{"S33", "ei", nil},
		{"S34", "萌", []string{"萌"}},
	}
}

// names: every row is offered and matches as it should, whatever else the index offers.
func names(t *testing.T, f *fixture) {
	var documents []searchindex.Document
	for i, name := range Names() {
		d := document(name, "", i)
		d.Group, d.Grams = name, textmatch.NameGrams(name)
		documents = append(documents, d)
	}
	f.put(t, documents...)
	for _, row := range NameRows() {
		q, err := textmatch.Parse(row.Query)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range slices.Backward(f.ids(t, searchindex.Lookup{Grams: q.NameGrams()})) {
			if _, ok := q.MatchName(name); ok {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, row.Want) {
			t.Errorf("%s: %q finds %q, want %q", row.ID, row.Query, got, row.Want)
		}
	}
	q, err := textmatch.Parse("明")
	if err != nil {
		t.Fatal(err)
	}
	f.want(t, "among some people", searchindex.Lookup{Grams: q.NameGrams(), Groups: []string{"王小明", "萌"}}, "王小明")
}
