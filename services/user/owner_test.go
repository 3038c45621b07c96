// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"errors"
	"slices"
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

// why is the reason for which a token proves nothing; empty if it proves something.
func why(t *testing.T, f *usertest.Fixture, token string) string {
	t.Helper()
	_, err := f.VerifyToken(t.Context(), token)
	problem, ok := fault.Of(err)
	if err != nil && (!ok || !errors.Is(err, user.ErrSessionEnded)) {
		t.Fatalf("verify: %v", err)
	}
	if err == nil {
		return ""
	}
	return problem.Metadata()["why"]
}

func TestAUsernameChangesOnceInThirtyDays(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann := usertest.CallerOf(f.Person(t, "ann", "Ann"))
	if got, err := f.SetUsername(t.Context(), ann, "Anna"); err != nil || got.Account.Username != "anna" {
		t.Fatalf("first change: %q, %v", got.Account.Username, err)
	}
	if _, err := f.SetUsername(t.Context(), ann, "anna"); err != nil {
		t.Errorf("the same name again: %v, want nothing to do", err)
	}
	f.Clock.Advance(30*day - time.Second)
	_, err := f.SetUsername(t.Context(), ann, "annie")
	if problem, ok := fault.Of(err); !errors.Is(err, user.ErrRateLimited) || !ok || problem.RetryAfter() != time.Second {
		t.Errorf("a second too early: %v, want RATE_LIMITED for a second", err)
	}
	f.Clock.Advance(time.Second)
	f.Clock.Advance(-day) // the login session lives 30 days without use; its owner was here yesterday
	ann = usertest.CallerOf(f.LoginAs(t, "anna"))
	f.Clock.Advance(day)
	if _, err := f.SetUsername(t.Context(), ann, "annie"); err != nil {
		t.Errorf("after 30 days: %v", err)
	}
	var told []string
	for _, e := range f.Published.Events() {
		told = append(told, e.Account.Username)
	}
	if diff := cmp.Diff([]string{"anna", "annie"}, told); diff != "" {
		t.Errorf("friends are told (-want +got):\n%s", diff)
	}
}

func TestAnOldUsernameIsBlockedForOthersForNinetyDays(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann := usertest.CallerOf(f.Person(t, "ann", "Ann"))
	if _, err := f.SetUsername(t.Context(), ann, "anna"); err != nil {
		t.Fatal(err)
	}
	register := func() error {
		_, err := f.Register(t.Context(), user.Registration{
			Username: "ann", Nickname: "Eve", Password: usertest.Password, Device: usertest.NewDevice(),
		})
		return err
	}
	f.Clock.Advance(90*day - time.Second)
	if err := register(); !errors.Is(err, user.ErrUsernameTaken) {
		t.Errorf("before 90 days: %v, want USERNAME_TAKEN", err)
	}
	f.Clock.Advance(time.Second)
	if err := register(); err != nil {
		t.Errorf("after 90 days: %v", err)
	}
}

