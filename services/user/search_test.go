// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/textmatch"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

func names(found []user.FoundName) []string {
	list := make([]string, len(found))
	for i, f := range found {
		list[i] = f.Account.Username
	}
	return list
}

func TestF11_PeopleAreFoundByUsernameAndNickname(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	people := map[string]ids.UserID{}
	for _, p := range [][2]string{
		{"ann", "Zoe"},
		{"anna", "Ann Smith"},
		{"bob", "annika"},
		{"carl", "王小明"},
		{"dora", "王芳"},
		{"emil", "100% sure"},
		{"fred", "ＡＮＮ wide"},
		{"gina", "an"},
		{"hans", "a_nn"},
	} {
		people[p[0]] = f.Person(t, p[0], p[1]).Account.ID
	}
	rows := []struct {
		name, query     string
		part            user.Part
		excluded, among []string
		want            []string
	}{
		{name: "the exact username is first, then nicknames, the newest first", query: "ann", want: []string{"ann", "fred", "bob", "anna"}},
		{name: "only the exact username", query: "ann", part: user.OnlyExact, want: []string{"ann"}},
		{name: "only nicknames", query: "ann", part: user.OnlyNames, want: []string{"fred", "bob", "anna"}},
		{name: "nicknames of some", query: "ann", part: user.OnlyNames, among: []string{"anna", "bob", "hans", "ann"}, want: []string{"bob", "anna"}},
		{name: "case and width do not count", query: "ＡＮＮ", want: []string{"fred", "bob", "anna"}},
		{name: "a username in upper case is exact too", query: "BOB", want: []string{"bob"}},
		{name: "a username is no piece", query: "ann.", want: []string{}},
		{name: "one letter begins a word", query: "s", want: []string{"emil", "anna"}},
		{name: "Chinese is found from its first character", query: "王", want: []string{"dora", "carl"}},
		{name: "Chinese is found from any place", query: "小明", want: []string{"carl"}},
		{name: "spaces around do not count", query: "  王芳\u3000", want: []string{"dora"}},
		{name: "a percent sign is a percent sign", query: "100%", want: []string{"emil"}},
		{name: "an underscore stands for nothing", query: "a_n", want: []string{"hans"}},
		{name: "the excluded are left out", query: "ann", excluded: []string{"ann", "bob"}, want: []string{"fred", "anna"}},
	}
	list := func(names []string) []ids.UserID {
		var all []ids.UserID
		for _, name := range names {
			all = append(all, people[name])
		}
		return all
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			page, err := f.SearchUsers(t.Context(), user.Search{
				Query: row.query, Part: row.part, Excluded: list(row.excluded), Among: list(row.among),
			})
			if diff := cmp.Diff(row.want, names(page.Found)); err != nil || diff != "" || page.Next != "" {
				t.Errorf("search %q: %v, next %q (-want +got):\n%s", row.query, err, page.Next, diff)
			}
		})
	}
	page, err := f.SearchUsers(t.Context(), user.Search{Query: "小明"})
	if err != nil || len(page.Found) != 1 || !slices.Equal(page.Found[0].Spans, []textmatch.Span{{Start: 1, End: 3}}) {
		t.Errorf("what matched: %+v, %v", page.Found, err)
	}
}

// Whoever an index still offers is found only as the account is now.
func TestF11_TheStoreDecidesWhoIsFound(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	staff := f.Staff(t, "root.admin", user.Admin)
	login := f.Person(t, "carl", "王小明")
	id, caller := login.Account.ID, usertest.CallerOf(login)
	stale := f.PodWith(func(*user.Options) {})
	stale.Index = &usertest.ScanIndex{Offers: []searchindex.Hit{{ID: id.String()}, {ID: "no id"}, {ID: ids.NewUser().String()}}}
	want := func(when, query string, want ...string) {
		t.Helper()
		for name, s := range map[string]*user.Service{"the index": f.Service, "a stale index": stale} {
			page, err := s.SearchUsers(t.Context(), user.Search{Query: query, Reader: "me"})
			if got := names(page.Found); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %s finds %q by %q, %v; want %q", when, name, got, query, err, want)
			}
		}
	}
	want("at first", "小明", "carl")
	nickname := "李白"
	if _, err := f.UpdateProfile(t.Context(), caller, user.ProfileChange{Nickname: &nickname}); err != nil {
		t.Fatal(err)
	}
	want("with another nickname", "小明")
	want("with another nickname", "白", "carl")
	if _, _, err := f.Ban(t.Context(), staff, user.Ban{Target: id, Reason: "spam", Until: f.Clock.Now().Add(time.Hour).UnixMilli()}); err != nil {
		t.Fatal(err)
	}
	want("suspended", "白")
	want("suspended", "carl")
	f.Clock.Advance(time.Hour)
	want("after the suspension", "白", "carl")
	want("after the suspension", "carl", "carl")
	again := f.LoginAs(t, "carl")
	if err := f.DeleteAccount(t.Context(), usertest.CallerOf(again), user.Proof{Password: usertest.Password}); err != nil {
		t.Fatal(err)
	}
	want("deleted", "白")
	want("deleted", "Deleted")
	want("deleted", "carl")
}

// Without an index, exact usernames and phone numbers are found.
func TestF55_WithoutAnIndexNicknamesAreUnavailable(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	f.Person(t, "ann", "Zoe")
	for name, index := range map[string]user.Finder{"no index": nil, "one that is away": &usertest.ScanIndex{Err: searchindex.ErrUnavailable}} {
		s := f.Pod()
		s.Index = index
		for _, part := range []user.Part{user.Everything, user.OnlyNames} {
			if _, err := s.SearchUsers(t.Context(), user.Search{Query: "ann", Part: part}); !errors.Is(err, user.ErrSearchUnavailable) {
				t.Errorf("%s: %v, want SEARCH_UNAVAILABLE", name, err)
			}
		}
		page, err := s.SearchUsers(t.Context(), user.Search{Query: "ann", Part: user.OnlyExact})
		if err != nil || len(page.Found) != 1 {
			t.Errorf("%s: the exact username: %v, %v", name, page, err)
		}
		if _, err := s.SearchUsers(t.Context(), user.Search{Query: "+8613800000000", Reader: "me"}); err != nil {
			t.Errorf("%s: a phone number: %v", name, err)
		}
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
			if err != nil || len(page.Found) > size || pages > 30 {
				t.Fatalf("size %d: page of %d, %v", size, len(page.Found), err)
			}
			got = append(got, names(page.Found)...)
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
	for _, query := range []string{"", " \u3000", `"`, strings.Repeat("x", 65), strings.Repeat("x ", 33) + "x"} {
		if _, err := f.SearchUsers(t.Context(), user.Search{Query: query}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("query %q: %v, want CONTENT_INVALID", query, err)
		}
	}
}
