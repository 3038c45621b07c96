// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

const day = 24 * time.Hour

// whyOf is the reason in an ErrSessionEnded; empty if the token proves something.
func whyOf(t *testing.T, s *user.Service, token string) string {
	t.Helper()
	_, err := s.VerifyToken(t.Context(), token)
	if err == nil {
		return ""
	}
	f, ok := fault.Of(err)
	if !ok || !errors.Is(err, user.ErrSessionEnded) {
		t.Fatalf("verify: %v, want SESSION_ENDED", err)
	}
	return f.Metadata()["why"]
}

func TestF5_ATokenSaysWhyItIsDead(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name string
		kill func(*testing.T, *usertest.Fixture, user.Login)
		want string
	}{
		{"a fresh token lives", func(*testing.T, *usertest.Fixture, user.Login) {}, ""},
		{"a logout revokes", func(t *testing.T, f *usertest.Fixture, l user.Login) {
			if err := f.Logout(t.Context(), l.Account.ID, l.Session.ID); err != nil {
				t.Fatal(err)
			}
		}, user.WhyRevoked},
		{"a newer login of the device replaces", func(t *testing.T, f *usertest.Fixture, l user.Login) {
			if _, err := logIn(t, f.Service, "ann", usertest.Password, l.Session.Device); err != nil {
				t.Fatal(err)
			}
		}, user.WhyReplaced},
		{"ten newer devices replace", func(t *testing.T, f *usertest.Fixture, _ user.Login) {
			for range 10 {
				f.Clock.Advance(time.Second)
				if _, err := logIn(t, f.Service, "ann", usertest.Password, usertest.NewDevice()); err != nil {
					t.Fatal(err)
				}
			}
		}, user.WhyReplaced},
		{"nine newer devices live beside it", func(t *testing.T, f *usertest.Fixture, _ user.Login) {
			for range 9 {
				if _, err := logIn(t, f.Service, "ann", usertest.Password, usertest.NewDevice()); err != nil {
					t.Fatal(err)
				}
			}
		}, ""},
		{"30 days without use expire", func(_ *testing.T, f *usertest.Fixture, _ user.Login) {
			f.Clock.Advance(30 * day)
		}, user.WhyExpired},
		{"a millisecond less than 30 days does not", func(_ *testing.T, f *usertest.Fixture, _ user.Login) {
			f.Clock.Advance(30*day - time.Millisecond)
		}, ""},
		{"90 days expire, whatever the use", func(t *testing.T, f *usertest.Fixture, l user.Login) {
			for range 9 {
				f.Clock.Advance(10*day - time.Millisecond)
				if why := whyOf(t, f.Service, l.Token); why != "" {
					t.Fatalf("it died earlier: %s", why)
				}
			}
			f.Clock.Advance(9 * time.Millisecond)
		}, user.WhyExpired},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := usertest.NewFixture()
			login := f.Person(t, "ann", "Ann")
			row.kill(t, f, login)
			if got := whyOf(t, f.Pod(), login.Token); got != row.want {
				t.Errorf("the token is dead by %q, want %q", got, row.want)
			}
		})
	}
}

func TestF5_WhatIsNoTokenProvesNothing(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	token := f.Person(t, "ann", "Ann").Token
	calls := f.Store.Calls()
	for _, bad := range []string{
		"", "x", token[:len(token)-1], token + "A", " " + token, token + " ", strings.ToUpper(token),
		strings.TrimPrefix(token, "parley_s1_"), "parley_s2_" + strings.TrimPrefix(token, "parley_s1_"), token + "=",
	} {
		if why := whyOf(t, f.Service, bad); why != user.WhyUnknown {
			t.Errorf("%q is dead by %q, want %q", bad, why, user.WhyUnknown)
		}
	}
	if f.Store.Calls() != calls {
		t.Error("the store was asked about what cannot be a token")
	}
	other := usertest.NewFixture().Person(t, "ann", "Ann").Token
	if why := whyOf(t, f.Service, other); why != user.WhyUnknown {
		t.Errorf("a token of another cluster is dead by %q, want %q", why, user.WhyUnknown)
	}
}

func TestF5_TheLastUseIsExactToFiveMinutes(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login := f.Person(t, "ann", "Ann")
	start := f.Clock.Now().UnixMilli()
	for _, step := range []struct{ after, want time.Duration }{
		{5*time.Minute - time.Millisecond, 0},
		{time.Millisecond, 5 * time.Minute},
		{time.Minute, 5 * time.Minute},
		{4 * time.Minute, 10 * time.Minute},
	} {
		f.Clock.Advance(step.after)
		session, err := f.VerifyToken(t.Context(), login.Token)
		if err != nil {
			t.Fatal(err)
		}
		want := start + step.want.Milliseconds()
		list, err := f.ListSessions(t.Context(), login.Account.ID)
		if err != nil || session.LastUsedAt != want || list[0].LastUsedAt != want {
			t.Errorf("last use %d, listed %d, want %d", session.LastUsedAt, list[0].LastUsedAt, want)
		}
		if got := session.ExpiresAt(); got != want+(30*day).Milliseconds() {
			t.Errorf("expires at %d, want 30 days after the last use", got)
		}
	}
}