func TestUsernamesThatBreakTheRulesAreRefused(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann := usertest.CallerOf(f.Person(t, "ann", "Ann"))
	f.Person(t, "bob", "Bob")
	for name, want := range map[string]error{
		"bob": user.ErrUsernameTaken, "BOB": user.ErrUsernameTaken, "admin": user.ErrUsernameTaken, "9x": fault.ErrInvalid,
	} {
		if _, err := f.SetUsername(t.Context(), ann, name); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
}

func TestANewPasswordEndsAllOtherSessionsOnEveryPod(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	here, there := f.Person(t, "ann", "Ann"), f.LoginAs(t, "ann")
	other := f.Pod()
	const next = "another quiet morning"
	if err := f.SetPassword(t.Context(), usertest.CallerOf(here), user.Proof{Password: usertest.Password}, next); err != nil {
		t.Fatal(err)
	}
	if got := why(t, f, there.Token); got != user.WhyRevoked {
		t.Errorf("the other session ended for %q, want %q", got, user.WhyRevoked)
	}
	if got := why(t, f, here.Token); got != "" {
		t.Errorf("the own session ended for %q", got)
	}
	if _, err := other.VerifyToken(t.Context(), there.Token); !errors.Is(err, user.ErrSessionEnded) {
		t.Errorf("another pod: %v, want SESSION_ENDED", err)
	}
	want := []user.Revocation{{
		SessionID: there.Session.ID, UserID: here.Session.UserID, Reason: user.Revoked, At: f.Clock.Now().UnixMilli(),
	}}
	if diff := cmp.Diff(want, f.Published.Ended()); diff != "" {
		t.Errorf("gateways are told (-want +got):\n%s", diff)
	}
	for password, want := range map[string]error{usertest.Password: user.ErrInvalidCredentials, next: nil} {
		_, err := f.Login(t.Context(), user.Credential{Username: "ann", Password: password, Device: usertest.NewDevice()})
		if !errors.Is(err, want) {
			t.Errorf("login with %q: %v, want %v", password, err, want)
		}
	}
}

func TestSetPasswordRefuses(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, current, next string
		want                error
	}{
		{"a wrong current password", "not the password", "another quiet morning", user.ErrPasswordWrong},
		{"no current password", "", "another quiet morning", user.ErrPasswordWrong},
		{"a common new one", usertest.Password, "password123", fault.ErrInvalid},
		{"a short new one", usertest.Password, "short", fault.ErrInvalid},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := usertest.NewFixture()
			here, there := f.Person(t, "ann", "Ann"), f.LoginAs(t, "ann")
			if err := f.SetPassword(t.Context(), usertest.CallerOf(here), user.Proof{Password: row.current}, row.next); !errors.Is(err, row.want) {
				t.Errorf("%v, want %v", err, row.want)
			}
			if got := why(t, f, there.Token); got != "" {
				t.Errorf("the other session ended for %q", got)
			}
			f.LoginAs(t, "ann") // the old password still works
		})
	}
}

