// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"slices"
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

func testNames(t *testing.T, s Storage) {
	var people []ids.UserID
	for _, name := range []string{"ann", "bob", "cyd", "dan"} {
		a := newAccount(name, name)
		create(t, s, a)
		people = append(people, a.Account.ID)
	}
	rewrite := func(id ids.UserID, key []byte, change func(*user.Record)) {
		t.Helper()
		err := s.Rewrite(t.Context(), id, func(r user.Record, _ []user.LoginSession) (*user.Rewriting, error) {
			change(&r)
			return &user.Rewriting{Record: r, NicknameKey: key, At: 5}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rewrite(people[0], []byte("new"), func(r *user.Record) { r.Account.Nickname = "New" })
	rewrite(people[1], nil, func(r *user.Record) { r.SuspendedUntil = 9 })
	rewrite(people[2], []byte{}, func(r *user.Record) { r.Account.Deleted, r.DeletedAt = true, 5 })
	named, err := s.Named(t.Context(), append([]ids.UserID{ids.NewUser()}, people...))
	byID := map[ids.UserID]user.Named{}
	for _, n := range named {
		byID[n.Account.ID] = n
	}
	if err != nil || len(byID) != 4 || byID[people[0]].Rev != 1 || byID[people[1]].Rev != 0 || byID[people[2]].Rev != 1 ||
		byID[people[0]].Account.Nickname != "New" || !byID[people[2]].Account.Deleted {
		t.Errorf("names %+v, %v", byID, err)
	}
	findable := func(at int64) []ids.UserID {
		found, err := s.Findable(t.Context(), people, at)
		if err != nil {
			t.Fatal(err)
		}
		var list []ids.UserID
		for _, a := range found {
			list = append(list, a.ID)
		}
		slices.SortFunc(list, ids.UserID.Compare)
		return list
	}
	if got := findable(8); !slices.Equal(got, []ids.UserID{people[0], people[3]}) {
		t.Errorf("findable before the end of a suspension: %v", got)
	}
	if got := findable(9); !slices.Equal(got, []ids.UserID{people[0], people[1], people[3]}) {
		t.Errorf("findable after it: %v", got)
	}
	var scanned []ids.UserID
	for after := (ids.UserID{}); ; {
		n, err := s.CountNames(t.Context(), after)
		if err != nil || n != int64(4-len(scanned)) {
			t.Errorf("%d names after %d, %v", n, len(scanned), err)
		}
		page, err := s.ScanNames(t.Context(), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page {
			scanned = append(scanned, n.Account.ID)
			after = n.Account.ID
		}
		if len(page) == 0 {
			break
		}
	}
	if !slices.Equal(scanned, people) {
		t.Errorf("scanned %v, want %v", scanned, people)
	}
}