func TestF5_TheLeastRecentlyUsedDeviceGoes(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	logins := []user.Login{f.Person(t, "ann", "Ann")}
	for range 9 {
		f.Clock.Advance(10 * time.Minute)
		login, err := logIn(t, f.Service, "ann", usertest.Password, usertest.NewDevice())
		if err != nil {
			t.Fatal(err)
		}
		logins = append(logins, login)
	}
	f.Clock.Advance(10 * time.Minute)
	if why := whyOf(t, f.Service, logins[0].Token); why != "" { // the oldest login was just used
		t.Fatal(why)
	}
	if _, err := logIn(t, f.Service, "ann", usertest.Password, usertest.NewDevice()); err != nil {
		t.Fatal(err)
	}
	for i, login := range logins {
		want := ""
		if i == 1 {
			want = user.WhyReplaced
		}
		if why := whyOf(t, f.Service, login.Token); why != want {
			t.Errorf("login %d is dead by %q, want %q", i, why, want)
		}
	}
}

func TestF5_TenDevicesAlsoWhenManyLogInAtOnce(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login := f.Person(t, "ann", "Ann")
	devices := make([]user.Device, 30)
	for i := range devices { // known devices, so that the account's counter does not refuse them
		devices[i] = usertest.NewDevice()
		if _, err := logIn(t, f.Service, "ann", usertest.Password, devices[i]); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for _, device := range devices {
		wg.Go(func() {
			if _, err := logIn(t, f.Service, "ann", usertest.Password, device); err != nil {
				t.Errorf("login: %v", err)
			}
		})
	}
	wg.Wait()
	list, err := f.ListSessions(t.Context(), login.Account.ID)
	if err != nil || len(list) != 10 {
		t.Errorf("%d sessions, %v; want 10", len(list), err)
	}
}

func TestF5_OnlyItsOwnerEndsASession(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann, bob := f.Person(t, "ann", "Ann"), f.Person(t, "bob", "Bob")
	rows := []struct {
		name string
		id   ids.LoginSessionID
	}{
		{"one of somebody else", ann.Session.ID},
		{"an unknown one", ids.NewLoginSession()},
		{"the zero id", ids.LoginSessionID{}},
	}
	for _, row := range rows {
		if err := f.RevokeSession(t.Context(), bob.Account.ID, row.id); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("%s: %v, want NOT_FOUND", row.name, err)
		}
	}
	if why := whyOf(t, f.Service, ann.Token); why != "" {
		t.Errorf("the session of somebody else is dead by %q", why)
	}
	if err := f.RevokeSession(t.Context(), ann.Account.ID, ann.Session.ID); err != nil {
		t.Fatal(err)
	}
	if err := f.RevokeSession(t.Context(), ann.Account.ID, ann.Session.ID); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("again: %v, want NOT_FOUND", err)
	}
	if err := f.Logout(t.Context(), ann.Account.ID, ann.Session.ID); err != nil {
		t.Errorf("a logout that repeats: %v, want nil", err)
	}
}

func TestF5_ListSessionsIsLastUsedFirst(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	first := f.Person(t, "ann", "Ann")
	f.Clock.Advance(29 * day)
	second, err := logIn(t, f.Service, "ann", usertest.Password, usertest.NewDevice())
	if err != nil {
		t.Fatal(err)
	}
	f.Person(t, "bob", "Bob")
	list, err := f.ListSessions(t.Context(), first.Account.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]user.LoginSession{second.Session, first.Session}, list); diff != "" {
		t.Errorf("sessions (-want +got):\n%s", diff)
	}
	f.Clock.Advance(2 * day) // the first expires
	if list, err = f.ListSessions(t.Context(), first.Account.ID); err != nil || len(list) != 1 || list[0].ID != second.Session.ID {
		t.Errorf("sessions %v, %v; want only the second", list, err)
	}
}

func TestCleaningKeepsWhatIsNeeded(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann, bob := f.Person(t, "ann", "Ann"), f.Person(t, "bob", "Bob")
	if err := f.Logout(t.Context(), ann.Account.ID, ann.Session.ID); err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(29 * day)
	if err := f.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if why := whyOf(t, f.Service, ann.Token); why != user.WhyRevoked {
		t.Errorf("29 days after the logout the token is dead by %q, want revoked", why)
	}
	if why := whyOf(t, f.Service, bob.Token); why != "" {
		t.Errorf("the live token is dead by %q", why)
	}
	f.Clock.Advance(2 * day)
	if err := f.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if why := whyOf(t, f.Service, ann.Token); why != user.WhyUnknown {
		t.Errorf("31 days after the logout the token is dead by %q, want unknown", why)
	}
	if why := whyOf(t, f.Service, bob.Token); why != "" {
		t.Errorf("the live token is dead by %q", why)
	}
}

func FuzzWhatIsNoTokenProvesNothing(f *testing.F) {
	fixture := usertest.NewFixture()
	token := fixture.Person(f, "ann", "Ann").Token
	for _, seed := range []string{"", "parley_s1_", token[:len(token)-1], token + "=", "parley_s1_\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := fixture.VerifyToken(t.Context(), text)
		if text != token && !errors.Is(err, user.ErrSessionEnded) {
			t.Errorf("verify %q: %v, want SESSION_ENDED", text, err)
		}
	})
}
