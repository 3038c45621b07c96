// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

const phone = "+8613800000000"

// codeFor asks for a code and reads it from the phone.
func codeFor(t *testing.T, f *usertest.Fixture, number string, purpose user.Purpose) user.PhoneCode {
	t.Helper()
	sent, err := f.RequestCode(t.Context(), user.CodeRequest{Phone: number, Purpose: purpose})
	if err != nil {
		t.Fatalf("code for %s: %v", number, err)
	}
	all := f.SMS.Sent()
	last := all[len(all)-1]
	if last.ID != sent.ID || last.Number.Phone.Reveal() != number {
		t.Fatalf("the last message is another one")
	}
	return user.PhoneCode{ID: sent.ID, Digits: last.Digits}
}

// wrong is another code than the right one.
func wrong(code user.PhoneCode, i int) user.PhoneCode {
	var n int
	_, _ = fmt.Sscanf(code.Digits.Reveal(), "%d", &n)
	code.Digits = user.DigitsOf(fmt.Sprintf("%06d", (n+1+i)%1_000_000))
	return code
}

func phoneLogin(number string, code user.PhoneCode) user.PhoneLogin {
	return user.PhoneLogin{Phone: number, Code: code, Device: usertest.NewDevice()}
}

// person makes an account by phone.
func person(t *testing.T, f *usertest.Fixture, number string) user.Login {
	t.Helper()
	login, err := f.RegisterByPhone(t.Context(), phoneLogin(number, codeFor(t, f, number, user.ToRegister)))
	if err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(time.Minute) // so that the next code may be asked for
	return login
}

func TestD8_ACodeIsRightForOnePhoneOnePurposeAndOneRequest(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	person(t, f, "+8613900000000")
	code, other := codeFor(t, f, phone, user.ToRegister), codeFor(t, f, "+8613900000000", user.ToLogin)
	mixed := code
	mixed.Digits = other.Digits
	nobody := code
	nobody.ID = ids.NewCodeRequest()
	for name, call := range map[string]func() error{
		"for another purpose": func() error { _, _, err := f.LoginByPhone(t.Context(), phoneLogin(phone, code), true); return err },
		"for another phone": func() error {
			_, err := f.RegisterByPhone(t.Context(), phoneLogin("+8613700000000", code))
			return err
		},
		"of another request": func() error { _, err := f.RegisterByPhone(t.Context(), phoneLogin(phone, mixed)); return err },
		"of no request":      func() error { _, err := f.RegisterByPhone(t.Context(), phoneLogin(phone, nobody)); return err },
	} {
		if err := call(); !errors.Is(err, user.ErrCodeInvalid) {
			t.Errorf("a code %s: %v, want CODE_INVALID", name, err)
		}
	}
	if _, err := f.RegisterByPhone(t.Context(), phoneLogin(phone, code)); err != nil {
		t.Errorf("the right one: %v", err)
	}
	if _, err := f.RegisterByPhone(t.Context(), phoneLogin(phone, code)); !errors.Is(err, user.ErrCodeInvalid) {
		t.Errorf("used again: %v, want CODE_INVALID", err)
	}
}

func TestACodeIsGoodForFiveMinutes(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]error{5*time.Minute - time.Millisecond: nil, 5 * time.Minute: user.ErrCodeInvalid} {
		f := usertest.NewFixture()
		code := codeFor(t, f, phone, user.ToRegister)
		f.Clock.Advance(wait)
		if _, err := f.RegisterByPhone(t.Context(), phoneLogin(phone, code)); !errors.Is(err, want) {
			t.Errorf("after %s: %v, want %v", wait, err, want)
		}
	}
}

func TestD9_FiveWrongTriesBurnACode(t *testing.T) {
	t.Parallel()
	for tries, want := range map[int]error{4: nil, 5: user.ErrCodeInvalid} {
		f := usertest.NewFixture()
		pods := []*user.Service{f.Pod(), f.Pod(), f.Pod()}
		code := codeFor(t, f, phone, user.ToRegister)
		for i := range tries {
			if _, err := pods[i%3].RegisterByPhone(t.Context(), phoneLogin(phone, wrong(code, i))); !errors.Is(err, user.ErrCodeInvalid) {
				t.Fatalf("wrong try %d: %v", i, err)
			}
		}
		if _, err := f.RegisterByPhone(t.Context(), phoneLogin(phone, code)); !errors.Is(err, want) {
			t.Errorf("the right code after %d wrong ones: %v, want %v", tries, err, want)
		}
	}
}

