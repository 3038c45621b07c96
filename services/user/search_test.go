// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

func names(accounts []user.Account) []string {
	list := make([]string, len(accounts))
	for i, a := range accounts {
		list[i] = a.Username
	}
	return list
}

func TestF11_PeopleAreFoundByUsernameAndNickname(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	people := map[string]ids.UserID{}
	for username, nickname := range map[string]string{
		"ann": "Zoe", "anna": "Ann Smith", "bob": "annika", "carl": "王小明", "dora": "王芳", "emil": "100% sure", "fred": "ＡＮＮ wide",
		"gina": "an", "hans": "a_nn",
	} {
		people[username] = f.Person(t, username, nickname).Account.ID
	}
	rows := []struct {
		name, query string
		excluded    []string
		want        []string
	}{
		{"the exact username is first, then nicknames", "ann", nil, []string{"ann", "anna", "fred", "bob"}},
		{"case and width do not count", "ＡＮＮ", nil, []string{"anna", "fred", "bob"}},
		{"a username in upper case is exact too", "BOB", nil, []string{"bob"}},
		{"a username is no prefix", "hann", nil, []string{}},
		{"Chinese is found from its first character", "王", nil, []string{"carl", "dora"}},
		{"Chinese is found by a longer beginning", "王小", nil, []string{"carl"}},
		{"the inside of a nickname is not searched", "小明", nil, []string{}},
		{"spaces around do not count", "  王芳\u3000", nil, []string{"dora"}},
		{"a percent sign is a percent sign", "100%", nil, []string{"emil"}},
		{"a percent sign stands for nothing", "%", nil, []string{}},
		{"an underscore stands for nothing", "a_", nil, []string{"hans"}},
		{"the excluded are left out", "ann", []string{"ann", "bob"}, []string{"anna", "fred"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			excluded := make([]ids.UserID, len(row.excluded))
			for i, name := range row.excluded {
				excluded[i] = people[name]
			}
			page, err := f.SearchUsers(t.Context(), user.Search{Query: row.query, Excluded: excluded})
			if diff := cmp.Diff(row.want, names(page.Accounts)); err != nil || diff != "" || page.Next != "" {
				t.Errorf("search %q: %v, next %q (-want +got):\n%s", row.query, err, page.Next, diff)
			}
		})
	}
}

func TestF11_PagesNeitherRepeatNorSkip(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	var want []string
	for i := range 23 {
		username := fmt.Sprintf("mike%02d", i)
		f.Person(t, username, "Mike") // all of one nickname
		want = append(want, username)
	}
	self := f.Person(t, "searcher", "Mike").Account.ID
	exact := f.Person(t, "mike", "Mike")
	for _, size := range []int{1, 2, 7, 23, 24, 50} {
		var got []string
		search := user.Search{Query: "mike", PageSize: size, Excluded: []ids.UserID{self}, Reader: "me"}
		for pages := 0; ; pages++ {
			page, err := f.SearchUsers(t.Context(), search)
			if err != nil || len(page.Accounts) > size || pages > 30 {
				t.Fatalf("size %d: page of %d, %v", size, len(page.Accounts), err)
			}
			got = append(got, names(page.Accounts)...)
			if search.Token = page.Next; page.Next == "" {
				break
			}
		}
		if len(got) == 0 || got[0] != exact.Account.Username {
			t.Fatalf("size %d: %v, want the exact username first", size, got)
		}
		rest := got[1:]
		seen := map[string]bool{}
		for _, name := range rest {
			seen[name] = true
		}
		if len(rest) != len(want) || len(seen) != len(want) || seen["searcher"] {
			t.Errorf("size %d: %d hits, %d different, want %d", size, len(rest), len(seen), len(want))
		}
	}
}

func TestF11_APageTokenServesOneSearchOfOneReader(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	f.Person(t, "ann", "Ann")
	f.Person(t, "bob", "Ann")
	first := user.Search{Query: "an", PageSize: 1, Reader: "me"}
	page, err := f.SearchUsers(t.Context(), first)
	if err != nil || page.Next == "" {
		t.Fatalf("first page: %+v, %v", page, err)
	}
	for name, change := range map[string]func(*user.Search){
		"another reader": func(s *user.Search) { s.Reader = "you" },
		"another query":  func(s *user.Search) { s.Query = "ann" },
		"a changed one":  func(s *user.Search) { s.Token += "A" },
	} {
		search := first
		search.Token = page.Next
		change(&search)
		if _, err := f.SearchUsers(t.Context(), search); !errors.Is(err, fault.ErrPageToken) {
			t.Errorf("%s: %v, want PAGE_TOKEN_INVALID", name, err)
		}
	}
}

func TestF11_AnEmptyQueryIsRefused(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	for _, query := range []string{"", " \u3000", strings.Repeat("x", 65)} {
		if _, err := f.SearchUsers(t.Context(), user.Search{Query: query}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("query %q: %v, want CONTENT_INVALID", query, err)
		}
	}
}
