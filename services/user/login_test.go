// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

func logIn(t *testing.T, s *user.Service, username, password string, device user.Device) (user.Login, error) {
	t.Helper()
	return s.Login(t.Context(), user.Credential{Username: username, Password: password, Device: device})
}

func TestF1_RegisterLogsIn(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	device := user.Device{ID: usertest.NewDevice().ID, Name: " Firefox\u202e on\n Linux "}
	login, err := f.Register(t.Context(), user.Registration{
		Username: "Ann", Nickname: " Ann B ", Password: usertest.Password, Device: device,
	})
	if err != nil {
		t.Fatal(err)
	}
	if login.Account.Username != "ann" || login.Account.Nickname != "Ann B" || login.Account.CreatedAt != f.Clock.Now().UnixMilli() {
		t.Errorf("account %+v, want folded and trimmed names and the time", login.Account)
	}
	if !strings.HasPrefix(login.Token, "parley_s1_") || len(login.Token) != len("parley_s1_")+43 {
		t.Errorf("token of %d characters, want the prefix and 43", len(login.Token))
	}
	if login.Session.Device.Name != "Firefox on Linux" {
		t.Errorf("device name %q, want what can be shown", login.Session.Device.Name)
	}
	got, err := f.VerifyToken(t.Context(), login.Token)
	if err != nil || got.UserID != login.Account.ID || got.Device.ID != device.ID {
		t.Errorf("the token proves %+v, %v; want the new account and device", got, err)
	}
	if creds, err := f.Store.ByUsername(t.Context(), "ann"); err != nil || strings.Contains(string(login.Session.TokenHash[:]), login.Token) || creds.PasswordHash == usertest.Password {
		t.Errorf("stored secrets are readable (%v)", err)
	}
}

func TestF1_RegisterRefuses(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	f.Person(t, "taken", "Somebody")
	before := f.Hasher.Hashes()
	good := user.Registration{Username: "ann", Nickname: "Ann", Password: usertest.Password, Device: usertest.NewDevice()}
	rows := []struct {
		name   string
		change func(*user.Registration)
		want   error
	}{
		{"a taken name", func(r *user.Registration) { r.Username = "TAKEN" }, user.ErrUsernameTaken},
		{"a reserved name", func(r *user.Registration) { r.Username = "root" }, user.ErrUsernameTaken},
		{"a bad name", func(r *user.Registration) { r.Username = "a b" }, fault.ErrInvalid},
		{"a bad nickname", func(r *user.Registration) { r.Nickname = "\u200b" }, fault.ErrInvalid},
		{"a common password", func(r *user.Registration) { r.Password = "password123" }, fault.ErrInvalid},
		{"a password of ten megabytes", func(r *user.Registration) { r.Password = strings.Repeat("x", 10<<20) }, fault.ErrInvalid},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := good
			row.change(&r)
			if _, err := f.Register(t.Context(), r); !errors.Is(err, row.want) {
				t.Errorf("Register: %v, want %v", err, row.want)
			}
		})
	}
	if n := f.Hasher.Hashes() - before; n != 0 {
		t.Errorf("%d hashes were made for what was refused, want none", n)
	}
}

func TestF1_LoginGivesANewTokenEachTime(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	first := f.Person(t, "ann", "Ann")
	second, err := logIn(t, f.Service, "ANN", usertest.Password, usertest.NewDevice())
	if err != nil {
		t.Fatal(err)
	}
	if second.Token == first.Token || second.Session.ID == first.Session.ID || second.Account != first.Account {
		t.Errorf("login %+v, want a new token and session of the same account", second)
	}
	for _, login := range []user.Login{first, second} {
		if _, err := f.VerifyToken(t.Context(), login.Token); err != nil {
			t.Errorf("a token of another device: %v, want both to live", err)
		}
	}
}

