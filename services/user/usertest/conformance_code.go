// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

func withPhone(username, phone string) user.NewAccount {
	a := newAccount(username, username)
	a.Phone, a.PasswordHash = user.PhoneOf(phone), ""
	return a
}

func setPhone(t *testing.T, s Storage, id ids.UserID, phone user.Phone) error {
	t.Helper()
	return s.Rewrite(t.Context(), id, change(1, func(r *user.Record) { r.Phone = phone }))
}

func testPhone(t *testing.T, s Storage) {
	a, b, none1, none2 := withPhone("ann", "+8613800000000"), withPhone("bob", "+8613900000000"), newAccount("cat", "c"), newAccount("dan", "d")
	for _, x := range []user.NewAccount{a, b, none1, none2} { // many may have no number
		create(t, s, x)
	}
	want := user.Record{Credentials: a.Credentials, Phone: a.Phone}
	if got, err := s.ByPhone(t.Context(), a.Phone); err != nil || got != want {
		t.Errorf("by phone: %v %s", err, cmp.Diff(want, got))
	}
	for _, other := range []string{"", "+861380000000", "8613800000000", "+8613800000000 "} {
		if _, err := s.ByPhone(t.Context(), user.PhoneOf(other)); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("%q is found (%v), want ErrNotFound", other, err)
		}
	}
	again := withPhone("eve", "+8613800000000")
	if err := s.Create(t.Context(), again, newSession(again.Account.ID, 1)); !errors.Is(err, user.ErrPhoneTaken) {
		t.Errorf("the same number again: %v, want ErrPhoneTaken", err)
	}
	if _, err := s.ByUsername(t.Context(), "eve"); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("half an account stayed: %v", err)
	}
	if err := setPhone(t, s, b.Account.ID, a.Phone); !errors.Is(err, user.ErrPhoneTaken) {
		t.Errorf("another one takes it: %v, want ErrPhoneTaken", err)
	}
	if err := errors.Join(setPhone(t, s, a.Account.ID, user.Phone{}), setPhone(t, s, b.Account.ID, a.Phone)); err != nil {
		t.Errorf("a number that was given up: %v", err)
	}
	if got, err := s.ByPhone(t.Context(), a.Phone); err != nil || got.Account.ID != b.Account.ID {
		t.Errorf("the number belongs to %v, %v; want the second account", got.Account, err)
	}
}

func testPhoneRace(t *testing.T, s Storage) {
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		a := withPhone(fmt.Sprintf("user%d", i), "+8613800000000")
		wg.Go(func() {
			switch err := s.Create(t.Context(), a, newSession(a.Account.ID, 1)); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, user.ErrPhoneTaken):
				t.Errorf("create: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d got the number, want 1", won.Load())
	}
}

func testCode(t *testing.T, s Storage) {
	code := user.Code{ID: ids.NewCodeRequest(), MAC: [32]byte{1, 0, 2}, CreatedAt: 1000}
	if err := s.Keep(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	for _, next := range []user.Code{
		{ID: code.ID, MAC: code.MAC, CreatedAt: 1000, TryCount: 1},
		{ID: code.ID, MAC: code.MAC, CreatedAt: 1000, TryCount: 2, UsedAt: 1500},
	} {
		err := s.Try(t.Context(), code.ID, func(got user.Code) user.Code {
			if diff := cmp.Diff(code, got); diff != "" {
				t.Errorf("try sees (-want +got):\n%s", diff)
			}
			return next
		})
		if err != nil {
			t.Fatal(err)
		}
		code = next
	}
	err := s.Try(t.Context(), ids.NewCodeRequest(), func(c user.Code) user.Code { return c })
	if !errors.Is(err, user.ErrNotFound) {
		t.Errorf("an unknown code: %v, want ErrNotFound", err)
	}
}

func testCodeRace(t *testing.T, s Storage) {
	code := user.Code{ID: ids.NewCodeRequest(), CreatedAt: 1000}
	if err := s.Keep(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := s.Try(t.Context(), code.ID, func(c user.Code) user.Code { c.TryCount++; return c }); err != nil {
				t.Errorf("try: %v", err)
			}
		})
	}
	wg.Wait()
	_ = s.Try(t.Context(), code.ID, func(c user.Code) user.Code {
		if c.TryCount != 20 {
			t.Errorf("%d tries, want 20", c.TryCount)
		}
		return c
	})
}

