// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

func none(int64, []user.LoginSession) (user.Opening, error) { return user.Opening{}, nil }

// change makes a decision that writes what edit makes of the account.
func change(at int64, edit func(*user.Record)) func(user.Record, []user.LoginSession) (*user.Rewriting, error) {
	return func(record user.Record, _ []user.LoginSession) (*user.Rewriting, error) {
		old := record.Account.Username
		edit(&record)
		r := &user.Rewriting{Record: record, At: at}
		if record.Account.Username != old {
			r.Retired = &user.RetiredUsername{Username: old, BlockedUntil: at + 100}
		}
		return r, nil
	}
}

// rename gives an account another name at a time; the old one is blocked for 100 ms.
func rename(t *testing.T, s Storage, id ids.UserID, username string, at int64) error {
	t.Helper()
	return s.Rewrite(t.Context(), id, change(at, func(r *user.Record) { r.Account.Username = username }))
}

func testRewrite(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	first := create(t, s, a)
	want := user.Record{Credentials: a.Credentials}
	refused := errors.New("refused")
	err := s.Rewrite(t.Context(), a.Account.ID, func(got user.Record, sessions []user.LoginSession) (*user.Rewriting, error) {
		if diff := cmp.Diff(want, got) + cmp.Diff([]user.LoginSession{first}, sessions); diff != "" {
			t.Errorf("rewrite sees (-want +got):\n%s", diff)
		}
		return &user.Rewriting{}, refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("error %v, want the one of decide", err)
	}
	nothing := func(user.Record, []user.LoginSession) (*user.Rewriting, error) { return nil, nil }
	if err := s.Rewrite(t.Context(), a.Account.ID, nothing); err != nil {
		t.Errorf("one that writes nothing: %v", err)
	}
	if got, err := s.Record(t.Context(), a.Account.ID); err != nil || got != want {
		t.Errorf("afterwards: %v %s", err, cmp.Diff(want, got))
	}
	_, readErr := s.Record(t.Context(), ids.NewUser())
	if err := s.Rewrite(t.Context(), ids.NewUser(), nothing); !errors.Is(err, user.ErrNotFound) || !errors.Is(readErr, user.ErrNotFound) {
		t.Errorf("an unknown account: %v, %v; want ErrNotFound", err, readErr)
	}
}

func testRewriteAll(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	first := create(t, s, a)
	id := a.Account.ID
	want := user.Record{
		Credentials: user.Credentials{
			Account:      user.Account{ID: id, Username: "anna", Nickname: " Änn 世界", Description: "one\ntwo ", CreatedAt: 1000},
			PasswordHash: "another", Rev: 7,
		},
		Privacy:           user.Privacy{PhoneForFriends: true, FindableByPhone: true, PresenceHidden: true, ReceiptsHidden: true},
		UsernameChangedAt: 2000,
	}
	err := s.Rewrite(t.Context(), id, func(user.Record, []user.LoginSession) (*user.Rewriting, error) {
		return &user.Rewriting{
			Record: want, NicknameKey: []byte("new"), At: 2000,
			Endings: []user.Ending{{ID: first.ID, Reason: user.Suspended}},
			Event:   &user.Updated{ID: ids.NewEvent(), At: 2000, Account: want.Account},
			Audit:   &user.AuditEntry{ID: ids.NewAuditEntry(), At: 2000, Actor: id, Action: "tested", Target: id, Reason: "因为"},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	byID, err := s.Record(t.Context(), id)
	if err != nil || byID != want {
		t.Errorf("by id: %v (-want +got):\n%s", err, cmp.Diff(want, byID))
	}
	byName, err := s.ByUsername(t.Context(), "anna")
	if err != nil || byName != want {
		t.Errorf("by name: %v (-want +got):\n%s", err, cmp.Diff(want, byName))
	}
	found, err := s.SearchByNickname(t.Context(), user.NameQuery{Prefix: []byte("new"), Limit: 2})
	if err != nil || len(found) != 1 {
		t.Errorf("by nickname: %v, %v; want the account", found, err)
	}
	got, err := s.ByToken(t.Context(), first.TokenHash)
	if err != nil || got.EndedAt != 2000 || got.EndReason != user.Suspended {
		t.Errorf("ended at %d for %d, %v; want 2000, Suspended", got.EndedAt, got.EndReason, err)
	}
}

func testUnhidden(t *testing.T, s Storage) {
	shown, hidden := newAccount("ann", "ann"), newAccount("bob", "bob")
	create(t, s, shown)
	create(t, s, hidden)
	hide := change(1, func(r *user.Record) { r.Privacy.PresenceHidden = true })
	if err := s.Rewrite(t.Context(), hidden.Account.ID, hide); err != nil {
		t.Fatal(err)
	}
	a := shown.Account.ID
	got, err := s.Unhidden(t.Context(), []ids.UserID{hidden.Account.ID, a, ids.NewUser(), a})
	if err != nil || len(got) != 1 || got[0] != a {
		t.Errorf("unhidden: %v, %v; want the one who shows", got, err)
	}
	if none, err := s.Unhidden(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("of nobody: %v, %v", none, err)
	}
}

func testFriendPhones(t *testing.T, s Storage) {
	shown, hidden, without, gone := newAccount("ann", "ann"), newAccount("bob", "bob"), newAccount("cat", "cat"), newAccount("dan", "dan")
	shown.Phone, hidden.Phone, gone.Phone = user.PhoneOf("+8613800000001"), user.PhoneOf("+8613800000002"), user.PhoneOf("+8613800000003")
	var all []ids.UserID
	for _, a := range []user.NewAccount{shown, hidden, without, gone} {
		create(t, s, a)
		all = append(all, a.Account.ID)
	}
	show := change(1, func(r *user.Record) { r.Privacy.PhoneForFriends = true })
	for _, a := range []user.NewAccount{shown, without, gone} {
		if err := s.Rewrite(t.Context(), a.Account.ID, show); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Rewrite(t.Context(), gone.Account.ID, change(2, func(r *user.Record) { r.DeletedAt, r.Account.Deleted = 2, true })); err != nil {
		t.Fatal(err)
	}
	got, err := s.FriendPhones(t.Context(), append(all, ids.NewUser(), shown.Account.ID))
	if diff := cmp.Diff(map[ids.UserID]user.Phone{shown.Account.ID: shown.Phone}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if none, err := s.FriendPhones(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("of nobody: %v, %v", none, err)
	}
}

func testRewriteRace(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	create(t, s, a)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := s.Rewrite(t.Context(), a.Account.ID, change(1, func(r *user.Record) { r.Account.Description += "x" })); err != nil {
				t.Errorf("rewrite: %v", err)
			}
		})
	}
	wg.Wait()
	got, err := s.Record(t.Context(), a.Account.ID)
	if err != nil || len(got.Account.Description) != 20 {
		t.Errorf("%v, %v; want 20 changes in the description", got, err)
	}
}

func testRetiredUsername(t *testing.T, s Storage) {
	a, b := newAccount("ann", "ann"), newAccount("bob", "bob")
	create(t, s, a)
	create(t, s, b)
	if err := rename(t, s, a.Account.ID, "anna", 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ByUsername(t.Context(), "ann"); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("the old name: %v, want ErrNotFound", err)
	}
	taken := newAccount("ann", "x") // made at 1000
	if err := s.Create(t.Context(), taken, newSession(taken.Account.ID, 1000)); !errors.Is(err, user.ErrUsernameTaken) {
		t.Errorf("a new account with a blocked name: %v, want ErrUsernameTaken", err)
	}
	for at, want := range map[int64]error{1001: user.ErrUsernameTaken, 1099: user.ErrUsernameTaken} {
		if err := rename(t, s, b.Account.ID, "ann", at); !errors.Is(err, want) {
			t.Errorf("somebody else takes it at %d: %v, want %v", at, err, want)
		}
	}
	if err := rename(t, s, b.Account.ID, "anna", 5000); !errors.Is(err, user.ErrUsernameTaken) {
		t.Errorf("a name in use: %v, want ErrUsernameTaken", err)
	}
	if err := rename(t, s, a.Account.ID, "ann", 1050); err != nil {
		t.Errorf("its owner takes it back: %v", err)
	}
	if err := errors.Join(rename(t, s, a.Account.ID, "annb", 2000), rename(t, s, b.Account.ID, "ann", 2100)); err != nil {
		t.Errorf("somebody else, when the time is over: %v", err)
	}
}

func testRenameRace(t *testing.T, s Storage) {
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 10 {
		a := newAccount(fmt.Sprintf("user%d", i), "x")
		create(t, s, a)
		wg.Go(func() {
			switch err := rename(t, s, a.Account.ID, "wanted", 2000); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, user.ErrUsernameTaken):
				t.Errorf("rename: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d got the name, want 1", won.Load())
	}
}

func testDeleted(t *testing.T, s Storage) {
	a, other := newAccount("ann", "ann"), newAccount("bob", "bob")
	create(t, s, a)
	create(t, s, other)
	gone := user.Account{ID: a.Account.ID, Nickname: "gone", CreatedAt: 1000, Deleted: true}
	for _, x := range []user.NewAccount{a, other} { // two deleted ones do not stand in each other's way
		err := s.Rewrite(t.Context(), x.Account.ID, func(r user.Record, _ []user.LoginSession) (*user.Rewriting, error) {
			account := gone
			account.ID = x.Account.ID
			return &user.Rewriting{
				Record: user.Record{Credentials: user.Credentials{Account: account, Rev: 1}, DeletedAt: 5}, NicknameKey: []byte{}, At: 5,
				Retired: &user.RetiredUsername{Username: r.Account.Username, BlockedUntil: 1 << 62},
			}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.ByIDs(t.Context(), []ids.UserID{a.Account.ID}); err != nil || !cmp.Equal([]user.Account{gone}, got) {
		t.Errorf("by id: %v, %v; want a deleted account", got, err)
	}
	for _, name := range []string{"", "ann", fmt.Sprintf("%x", a.Account.ID[:])} {
		if _, err := s.ByUsername(t.Context(), name); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("by the name %q: %v, want ErrNotFound", name, err)
		}
	}
	_, recordErr := s.Record(t.Context(), a.Account.ID)
	for what, err := range map[string]error{
		"record": recordErr, "rewrite": rename(t, s, a.Account.ID, "x", 9),
		"open": s.Open(t.Context(), newSession(a.Account.ID, 9), 1, none),
	} {
		if !errors.Is(err, user.ErrNotFound) {
			t.Errorf("%s of a deleted account: %v, want ErrNotFound", what, err)
		}
	}
	again := newAccount("ann", "x")
	if err := s.Create(t.Context(), again, newSession(again.Account.ID, 1)); !errors.Is(err, user.ErrUsernameTaken) {
		t.Errorf("its name again: %v, want ErrUsernameTaken", err)
	}
	if found, err := s.SearchByNickname(t.Context(), user.NameQuery{Prefix: []byte("ann"), Limit: 5}); err != nil || len(found) != 0 {
		t.Errorf("by nickname: %v, %v; want nobody", found, err)
	}
}

func testOutdatedProof(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	create(t, s, a)
	id := a.Account.ID
	if err := s.Rewrite(t.Context(), id, change(2, func(r *user.Record) { r.Rev, r.PasswordHash = 1, "newer" })); err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context(), newSession(id, 3), 0, none); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("with the old revision: %v, want ErrNotFound", err)
	}
	if err := s.Open(t.Context(), newSession(id, 3), 1, none); err != nil {
		t.Errorf("with the new one: %v", err)
	}
	if err := s.ReplacePasswordHash(t.Context(), id, a.PasswordHash, "stale"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Record(t.Context(), id); err != nil || got.PasswordHash != "newer" {
		t.Errorf("hash %q, %v; a late rehash of the old password won", got.PasswordHash, err)
	}
}