// An unknown name and a wrong password: one answer, and the same number of hashes and statements.
func TestF1_NobodyLearnsWhetherANameExists(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	f.Person(t, "ann", "Ann")
	type cost struct {
		hashes int64
		calls  int
		text   string
	}
	try := func(username, password string) cost {
		hashes, calls := f.Hasher.Hashes(), f.Store.Calls()
		_, err := logIn(t, f.Service, username, password, usertest.NewDevice())
		e, _ := fault.Of(err)
		if !errors.Is(err, user.ErrInvalidCredentials) || len(e.Metadata()) != 0 || e.RetryAfter() != 0 {
			t.Errorf("login of %s: %v, want bare INVALID_CREDENTIALS", username, err)
		}
		return cost{f.Hasher.Hashes() - hashes, f.Store.Calls() - calls, err.Error()}
	}
	wrong, unknown := try("ann", "wrong password"), try("nobody", "wrong password")
	if wrong != unknown {
		t.Errorf("a wrong password costs %+v, an unknown name %+v", wrong, unknown)
	}
	if wrong.hashes != 1 {
		t.Errorf("%d hashes, want 1", wrong.hashes)
	}
	for _, odd := range []string{"ann ", "änn", strings.Repeat("x", 64)} {
		if got := try(odd, "wrong password"); got != unknown {
			t.Errorf("the name %q costs %+v, want %+v", odd, got, unknown)
		}
	}
	if got := try("ann", "short"); got.hashes != 0 {
		t.Errorf("a password that cannot exist costs %d hashes, want none", got.hashes)
	}
}

func TestF1_FailuresSlowAnAccountDown(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	f.Person(t, "ann", "Ann")
	pods := []*user.Service{f.Service, f.Pod(), f.Pod()}
	pod := 0
	fail := func() error { // each time through another pod and from another device
		pod++
		_, err := logIn(t, pods[pod%len(pods)], "ann", "wrong password", usertest.NewDevice())
		return err
	}
	for i := range 5 {
		if err := fail(); !errors.Is(err, user.ErrInvalidCredentials) {
			t.Fatalf("failure %d: %v, want INVALID_CREDENTIALS", i+1, err)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
		want *= time.Second
		err := fail()
		if e, ok := fault.Of(err); !ok || !errors.Is(err, user.ErrRateLimited) || e.RetryAfter() != want || e.Metadata()["limit"] != "logins" {
			t.Fatalf("too early: %v, want RATE_LIMITED with %v", err, want)
		}
		f.Clock.Advance(want - time.Millisecond)
		if err := fail(); !errors.Is(err, user.ErrRateLimited) {
			t.Fatalf("still too early: %v, want RATE_LIMITED", err)
		}
		f.Clock.Advance(time.Millisecond)
		if err := fail(); !errors.Is(err, user.ErrInvalidCredentials) {
			t.Fatalf("after %v: %v, want INVALID_CREDENTIALS", want, err)
		}
	}
	f.Clock.Advance(15 * time.Minute)
	if _, err := logIn(t, f.Service, "ann", usertest.Password, usertest.NewDevice()); err != nil {
		t.Fatalf("the right password after the wait: %v", err)
	}
	for i := range 4 {
		if err := fail(); !errors.Is(err, user.ErrInvalidCredentials) {
			t.Errorf("failure %d after a success: %v, want the count to start again", i+1, err)
		}
	}
}

func TestF1_FailuresAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	f.Person(t, "ann", "Ann")
	for range 5 {
		_, _ = logIn(t, f.Service, "ann", "wrong password", usertest.NewDevice())
	}
	f.Clock.Advance(24 * time.Hour)
	for i := range 5 {
		if _, err := logIn(t, f.Service, "ann", "wrong password", usertest.NewDevice()); !errors.Is(err, user.ErrInvalidCredentials) {
			t.Errorf("failure %d on the next day: %v, want INVALID_CREDENTIALS", i+1, err)
		}
	}
}

func TestF1_AKnownDeviceKeepsItsOwnBudget(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login := f.Person(t, "ann", "Ann")
	for range 6 {
		_, _ = logIn(t, f.Service, "ann", "wrong password", usertest.NewDevice())
	}
	if _, err := logIn(t, f.Service, "ann", usertest.Password, usertest.NewDevice()); !errors.Is(err, user.ErrRateLimited) {
		t.Errorf("a new device under attack: %v, want RATE_LIMITED", err)
	}
	if _, err := logIn(t, f.Service, "ann", usertest.Password, login.Session.Device); err != nil {
		t.Errorf("the owner's device under attack: %v, want a login", err)
	}
}

