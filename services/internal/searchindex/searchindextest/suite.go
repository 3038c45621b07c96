// SPDX-License-Identifier: Apache-2.0

// Package searchindextest has the suite that every index of texts passes.
package searchindextest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// Opener gives an empty index of a test, and a function that makes what was put findable.
type Opener func(t *testing.T) (index searchindex.Kept, settle func())

// Run runs the suite.
func Run(t *testing.T, open Opener) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *fixture){
		"what is typed is found":         finds,
		"names, S30 to S34":              names,
		"filters":                        filters,
		"newest first, page after page":  pages,
		"the higher version stays":       versions,
		"what is gone does not return":   gone,
		"strange values":                 strange,
		"a lookup has bounds":            bounds,
		"a call that was given up":       givenUp,
		"as many groups as one may name": manyGroups,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			index, settle := open(t)
			if err := index.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			test(t, &fixture{index: index, settle: settle})
		})
	}
	t.Run("an index that was not filled answers nothing", func(t *testing.T) {
		t.Parallel()
		index, settle := open(t)
		unfilled(t, &fixture{index: index, settle: settle})
	})
}

// unfilled: a part of the texts must not look like all of them.
func unfilled(t *testing.T, f *fixture) {
	f.put(t, document("1", "上海", 0))
	if hits, err := f.index.Find(t.Context(), searchindex.Lookup{Limit: 1}); !errors.Is(err, searchindex.ErrUnavailable) {
		t.Errorf("a part was answered: %v, %v", hits, err)
	}
	if whole, err := f.index.Ensure(t.Context()); whole || err != nil {
		t.Errorf("whole before: %t, %v", whole, err)
	}
	for range 2 {
		if err := f.index.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if whole, err := f.index.Ensure(t.Context()); !whole || err != nil {
			t.Errorf("whole after: %t, %v", whole, err)
		}
	}
	f.want(t, "what was put before", searchindex.Lookup{}, "1")
	for range 2 {
		if err := f.index.Withdraw(t.Context()); err != nil {
			t.Fatal(err)
		}
		if whole, err := f.index.Ensure(t.Context()); whole || err != nil {
			t.Errorf("whole while withdrawn: %t, %v", whole, err)
		}
		if hits, err := f.index.Find(t.Context(), searchindex.Lookup{Limit: 1}); !errors.Is(err, searchindex.ErrUnavailable) {
			t.Errorf("a withdrawn index answered: %v, %v", hits, err)
		}
	}
	f.put(t, document("2", "上海", 1))
	if err := f.index.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.want(t, "what was put meanwhile", searchindex.Lookup{}, "2", "1")
}

type fixture struct {
	index  searchindex.Kept
	settle func()
}

// start of the time in which documents are made.
var start = time.UnixMilli(1_790_000_000_000)

// document says text, seconds after start.
func document(id, text string, seconds int) searchindex.Document {
	return searchindex.Document{
		ID: id, Version: 1, Group: "g1", Author: "ann", Kind: "TEXT", At: start.Add(time.Duration(seconds) * time.Second),
		Grams: textmatch.Grams(text),
	}
}

func (f *fixture) put(t *testing.T, documents ...searchindex.Document) {
	t.Helper()
	if err := f.index.Put(t.Context(), documents); err != nil {
		t.Fatal(err)
	}
	f.settle()
}