// I26: whatever comes at once, a code opens one thing, and five guesses are looked at.
func TestI26_ParallelGuessesOpenOneAccountAtMost(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	pods := []*user.Service{f.Pod(), f.Pod(), f.Pod()}
	code := codeFor(t, f, phone, user.ToRegister)
	var opened atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 { // all of them right: the worst case
		wg.Go(func() {
			switch _, err := pods[i%3].RegisterByPhone(t.Context(), phoneLogin(phone, code)); {
			case err == nil:
				opened.Add(1)
			case !errors.Is(err, user.ErrCodeInvalid):
				t.Errorf("%v, want CODE_INVALID", err)
			}
		})
	}
	wg.Wait()
	if opened.Load() != 1 {
		t.Errorf("%d opened, want 1", opened.Load())
	}
	f.Clock.Advance(time.Minute)
	code = codeFor(t, f, phone, user.ToLogin)
	for i := range 64 {
		wg.Go(func() {
			if _, _, err := pods[i%3].LoginByPhone(t.Context(), phoneLogin(phone, wrong(code, i)), false); !errors.Is(err, user.ErrCodeInvalid) {
				t.Errorf("guess %d: %v, want CODE_INVALID", i, err)
			}
		})
	}
	wg.Wait()
	if _, _, err := f.LoginByPhone(t.Context(), phoneLogin(phone, code), false); !errors.Is(err, user.ErrCodeInvalid) {
		t.Errorf("the right code after 64 guesses: %v, want CODE_INVALID", err)
	}
}

// Each limit is attacked through three pods: one less than it passes, the next does not.
func TestLimitsOfCodesAreExactOverAllPods(t *testing.T) {
	t.Parallel()
	other := func(i int) string { return fmt.Sprintf("+86139%04d0000", i) } // each of another prefix
	rows := []struct {
		name  string
		pace  time.Duration
		limit int
		ask   func(i int) user.CodeRequest
		want  error
	}{
		{"one a minute for a number", 0, 1, func(int) user.CodeRequest { return user.CodeRequest{Phone: phone} }, user.ErrRateLimited},
		{"five an hour for a number", time.Minute, 5, func(int) user.CodeRequest { return user.CodeRequest{Phone: phone} }, user.ErrRateLimited},
		{"ten a day for a number", 2*time.Hour + 20*time.Minute, 10, func(int) user.CodeRequest { return user.CodeRequest{Phone: phone} }, user.ErrRateLimited},
		{"ten an hour for an address", time.Second, 10, func(i int) user.CodeRequest {
			return user.CodeRequest{Phone: other(i), Address: "192.0.2.7"}
		}, user.ErrRateLimited},
		{"ten an hour for a network of IPv6", time.Second, 10, func(i int) user.CodeRequest {
			return user.CodeRequest{Phone: other(i), Address: fmt.Sprintf("2001:db8::%d", i+1)}
		}, user.ErrRateLimited},
		{"20 an hour for a block of numbers", time.Second, 20, func(i int) user.CodeRequest {
			return user.CodeRequest{Phone: fmt.Sprintf("+861380000%04d", i)}
		}, user.ErrRateLimited},
		{"100 a day in all", time.Second, 100, func(i int) user.CodeRequest { return user.CodeRequest{Phone: other(i)} }, user.ErrSMSUnavailable},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := usertest.NewFixture()
			pods := []*user.Service{f.Pod(), f.Pod(), f.Pod()}
			for i := range row.limit {
				r := row.ask(i)
				r.Purpose = user.ToLogin
				if _, err := pods[i%3].RequestCode(t.Context(), r); err != nil {
					t.Fatalf("code %d: %v", i, err)
				}
				f.Clock.Advance(row.pace)
			}
			r := row.ask(row.limit)
			r.Purpose = user.ToRegister // counted together with others
			_, err := f.RequestCode(t.Context(), r)
			problem, ok := fault.Of(err)
			if !errors.Is(err, row.want) || !ok || problem.RetryAfter() <= 0 {
				t.Fatalf("one more: %v, want %v with a retry time", err, row.want)
			}
			if named := problem.Metadata()["limit"]; (named != "") != errors.Is(err, user.ErrRateLimited) {
				t.Errorf("the limit is called %q", named)
			}
			if f.Clock.Advance(problem.RetryAfter() - time.Millisecond); len(f.SMS.Sent()) != row.limit {
				t.Errorf("%d messages, want %d", len(f.SMS.Sent()), row.limit)
			}
			if _, err := pods[0].RequestCode(t.Context(), r); !errors.Is(err, row.want) {
				t.Errorf("a millisecond too early: %v, want %v", err, row.want)
			}
			f.Clock.Advance(time.Millisecond)
			if _, err := pods[1].RequestCode(t.Context(), r); err != nil {
				t.Errorf("at the time that was told: %v", err)
			}
		})
	}
}

