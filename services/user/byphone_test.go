// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

func TestAnAccountByPhoneHasAMadeUpNameAndNoPassword(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login := person(t, f, phone)
	if name, err := user.CheckUsername(login.Account.Username); err != nil || name != login.Account.Username {
		t.Errorf("username %q, %v; want a valid one", login.Account.Username, err)
	}
	record, err := f.Record(t.Context(), login.Session.UserID)
	if err != nil || record.Phone.Reveal() != phone || record.HasPassword() || record.Account.Nickname != login.Account.Username {
		t.Errorf("record %+v, %v", record, err)
	}
	for _, password := range []string{"", "12345678"} {
		_, err := f.Login(t.Context(), user.Credential{Username: login.Account.Username, Password: password, Device: usertest.NewDevice()})
		if !errors.Is(err, user.ErrInvalidCredentials) {
			t.Errorf("login with %q: %v, want INVALID_CREDENTIALS", password, err)
		}
	}
	caller := usertest.CallerOf(login)
	if err := f.SetPassword(t.Context(), caller, user.Proof{}, usertest.Password); err != nil {
		t.Errorf("a first password: %v", err)
	}
	f.LoginAs(t, login.Account.Username)
	if _, err := f.SetUsername(t.Context(), caller, "ann"); err != nil {
		t.Errorf("a name of one's own: %v", err)
	}
}

func TestLoginByPhoneReplacesTheSameDeviceAndCreatesOnlyIfAsked(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	asked := phoneLogin(phone, codeFor(t, f, phone, user.ToLogin))
	first, created, err := f.LoginByPhone(t.Context(), asked, true)
	if err != nil || !created {
		t.Fatalf("created %v, %v; want a new account", created, err)
	}
	f.Clock.Advance(time.Minute)
	asked.Code = codeFor(t, f, phone, user.ToLogin)
	second, created, err := f.LoginByPhone(t.Context(), asked, true)
	if err != nil || created || second.Session.UserID != first.Session.UserID {
		t.Errorf("created %v, %v; want the same account", created, err)
	}
	if got := why(t, f, first.Token); got != user.WhyReplaced {
		t.Errorf("the first session of the device ended for %q, want %q", got, user.WhyReplaced)
	}
}

func TestOfManyWhoCreateOneNumberAtOnceAllGetOneAccount(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	codes := make([]user.PhoneCode, 5)
	for i := range codes { // five devices of one person, each with a code
		codes[i] = codeFor(t, f, phone, user.ToLogin)
		f.Clock.Advance(time.Minute)
	}
	f.Clock.Advance(-5 * time.Minute)
	users := make([]ids.UserID, len(codes))
	var wg sync.WaitGroup
	for i, code := range codes {
		wg.Go(func() {
			login, _, err := f.LoginByPhone(t.Context(), phoneLogin(phone, code), true)
			if err != nil {
				t.Errorf("login: %v", err)
			}
			users[i] = login.Session.UserID
		})
	}
	wg.Wait()
	for _, u := range users {
		if u != users[0] {
			t.Errorf("accounts %v, want one", users)
		}
	}
}

func TestAResetEndsAllSessionsAndChangesThePassword(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login := person(t, f, phone)
	const next = "another quiet morning"
	if err := f.ResetPassword(t.Context(), phone, user.PhoneCode{}, "short"); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("a short password: %v, want CONTENT_INVALID before the code is looked at", err)
	}
	if err := f.ResetPassword(t.Context(), phone, codeFor(t, f, phone, user.ToResetPassword), next); err != nil {
		t.Fatal(err)
	}
	if got := why(t, f, login.Token); got != user.WhyRevoked {
		t.Errorf("the session ended for %q, want %q", got, user.WhyRevoked)
	}
	if _, err := f.Login(t.Context(), user.Credential{Username: login.Account.Username, Password: next, Device: usertest.NewDevice()}); err != nil {
		t.Errorf("login with the new password: %v", err)
	}
}

func TestANumberIsChangedWithTwoProofs(t *testing.T) {
	t.Parallel()
	const other = "+8613900000000"
	rows := []struct {
		name  string
		proof func(t *testing.T, f *usertest.Fixture) user.Proof
		want  error
	}{
		{"with the password", func(*testing.T, *usertest.Fixture) user.Proof { return user.Proof{Password: usertest.Password} }, nil},
		{"with a code for the old number", func(t *testing.T, f *usertest.Fixture) user.Proof {
			t.Helper()
			code := codeFor(t, f, phone, user.ToConfirmOldPhone)
			return user.Proof{Code: &code}
		}, nil},
		{"with a wrong password", func(*testing.T, *usertest.Fixture) user.Proof { return user.Proof{Password: "wrong guess"} }, user.ErrPasswordWrong},
		{"with nothing", func(*testing.T, *usertest.Fixture) user.Proof { return user.Proof{} }, user.ErrPasswordWrong},
		{"with a code for the old number and another purpose", func(t *testing.T, f *usertest.Fixture) user.Proof {
			t.Helper()
			code := codeFor(t, f, phone, user.ToLogin)
			return user.Proof{Code: &code, Password: usertest.Password}
		}, user.ErrCodeInvalid},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := usertest.NewFixture()
			here := person(t, f, phone)
			caller := usertest.CallerOf(here)
			if err := f.SetPassword(t.Context(), caller, user.Proof{}, usertest.Password); err != nil {
				t.Fatal(err)
			}
			there := f.LoginAs(t, here.Account.Username)
			proof := row.proof(t, f)
			_, err := f.SetPhone(t.Context(), caller, other, codeFor(t, f, other, user.ToSetPhone), proof)
			if !errors.Is(err, row.want) {
				t.Fatalf("%v, want %v", err, row.want)
			}
			wantPhone, wantWhy := other, user.WhyRevoked
			if row.want != nil {
				wantPhone, wantWhy = phone, ""
			}
			if record, err := f.Record(t.Context(), caller.UserID); err != nil || record.Phone.Reveal() != wantPhone {
				t.Errorf("number %s, %v; want %s", record.Phone.Reveal(), err, wantPhone)
			}
			if got := why(t, f, there.Token); got != wantWhy {
				t.Errorf("the other session ended for %q, want %q", got, wantWhy)
			}
		})
	}
}