// Parallel guesses must not overtake the count, whichever pods they reach.
func TestF1_ParallelGuessesAreCounted(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	pods := []*user.Service{f.Service, f.Pod(), f.Pod()}
	f.Person(t, "ann", "Ann")
	before := f.Hasher.Hashes()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() { _, _ = logIn(t, pods[i%3], "ann", "wrong password", usertest.NewDevice()) })
	}
	wg.Wait()
	if n := f.Hasher.Hashes() - before; n != 5 {
		t.Errorf("%d passwords were looked at, want 5", n)
	}
}

func TestF1_AnAddressMayTryTwentyTimesAMinute(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, first, second string
		together            bool
	}{
		{"the same IPv4 address", "192.0.2.1", "192.0.2.1", true},
		{"two IPv4 addresses", "192.0.2.1", "192.0.2.2", false},
		{"an IPv4 address inside IPv6", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"two addresses of one /64", "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"addresses of two /64", "2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"what is no address is not counted", "somewhere", "somewhere", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := usertest.NewFixture()
			other := f.Pod()
			for i := range 20 {
				_, err := f.Login(t.Context(), user.Credential{
					Username: "nobody" + string(rune('a'+i)), Password: "wrong password", Device: usertest.NewDevice(), Address: row.first,
				})
				if !errors.Is(err, user.ErrInvalidCredentials) {
					t.Fatalf("try %d: %v", i+1, err)
				}
			}
			f.Clock.Advance(20 * time.Second)
			again := user.Credential{Username: "ann", Password: "wrong password", Device: usertest.NewDevice(), Address: row.second}
			_, err := other.Login(t.Context(), again)
			if e, ok := fault.Of(err); row.together && (!ok || !errors.Is(err, user.ErrRateLimited) || e.RetryAfter() != 40*time.Second || e.Metadata()["limit"] != "logins_of_address") {
				t.Errorf("the 21st try: %v, want RATE_LIMITED with 40s", err)
			}
			if !row.together && !errors.Is(err, user.ErrInvalidCredentials) {
				t.Errorf("a try from elsewhere: %v, want INVALID_CREDENTIALS", err)
			}
			f.Clock.Advance(40 * time.Second)
			if _, err := other.Login(t.Context(), again); !errors.Is(err, user.ErrInvalidCredentials) {
				t.Errorf("a minute later: %v, want INVALID_CREDENTIALS", err)
			}
		})
	}
}

func TestF1_AnOverloadIsNoFailureOfTheAccount(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	f.Person(t, "ann", "Ann")
	f.Hasher.Fail(user.ErrOverloaded.After(time.Second))
	for range 20 {
		if _, err := logIn(t, f.Service, "ann", usertest.Password, usertest.NewDevice()); !errors.Is(err, user.ErrOverloaded) {
			t.Fatalf("login: %v, want OVERLOADED", err)
		}
	}
	f.Hasher.Fail(nil)
	if _, err := logIn(t, f.Service, "ann", usertest.Password, usertest.NewDevice()); err != nil {
		t.Errorf("login after the overload: %v", err)
	}
}

func TestF1_WithoutTheStoreNobodyLogsIn(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login := f.Person(t, "ann", "Ann")
	f.Store.Fail(fault.ErrUnavailable)
	before := f.Hasher.Hashes()
	if _, err := logIn(t, f.Service, "ann", usertest.Password, login.Session.Device); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("login: %v, want UNAVAILABLE", err)
	}
	if _, err := f.VerifyToken(t.Context(), login.Token); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("verify: %v, want UNAVAILABLE and not SESSION_ENDED", err)
	}
	if f.Hasher.Hashes() != before {
		t.Error("a password was looked at without a counter")
	}
}

func TestF1_AnOutdatedHashIsMadeAnewAtLogin(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login := f.Person(t, "ann", "Ann")
	f.Hasher.Version = "v2"
	if _, err := logIn(t, f.Service, "ann", usertest.Password, login.Session.Device); err != nil {
		t.Fatal(err)
	}
	if creds, err := f.Store.ByUsername(t.Context(), "ann"); err != nil || !strings.HasPrefix(creds.PasswordHash, "v2:") {
		t.Errorf("stored hash %q, %v; want one of v2", creds.PasswordHash, err)
	}
}
