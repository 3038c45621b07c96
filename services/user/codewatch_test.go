// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

// actions counts the entries of the audit log by action.
func actions(f *usertest.Fixture) map[string]int {
	counted := map[string]int{}
	for _, e := range f.Store.Audited() {
		counted[e.Action]++
	}
	return counted
}

// pump asks for codes of one block of numbers, 20 an hour, and verifies some of them. It answers what came of
// the last wish.
func pump(t *testing.T, f *usertest.Fixture, sent, verified int) error {
	t.Helper()
	for i := range sent {
		number := fmt.Sprintf("+861380000%04d", i)
		code := codeFor(t, f, number, user.ToRegister)
		if i < verified {
			if _, err := f.RegisterByPhone(t.Context(), phoneLogin(number, code)); err != nil {
				t.Fatal(err)
			}
		}
		f.Clock.Advance(4 * time.Minute)
	}
	f.Clock.Advance(5 * time.Minute)
	_, err := f.RequestCode(t.Context(), user.CodeRequest{Phone: "+8613800009999", Purpose: user.ToLogin})
	return err
}

func TestABlockOfNumbersWhoseCodesNobodyUsesGetsNone(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		sent, verified int
		want           error
	}{
		"49 tell nothing":                     {49, 0, nil},
		"50, none of them verified":           {50, 0, user.ErrRateLimited},
		"50, 14 of them verified":             {50, 14, user.ErrRateLimited},
		"50, 15 of them verified: people":     {50, 15, nil},
		"60, 18 of them verified: people":     {60, 18, nil},
		"57, 17 of them: less than 30 in 100": {57, 17, user.ErrRateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := usertest.NewFixture()
			if err := pump(t, f, row.sent, row.verified); !errors.Is(err, row.want) {
				t.Fatalf("the next one: %v, want %v", err, row.want)
			}
			if row.want == nil {
				return
			}
			if n := f.CodeCounts()[user.CodeBlocked]; n != 1 || len(f.SMS.Sent()) != row.sent {
				t.Errorf("%d blocked, %d sent", n, len(f.SMS.Sent()))
			}
			codeFor(t, f, "+8613900000000", user.ToLogin) // another block
			f.Clock.Advance(24 * time.Hour)
			codeFor(t, f, "+8613800009999", user.ToLogin)
		})
	}
}

func TestWhatBecomesOfCodesIsCountedAndWritten(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	code := codeFor(t, f, phone, user.ToRegister)
	_, wrongErr := f.RegisterByPhone(t.Context(), phoneLogin(phone, wrong(code, 0)))
	_, rightErr := f.RegisterByPhone(t.Context(), phoneLogin(phone, code))
	_, limited := f.RequestCode(t.Context(), user.CodeRequest{Phone: phone, Purpose: user.ToLogin})
	f.SMS.Fail(user.ErrSMSUnavailable)
	_, failed := f.RequestCode(t.Context(), user.CodeRequest{Phone: "+8613900000000", Purpose: user.ToLogin})
	if !errors.Is(wrongErr, user.ErrCodeInvalid) || rightErr != nil || !errors.Is(limited, user.ErrRateLimited) || !errors.Is(failed, user.ErrSMSUnavailable) {
		t.Fatalf("%v, %v, %v, %v", wrongErr, rightErr, limited, failed)
	}
	want := map[user.CodeOutcome]int{user.CodeSent: 1, user.CodeWrong: 1, user.CodeVerified: 1, user.CodeLimited: 1, user.CodeFailed: 1}
	if diff := cmp.Diff(want, f.CodeCounts()); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{user.ActionCodeSent: 1, user.ActionCodeFailed: 1}, actions(f)); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
	for _, e := range f.Store.Audited() {
		if e.Target != (ids.UserID{}) || e.Address == "" || e.RequestID == "" {
			t.Errorf("entry %+v, want an origin and no account", e)
		}
	}
}

func TestACountryHasItsShareOfTheBudget(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	pod := f.PodWith(func(o *user.Options) { o.CountryCodes = 3 })
	ask := func(i int, country string) error {
		_, err := pod.RequestCode(t.Context(), user.CodeRequest{Phone: fmt.Sprintf("+%s%04d0000", country, i), Purpose: user.ToLogin})
		return err
	}
	for i := range 3 {
		if err := ask(i, "86139"); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(3, "86139"); !errors.Is(err, user.ErrSMSUnavailable) {
		t.Errorf("one more to the country: %v", err)
	}
	if err := ask(3, "1212"); err != nil {
		t.Errorf("one to another country: %v", err)
	}
	f.Clock.Advance(24 * time.Hour)
	if err := ask(3, "86139"); err != nil {
		t.Errorf("on the next day: %v", err)
	}
}

func TestF44_LimitsOfLoginsAreExactOverAllPods(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	f.Person(t, "ann", "Ann")
	pods := []*user.Service{f.Pod(), f.Pod(), f.Pod()}
	// tried counts the logins whose password was looked at, of 60 that come to three pods at once.
	tried := func(c func(i int) user.Credential) int {
		var wg sync.WaitGroup
		var n atomic.Int64
		for i := range 60 {
			wg.Go(func() {
				_, err := pods[i%3].Login(t.Context(), c(i))
				switch {
				case errors.Is(err, user.ErrInvalidCredentials):
					n.Add(1)
				case !errors.Is(err, user.ErrRateLimited):
					t.Errorf("login: %v", err)
				}
			})
		}
		wg.Wait()
		return int(n.Load())
	}
	if n := tried(func(int) user.Credential {
		return user.Credential{Username: "ann", Password: "wrong password", Device: usertest.NewDevice()}
	}); n != 5 {
		t.Errorf("%d passwords of one account were looked at, want 5", n)
	}
	if n := tried(func(i int) user.Credential {
		return user.Credential{Username: fmt.Sprintf("nobody%d", i), Password: "wrong password", Device: usertest.NewDevice(), Address: "192.0.2.7"}
	}); n != 20 {
		t.Errorf("%d logins of one address were looked at, want 20", n)
	}
}

func TestLoginsAreWrittenIntoTheAuditLogInBounds(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann := f.Person(t, "ann", "Ann")
	device := usertest.NewDevice()
	if _, err := f.Login(t.Context(), user.Credential{Username: "ann", Password: usertest.Password, Device: device}); err != nil {
		t.Fatal(err)
	}
	for i := range 80 {
		_, err := f.Login(t.Context(), user.Credential{Username: []string{"ann", "nobody"}[i%2], Password: "wrong password", Device: usertest.NewDevice()})
		if err == nil {
			t.Fatal("a wrong password is right")
		}
	}
	if diff := cmp.Diff(map[string]int{user.ActionLogin: 1, user.ActionLoginFailed: 40}, actions(f)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	targets := map[ids.UserID]int{}
	for _, e := range f.Store.Audited() {
		if e.Action == user.ActionLoginFailed {
			targets[e.Target]++
		}
	}
	if want := map[ids.UserID]int{ann.Account.ID: 20, {}: 20}; !maps.Equal(want, targets) {
		t.Errorf("failed logins by account %v, want %v", targets, want)
	}
	f.Clock.Advance(time.Hour)
	if _, err := f.Login(t.Context(), user.Credential{Username: "ann", Password: "wrong password", Device: usertest.NewDevice()}); err == nil {
		t.Fatal("a wrong password is right")
	}
	if n := actions(f)[user.ActionLoginFailed]; n != 41 {
		t.Errorf("%d failed logins an hour later, want 41", n)
	}
}