// ids of what a lookup offers, in order.
func (f *fixture) ids(t *testing.T, l searchindex.Lookup) []string {
	t.Helper()
	if l.Limit == 0 {
		l.Limit = searchindex.MaxHits
	}
	hits, err := f.index.Find(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids
}

func (f *fixture) want(t *testing.T, what string, l searchindex.Lookup, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, f.ids(t, l)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func filters(t *testing.T, f *fixture) {
	documents := []searchindex.Document{document("1", "上海", 0), document("2", "上海", 1), document("3", "上海", 2)}
	documents[1].Group, documents[1].Kind = "g2", "VOICE"
	documents[2].Author, documents[2].Refs = "bob", []string{"ann", "cyd"}
	f.put(t, documents...)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	f.want(t, "nothing asked", searchindex.Lookup{}, "3", "2", "1")
	f.want(t, "grams", searchindex.Lookup{Grams: []string{"上", "上海"}}, "3", "2", "1")
	f.want(t, "a gram that nobody has", searchindex.Lookup{Grams: []string{"上", "海上"}})
	f.want(t, "a group", searchindex.Lookup{Groups: []string{"g2"}}, "2")
	f.want(t, "some groups", searchindex.Lookup{Groups: []string{"g2", "g1", "g9"}}, "3", "2", "1")
	f.want(t, "a group that nobody has", searchindex.Lookup{Groups: []string{"g9"}})
	f.want(t, "an author", searchindex.Lookup{Author: "bob"}, "3")
	f.want(t, "a kind", searchindex.Lookup{Kinds: []string{"VOICE"}}, "2")
	f.want(t, "some kinds", searchindex.Lookup{Kinds: []string{"VOICE", "FILE", "TEXT"}}, "3", "2", "1")
	f.want(t, "who is named", searchindex.Lookup{Ref: "cyd"}, "3")
	f.want(t, "from", searchindex.Lookup{From: at(1)}, "3", "2")
	f.want(t, "until, which is not part of it", searchindex.Lookup{Until: at(2)}, "2", "1")
	f.want(t, "between", searchindex.Lookup{From: at(1), Until: at(2)}, "2")
	f.want(t, "all at once", searchindex.Lookup{
		Grams: []string{"海"}, Groups: []string{"g1"}, Author: "bob", Kinds: []string{"TEXT"}, Ref: "ann", From: at(0), Until: at(9),
	}, "3")
}

func pages(t *testing.T, f *fixture) {
	var documents []searchindex.Document
	var want []string
	for i := range 25 {
		d := document(fmt.Sprintf("m%02d", i), "word", i/3) // three of the same time
		documents = append(documents, d)
		want = append(want, d.ID)
	}
	slices.Reverse(want)
	f.put(t, documents...)
	l := searchindex.Lookup{Grams: []string{"wor"}, Limit: 4}
	var got []string
	for range 7 {
		hits, err := f.index.Find(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			got = append(got, h.ID)
		}
		if len(hits) > 0 {
			l.After = &hits[len(hits)-1]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("all pages (-want +got):\n%s", diff)
	}
	f.put(t, document("m99", "word", 99)) // newer than the place: does not move what follows
	l.After = &searchindex.Hit{ID: "m05", At: documents[5].At}
	f.want(t, "after a place", l, "m04", "m03", "m02", "m01")
}

func versions(t *testing.T, f *fixture) {
	old, edited := document("1", "旧文本", 0), document("1", "新文本", 0)
	old.Version, edited.Version = 3, 8
	f.put(t, edited)
	f.put(t, old)
	f.want(t, "the old text", searchindex.Lookup{Grams: []string{"旧文"}})
	f.want(t, "the new text", searchindex.Lookup{Grams: []string{"新文"}}, "1")
	f.put(t, edited, edited)
	f.want(t, "the same again", searchindex.Lookup{Grams: []string{"文本"}}, "1")
	later := document("1", "更新", 0)
	later.Version = 9
	f.put(t, old, later, edited)
	f.want(t, "the highest of one batch", searchindex.Lookup{}, "1")
	f.want(t, "its text", searchindex.Lookup{Grams: []string{"更新"}}, "1")
}

func gone(t *testing.T, f *fixture) {
	said, recalled := document("1", "秘密", 0), document("1", "", 0)
	recalled.Version, recalled.Gone, recalled.Grams = 2, true, nil
	f.put(t, said)
	f.want(t, "before", searchindex.Lookup{Grams: []string{"秘密"}}, "1")
	f.put(t, recalled)
	f.put(t, said)
	f.want(t, "after", searchindex.Lookup{Grams: []string{"秘密"}})
	f.want(t, "without words", searchindex.Lookup{Groups: []string{"g1"}})
}

func strange(t *testing.T, f *fixture) {
	text := "\x00\x01 \u202e quoted \" \\ { } * ? 👩🏽‍🚀 𠮷野家 \ufffd"
	long := document("strange", text, 0)
	long.Author, long.Refs = `a"b\c*`, []string{`*`, "?"}
	f.put(t, long)
	for _, gram := range long.Grams {
		f.want(t, fmt.Sprintf("gram %q", gram), searchindex.Lookup{Grams: []string{gram}}, long.ID)
	}
	f.want(t, "author", searchindex.Lookup{Author: `a"b\c*`}, long.ID)
	f.want(t, "a star is no wildcard", searchindex.Lookup{Author: "a*"})
	f.want(t, "a mark is no wildcard", searchindex.Lookup{Ref: "?"}, long.ID)
	f.want(t, "an empty page", searchindex.Lookup{Grams: []string{"* OR *"}})
	if err := f.index.Put(t.Context(), nil); err != nil {
		t.Errorf("nothing to put: %v", err)
	}
}

func bounds(t *testing.T, f *fixture) {
	for _, l := range []searchindex.Lookup{
		{}, {Limit: -1}, {Limit: searchindex.MaxHits + 1}, {Limit: 1, Groups: make([]string, searchindex.MaxGroups+1)},
	} {
		if _, err := f.index.Find(t.Context(), l); err == nil {
			t.Errorf("limit %d with %d groups was answered", l.Limit, len(l.Groups))
		}
	}
}

func givenUp(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.index.Put(ctx, []searchindex.Document{document("1", "a", 0)}); err == nil {
		t.Error("a put that was given up succeeded")
	}
	if _, err := f.index.Find(ctx, searchindex.Lookup{Limit: 1}); err == nil {
		t.Error("a lookup that was given up succeeded")
	}
}

func manyGroups(t *testing.T, f *fixture) {
	f.put(t, document("1", "word", 0))
	groups := make([]string, searchindex.MaxGroups)
	for i := range groups {
		groups[i] = fmt.Sprintf("g%d", i)
	}
	f.want(t, "among many groups", searchindex.Lookup{Groups: groups}, "1")
}