func TestANumberOfAnotherAccountIsTaken(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	person(t, f, phone)
	ann := usertest.CallerOf(f.Person(t, "ann", "Ann"))
	proof := user.Proof{Password: usertest.Password}
	_, err := f.SetPhone(t.Context(), ann, phone, codeFor(t, f, phone, user.ToSetPhone), proof)
	if !errors.Is(err, user.ErrPhoneTaken) {
		t.Errorf("%v, want PHONE_TAKEN", err)
	}
}

func TestAnAccountWithoutAPasswordIsDeletedByCode(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	caller := usertest.CallerOf(person(t, f, phone))
	if err := f.DeleteAccount(t.Context(), caller, user.Proof{}); !errors.Is(err, user.ErrCodeInvalid) {
		t.Errorf("without a proof: %v, want CODE_INVALID", err)
	}
	code := codeFor(t, f, phone, user.ToConfirmOldPhone)
	if err := f.DeleteAccount(t.Context(), caller, user.Proof{Code: &code}); err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(time.Minute)
	if next := person(t, f, phone); next.Session.UserID == caller.UserID {
		t.Error("the number still belongs to the deleted account")
	}
}

func TestOnlyTheWholeNumberFindsWhoWishesToBeFound(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login := person(t, f, phone)
	find := func(query string, excluded ...ids.UserID) int {
		page, err := f.SearchUsers(t.Context(), user.Search{Query: query, Reader: "me", Excluded: excluded})
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Found)
	}
	if n := find(phone); n != 0 {
		t.Errorf("%d hits before the owner allows it", n)
	}
	yes := true
	if _, err := f.SetPrivacy(t.Context(), usertest.CallerOf(login), user.PrivacyChange{FindableByPhone: &yes}); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{phone: 1, " " + phone + " ": 1, phone[:13]: 0, "13800000000": 0, "+8613900000000": 0} {
		if n := find(query); n != want {
			t.Errorf("%q: %d hits, want %d", query, n, want)
		}
	}
	if n := find(phone, login.Session.UserID); n != 0 {
		t.Errorf("%d hits for one who is hidden", n)
	}
}

func TestSearchesByPhoneAreCountedOverAllPods(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	pods := []*user.Service{f.Pod(), f.Pod(), f.Pod()}
	for i := range 21 {
		_, err := pods[i%3].SearchUsers(t.Context(), user.Search{Query: phone, Reader: "me"})
		if want := i == 20; errors.Is(err, user.ErrRateLimited) != want {
			t.Errorf("search %d: %v", i, err)
		}
	}
	if _, err := f.SearchUsers(t.Context(), user.Search{Query: phone, Reader: "you"}); err != nil {
		t.Errorf("another reader: %v", err)
	}
}

// Who has nothing but a token must not get the account by giving it a first password, which would then prove
// the owner everywhere.
func TestF4_AFirstPasswordNeedsACodeForTheNumber(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	here := person(t, f, phone)
	caller := usertest.CallerOf(here)
	f.Clock.Advance(10 * time.Minute)
	ofOther, ofLogin := codeFor(t, f, "+8613900000000", user.ToConfirmOldPhone), codeFor(t, f, phone, user.ToLogin)
	for name, proof := range map[string]user.Proof{
		"nothing": {}, "any password": {Password: usertest.Password}, "a code for another number": {Code: &ofOther},
		"a code for another purpose": {Code: &ofLogin},
	} {
		if err := f.SetPassword(t.Context(), caller, proof, usertest.Password); !errors.Is(err, user.ErrCodeInvalid) {
			t.Errorf("with %s: %v, want CODE_INVALID", name, err)
		}
	}
	if record, err := f.Record(t.Context(), caller.UserID); err != nil || record.HasPassword() {
		t.Errorf("has a password: %t, %v", record.HasPassword(), err)
	}
	f.Clock.Advance(time.Minute)
	code := codeFor(t, f, phone, user.ToConfirmOldPhone)
	if err := f.SetPassword(t.Context(), caller, user.Proof{Code: &code}, usertest.Password); err != nil {
		t.Errorf("with a code for the number: %v", err)
	}
	f.LoginAs(t, here.Account.Username)
}

// Who has just signed in with a code has shown one.
func TestF4_AFirstPasswordRightAfterSigningInNeedsNoOtherCode(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	here := person(t, f, phone)
	f.Clock.Advance(8 * time.Minute)
	if err := f.SetPassword(t.Context(), usertest.CallerOf(here), user.Proof{}, usertest.Password); err != nil {
		t.Errorf("a first password: %v", err)
	}
	if err := f.SetPassword(t.Context(), usertest.CallerOf(here), user.Proof{}, "another quiet morning"); !errors.Is(err, user.ErrPasswordWrong) {
		t.Errorf("a second one without the first: %v, want PASSWORD_WRONG", err)
	}
}