// use tells whether a quota let a use pass.
func use(t *testing.T, s Storage, at int64, quotas ...user.Quota) bool {
	t.Helper()
	full := errors.New("full")
	err := s.Use(t.Context(), quotas, at, func(nth []int64) error {
		for _, n := range nth {
			if n != 0 {
				return full
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, full) {
		t.Fatalf("use: %v", err)
	}
	return err == nil
}

func testQuota(t *testing.T, s Storage) {
	second := user.Quota{Scope: user.AttemptKey{1}, Window: time.Second, Limit: 2}
	minute := user.Quota{Scope: user.AttemptKey{1}, Window: time.Minute, Limit: 3}
	other := user.Quota{Scope: user.AttemptKey{2}, Window: time.Minute, Limit: 1}
	for i, step := range []struct {
		at     int64
		quotas []user.Quota
		want   bool
	}{
		{10_000, []user.Quota{second, minute}, true},
		{10_900, []user.Quota{second, minute}, true},
		{10_999, []user.Quota{second, minute}, false},                                          // two in this second
		{11_000, []user.Quota{other, second, minute}, true},                                    // the first is a second old: window by window, not clock by clock
		{13_000, []user.Quota{second, minute}, false},                                          // three in this minute
		{13_000, []user.Quota{other}, false},                                                   // noted together with the others
		{69_999, []user.Quota{minute}, false},                                                  //
		{70_000, []user.Quota{minute}, true},                                                   //
		{70_000, []user.Quota{minute}, false},                                                  //
		{71_000, []user.Quota{other, minute}, true},                                            //
		{71_000, []user.Quota{{Scope: user.AttemptKey{3}, Window: time.Hour, Limit: 1}}, true}, // another scope
	} {
		if got := use(t, s, step.at, step.quotas...); got != step.want {
			t.Errorf("step %d: passed %v, want %v", i, got, step.want)
		}
	}
}

func testQuotaRace(t *testing.T, s Storage) {
	quotas := []user.Quota{
		{Scope: user.AttemptKey{9}, Window: time.Hour, Limit: 7}, {Scope: user.AttemptKey{1}, Window: time.Hour, Limit: 100},
	}
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if use(t, s, 1000, quotas...) {
				passed.Add(1)
			}
		})
	}
	wg.Wait()
	if passed.Load() != 7 {
		t.Errorf("%d passed at once, want 7", passed.Load())
	}
}

func testVerified(t *testing.T, s Storage) {
	block, other := user.AttemptKey{1}, user.AttemptKey{2}
	keep := func(block user.AttemptKey, at, usedAt int64) {
		if err := s.Keep(t.Context(), user.Code{ID: ids.NewCodeRequest(), Block: block, CreatedAt: at, UsedAt: usedAt}); err != nil {
			t.Fatal(err)
		}
	}
	for at := range int64(10) {
		keep(block, at, (at%2)*(at+1))
	}
	keep(other, 5, 6)
	for name, row := range map[string]struct {
		block          user.AttemptKey
		from, until    int64
		sent, verified int
	}{
		"some":            {block, 2, 7, 5, 2},
		"another block":   {other, 0, 99, 1, 1},
		"of nobody":       {user.AttemptKey{3}, 0, 99, 0, 0},
		"at another time": {block, 10, 99, 0, 0},
	} {
		sent, verified, err := s.Verified(t.Context(), row.block, row.from, row.until)
		if err != nil || sent != row.sent || verified != row.verified {
			t.Errorf("%s: %d sent, %d verified, %v", name, sent, verified, err)
		}
	}
}

func testForgetCodes(t *testing.T, s Storage) {
	old, young := user.Code{ID: ids.NewCodeRequest(), CreatedAt: 1000}, user.Code{ID: ids.NewCodeRequest(), CreatedAt: 2000}
	if err := errors.Join(s.Keep(t.Context(), old), s.Keep(t.Context(), young)); err != nil {
		t.Fatal(err)
	}
	quota := user.Quota{Scope: user.AttemptKey{1}, Window: time.Hour, Limit: 2}
	use(t, s, 1000, quota)
	use(t, s, 2000, quota)
	codes, codesErr := s.ForgetCodes(t.Context(), 2000, 10)
	uses, usesErr := s.ForgetUses(t.Context(), 2000, 10)
	if codes != 1 || uses != 1 || codesErr != nil || usesErr != nil {
		t.Errorf("%d codes, %d uses went (%v, %v), want one each", codes, uses, codesErr, usesErr)
	}
	keep := func(c user.Code) user.Code { return c }
	if err := s.Try(t.Context(), young.ID, keep); err != nil {
		t.Errorf("the young code: %v", err)
	}
	if err := s.Try(t.Context(), old.ID, keep); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("the old code: %v, want ErrNotFound", err)
	}
	if !use(t, s, 2001, quota) || use(t, s, 2002, quota) {
		t.Error("the young use does not count")
	}
}