// D10: nothing that somebody without the phone can see tells whether a number has an account.
func TestD10_ACodeIsSentWhetherOrNotTheNumberHasAnAccount(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	person(t, f, phone)
	cost := func(number string) (int, error) {
		before := f.Store.Calls()
		code := codeFor(t, f, number, user.ToLogin)
		_, _, err := f.LoginByPhone(t.Context(), phoneLogin(number, wrong(code, 0)), true)
		return f.Store.Calls() - before, err
	}
	known, knownErr := cost(phone)
	unknown, unknownErr := cost("+8613900000000")
	if known != unknown || !errors.Is(knownErr, user.ErrCodeInvalid) || !errors.Is(unknownErr, user.ErrCodeInvalid) {
		t.Errorf("known: %d calls, %v; unknown: %d calls, %v; want the same", known, knownErr, unknown, unknownErr)
	}
}

func TestTheHolderOfThePhoneLearnsWhetherItHasAnAccount(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	person(t, f, phone)
	if _, err := f.RegisterByPhone(t.Context(), phoneLogin(phone, codeFor(t, f, phone, user.ToRegister))); !errors.Is(err, user.ErrPhoneTaken) {
		t.Errorf("register again: %v, want PHONE_TAKEN", err)
	}
	const other = "+8613900000000"
	_, _, err := f.LoginByPhone(t.Context(), phoneLogin(other, codeFor(t, f, other, user.ToLogin)), false)
	if !errors.Is(err, user.ErrPhoneNotRegistered) {
		t.Errorf("login: %v, want PHONE_NOT_REGISTERED", err)
	}
	f.Clock.Advance(time.Minute)
	err = f.ResetPassword(t.Context(), other, codeFor(t, f, other, user.ToResetPassword), "another quiet morning")
	if !errors.Is(err, user.ErrPhoneNotRegistered) {
		t.Errorf("reset: %v, want PHONE_NOT_REGISTERED", err)
	}
}

func TestWithoutAStoreOrAProviderNoCodeIsSent(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ask := func() error {
		_, err := f.RequestCode(t.Context(), user.CodeRequest{Phone: phone, Purpose: user.ToLogin})
		return err
	}
	f.Store.Fail(fault.ErrUnavailable)
	if err := ask(); !errors.Is(err, fault.ErrUnavailable) || len(f.SMS.Sent()) != 0 {
		t.Errorf("without the counters: %v, %d messages; want UNAVAILABLE and none", err, len(f.SMS.Sent()))
	}
	f.Store.Fail(nil)
	f.SMS.Fail(errors.New("no route to " + phone))
	if err := ask(); !errors.Is(err, user.ErrSMSUnavailable) {
		t.Errorf("without the provider: %v, want SMS_UNAVAILABLE", err)
	}
	f.SMS.Fail(nil)
	if err := ask(); !errors.Is(err, user.ErrRateLimited) {
		t.Errorf("at once again: %v, want RATE_LIMITED: the message may have gone out", err)
	}
}

func TestNumbersThatAreNotServedGetNoCode(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	service := user.New(f.Ports, user.Options{
		Countries: []string{"CN"}, DailyCodes: 10, Now: f.Clock.Now, Logger: slog.New(slog.DiscardHandler),
	})
	for number, rule := range map[string]string{"+12015550123": "country", "12015550123": "number", phone: ""} {
		if _, err := service.RequestCode(t.Context(), user.CodeRequest{Phone: number}); ruleOf(err) != rule {
			t.Errorf("%s: %v, want the rule %q", number, err, rule)
		}
	}
	if n := len(f.SMS.Sent()); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

func TestNeitherNumbersNorCodesCanBePrinted(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	m := usertest.NewMessage()
	record := user.Record{Phone: m.Number.Phone}
	logger.Info("canary", "message", m, "record", record, "phone", m.Number.Phone, "digits", m.Digits)
	text := log.String() + fmt.Sprintf("%v %+v %#v %s %q %d", m, record, m.Digits, m.Number.Phone, m.Digits, m.Number.Phone)
	for _, canary := range []string{usertest.CanaryPhone, usertest.CanaryCode} {
		if strings.Contains(text, canary) {
			t.Errorf("%s is printed: %s", canary, text)
		}
	}
}