// A token that was stolen must not open a way to guess the password.
func TestGuessingThePasswordOfAnOpenSessionIsSlowedDown(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann := usertest.CallerOf(f.Person(t, "ann", "Ann"))
	pods := []*user.Service{f.Service, f.Pod(), f.Pod()}
	for i := range 5 {
		if err := pods[i%3].DeleteAccount(t.Context(), ann, user.Proof{Password: "wrong guess"}); !errors.Is(err, user.ErrPasswordWrong) {
			t.Fatalf("guess %d: %v, want PASSWORD_WRONG", i, err)
		}
	}
	for _, pod := range pods {
		err := pod.SetPassword(t.Context(), ann, user.Proof{Password: usertest.Password}, "another quiet morning")
		if problem, ok := fault.Of(err); !errors.Is(err, user.ErrRateLimited) || !ok || problem.RetryAfter() != time.Second {
			t.Errorf("the sixth: %v, want RATE_LIMITED for a second", err)
		}
	}
	f.LoginAs(t, "ann") // the owner is not locked out
	f.Clock.Advance(time.Second)
	if err := f.SetPassword(t.Context(), ann, user.Proof{Password: usertest.Password}, "another quiet morning"); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

// Whoever changes the password first wins; the other one proved an outdated password.
func TestOfTwoPasswordChangesAtOnceOneSucceeds(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	callers := []user.Caller{usertest.CallerOf(f.Person(t, "ann", "Ann")), usertest.CallerOf(f.LoginAs(t, "ann"))}
	errs := make([]error, len(callers))
	var wg sync.WaitGroup
	for i, caller := range callers {
		wg.Go(func() {
			errs[i] = f.SetPassword(t.Context(), caller, user.Proof{Password: usertest.Password}, "another quiet morning")
		})
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("%v and %v, want one success", errs[0], errs[1])
	}
	if list, err := f.ListSessions(t.Context(), callers[0].UserID); err != nil || len(list) != 1 {
		t.Errorf("%d sessions, %v; want that of the one who changed it", len(list), err)
	}
}

func TestPrivacyIsOffUntilItsOwnerSwitchesItOn(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann := usertest.CallerOf(f.Person(t, "ann", "Ann"))
	yes, no := true, false
	for i, step := range []struct {
		change user.PrivacyChange
		want   user.Privacy
	}{
		{user.PrivacyChange{}, user.Privacy{}},
		{user.PrivacyChange{FindableByPhone: &yes}, user.Privacy{FindableByPhone: true}},
		{user.PrivacyChange{PhoneForFriends: &yes}, user.Privacy{FindableByPhone: true, PhoneForFriends: true}},
		{user.PrivacyChange{FindableByPhone: &no}, user.Privacy{PhoneForFriends: true}},
		{user.PrivacyChange{PresenceHidden: &yes}, user.Privacy{PhoneForFriends: true, PresenceHidden: true}},
		{user.PrivacyChange{ReceiptsHidden: &yes, PresenceHidden: &no}, user.Privacy{PhoneForFriends: true, ReceiptsHidden: true}},
		{user.PrivacyChange{ReceiptsHidden: &no}, user.Privacy{PhoneForFriends: true}},
	} {
		answered, err := f.SetPrivacy(t.Context(), ann, step.change)
		stored, readErr := f.Record(t.Context(), ann.UserID)
		if err != nil || readErr != nil || answered.Privacy != step.want || stored.Privacy != step.want {
			t.Errorf("step %d: answered %+v, stored %+v, %v, %v; want %+v", i, answered.Privacy, stored.Privacy, err, readErr, step.want)
		}
	}
}

func TestF32_WhoHidesTheirPresenceIsLeftOutAndTheChangeIsTold(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann, bob := f.Person(t, "ann", "Ann"), f.Person(t, "bob", "Bob")
	people := []ids.UserID{ann.Account.ID, bob.Account.ID, ids.NewUser(), ann.Account.ID}
	yes := true
	for _, step := range []struct {
		hide bool
		want []ids.UserID
	}{{false, []ids.UserID{ann.Account.ID, bob.Account.ID}}, {true, []ids.UserID{ann.Account.ID}}} {
		told := len(f.Store.Events())
		if step.hide {
			if _, err := f.SetPrivacy(t.Context(), usertest.CallerOf(bob), user.PrivacyChange{PresenceHidden: &yes}); err != nil {
				t.Fatal(err)
			}
			if n := len(f.Store.Events()) - told; n != 1 {
				t.Errorf("hiding is told %d times", n)
			}
			if !f.Store.Events()[told].PrivacyChanged {
				t.Error("hiding is told as a change of the profile")
			}
		}
		got, err := f.CheckPresence(t.Context(), people)
		if diff := cmp.Diff(step.want, got); err != nil || diff != "" {
			t.Errorf("hidden %v: %v (-want +got):\n%s", step.hide, err, diff)
		}
	}
}

func TestF7_ADeletedAccountLeavesItsIDAndOneAuditEntry(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	here, there := f.Person(t, "ann", "Ann"), f.LoginAs(t, "ann")
	caller := usertest.CallerOf(here)
	if err := f.DeleteAccount(t.Context(), caller, user.Proof{Password: "wrong guess"}); !errors.Is(err, user.ErrPasswordWrong) {
		t.Errorf("with a wrong password: %v, want PASSWORD_WRONG", err)
	}
	if err := f.DeleteAccount(t.Context(), caller, user.Proof{Password: usertest.Password}); err != nil {
		t.Fatal(err)
	}
	for _, login := range []user.Login{here, there} {
		if got := why(t, f, login.Token); got != user.WhyDeleted {
			t.Errorf("a session ended for %q, want %q", got, user.WhyDeleted)
		}
	}
	want := user.Account{ID: caller.UserID, Nickname: "Deleted user", CreatedAt: here.Account.CreatedAt, Deleted: true}
	if got, err := f.Account(t.Context(), caller.UserID); err != nil || got != want {
		t.Errorf("the account is %+v, %v; want %+v", got, err, want)
	}
	events := f.Published.Events()
	if len(events) != 1 || events[0].Account != want {
		t.Errorf("events %+v, want one that shows the deletion", events)
	}
	f.Clock.Advance(1000 * day)
	for name, call := range map[string]func() error{
		"its username": func() error {
			_, err := f.Register(t.Context(), user.Registration{
				Username: "ann", Nickname: "Eve", Password: usertest.Password, Device: usertest.NewDevice(),
			})
			return swap(err, user.ErrUsernameTaken)
		},
		"its login": func() error {
			_, err := f.Login(t.Context(), user.Credential{Username: "ann", Password: usertest.Password, Device: usertest.NewDevice()})
			return swap(err, user.ErrInvalidCredentials)
		},
		"a second deletion": func() error {
			return swap(f.DeleteAccount(t.Context(), caller, user.Proof{Password: usertest.Password}), user.ErrNotFound)
		},
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	audit := slices.DeleteFunc(f.Store.Audited(), func(e user.AuditEntry) bool { return strings.HasPrefix(e.Action, "login.") })
	if len(audit) != 1 || audit[0].Actor != caller.UserID || audit[0].Target != caller.UserID || audit[0].Action != "account.deleted" {
		t.Errorf("audit log %+v, want one entry", audit)
	}
}

// swap is nil for the wanted error.
func swap(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return errors.Join(errors.New("not the wanted error"), want, err)
}

func TestLoggingOutEverywhereSparesTheOwnSession(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	here := f.Person(t, "ann", "Ann")
	var others []user.Login
	for range 3 {
		others = append(others, f.LoginAs(t, "ann"))
	}
	stranger := f.Person(t, "bob", "Bob")
	for i, want := range []int{3, 0} {
		if n, err := f.RevokeOtherSessions(t.Context(), usertest.CallerOf(here)); err != nil || n != want {
			t.Errorf("call %d: %d ended, %v; want %d", i, n, err, want)
		}
	}
	for _, login := range others {
		if got := why(t, f, login.Token); got != user.WhyRevoked {
			t.Errorf("another session ended for %q, want %q", got, user.WhyRevoked)
		}
	}
	for _, login := range []user.Login{here, stranger} {
		if got := why(t, f, login.Token); got != "" {
			t.Errorf("a session that should live ended for %q", got)
		}
	}
	if n := len(f.Published.Ended()); n != 3 {
		t.Errorf("gateways are told of %d, want 3", n)
	}
}

// A session that was ended meanwhile must not end the sessions of whoever ended it.
func TestAnEndedSessionChangesNothing(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	owner, thief := f.Person(t, "ann", "Ann"), f.LoginAs(t, "ann")
	if err := f.RevokeSession(t.Context(), owner.Session.UserID, thief.Session.ID); err != nil {
		t.Fatal(err)
	}
	caller := usertest.CallerOf(thief)
	nickname := "Thief"
	_, revokeErr := f.RevokeOtherSessions(t.Context(), caller)
	_, nameErr := f.SetUsername(t.Context(), caller, "thief")
	_, profileErr := f.UpdateProfile(t.Context(), caller, user.ProfileChange{Nickname: &nickname})
	for name, err := range map[string]error{
		"RevokeOtherSessions": revokeErr, "SetUsername": nameErr, "UpdateProfile": profileErr,
		"SetPassword":   f.SetPassword(t.Context(), caller, user.Proof{Password: usertest.Password}, "another quiet morning"),
		"DeleteAccount": f.DeleteAccount(t.Context(), caller, user.Proof{Password: usertest.Password}),
	} {
		if !errors.Is(err, user.ErrSessionEnded) {
			t.Errorf("%s: %v, want SESSION_ENDED", name, err)
		}
	}
	if got := why(t, f, owner.Token); got != "" {
		t.Errorf("the owner's session ended for %q", got)
	}
	if list, err := f.ListSessions(t.Context(), caller.UserID); err != nil || !cmp.Equal([]ids.LoginSessionID{owner.Session.ID}, idsOf(list)) {
		t.Errorf("sessions %v, %v; want the owner's", idsOf(list), err)
	}
}

func idsOf(sessions []user.LoginSession) []ids.LoginSessionID {
	list := make([]ids.LoginSessionID, len(sessions))
	for i, s := range sessions {
		list[i] = s.ID
	}
	return list
}
