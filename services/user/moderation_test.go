// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

func TestF46_ABanEndsAllSessionsAndNoLoginBegins(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	admin := f.Staff(t, "boss", user.Admin)
	first := f.Person(t, "ann", "Ann")
	second := f.LoginAs(t, "ann")
	state, n, err := f.Ban(t.Context(), admin, user.Ban{Target: first.Session.UserID, Reason: " spam "})
	if err != nil || n != 2 || state.Sessions != 0 {
		t.Fatalf("ban: %+v, %d ended, %v", state, n, err)
	}
	if suspended, until := f.Suspension(state); !suspended || until != 0 {
		t.Errorf("suspended %t until %d, want for ever", suspended, until)
	}
	for _, token := range []string{first.Token, second.Token} {
		_, err := f.VerifyToken(t.Context(), token)
		if told, _ := fault.Of(err); !errors.Is(err, user.ErrSessionEnded) || told.Metadata()["why"] != "banned" {
			t.Errorf("token of somebody who is suspended: %v", err)
		}
	}
	if ended := f.Published.Ended(); len(ended) != 2 || ended[0].Reason != user.Suspended {
		t.Errorf("gateways hear %v", ended)
	}
	wrong := user.Credential{Username: "ann", Password: "another horse battery", Device: usertest.NewDevice()}
	if _, err := f.Login(t.Context(), wrong); !errors.Is(err, user.ErrInvalidCredentials) {
		t.Errorf("login with a wrong password: %v, want what everybody hears", err)
	}
	right := user.Credential{Username: "ann", Password: usertest.Password, Device: usertest.NewDevice()}
	f.Clock.Advance(time.Minute)
	if _, err := f.Login(t.Context(), right); !errors.Is(err, user.ErrSuspended) {
		t.Errorf("login with the right password: %v, want ErrSuspended", err)
	}
	if _, err := f.Unban(t.Context(), admin, first.Session.UserID, "a mistake"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Login(t.Context(), right); err != nil {
		t.Errorf("login after the ban: %v", err)
	}
	checkAudit(t, f, admin.UserID, first.Session.UserID, []string{
		"account.suspended spam until=forever", "account.restored a mistake ",
	})
}

func checkAudit(t *testing.T, f *usertest.Fixture, actor, target ids.UserID, want []string) {
	t.Helper()
	var got []string
	for _, e := range f.Store.Audited() {
		if e.Actor == actor && e.Target == target && e.Origin == usertest.TestOrigin() {
			got = append(got, e.Action+" "+e.Reason+" "+e.Detail)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
}

func TestABanEndsByItself(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	admin, ann := f.Staff(t, "boss", user.Moderator), f.Person(t, "ann", "Ann").Session.UserID
	until := f.Clock.Now().Add(time.Hour).UnixMilli()
	if _, _, err := f.Ban(t.Context(), admin, user.Ban{Target: ann, Reason: "heated", Until: until}); err != nil {
		t.Fatal(err)
	}
	login := func() error {
		_, err := f.Login(t.Context(), user.Credential{Username: "ann", Password: usertest.Password, Device: usertest.NewDevice()})
		return err
	}
	f.Clock.Advance(time.Hour - time.Millisecond)
	err := login()
	if told, _ := fault.Of(err); !errors.Is(err, user.ErrSuspended) || told.Metadata()["until"] != fmt.Sprint(until) {
		t.Errorf("at the last moment: %v, want ErrSuspended with until", err)
	}
	f.Clock.Advance(time.Millisecond)
	if err := login(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestACodeOpensNothingWhileSuspended(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	admin := f.Staff(t, "boss", user.Admin)
	login := person(t, f, phone)
	if _, _, err := f.Ban(t.Context(), admin, user.Ban{Target: login.Session.UserID, Reason: "spam"}); err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(2 * time.Minute)
	_, _, err := f.LoginByPhone(t.Context(), user.PhoneLogin{
		Phone: phone, Code: codeFor(t, f, phone, user.ToLogin), Device: usertest.NewDevice(),
	}, true)
	if !errors.Is(err, user.ErrSuspended) {
		t.Errorf("login by code: %v", err)
	}
	f.Clock.Advance(2 * time.Minute)
	err = f.ResetPassword(t.Context(), phone, codeFor(t, f, phone, user.ToResetPassword), "quiet morning river")
	if !errors.Is(err, user.ErrSuspended) {
		t.Errorf("reset of the password: %v", err)
	}
}

// Who may do what to whom.
func TestF46_RolesDecideWhoMayActOnWhom(t *testing.T) {
	t.Parallel()
	roles := []user.Role{user.Member, user.Auditor, user.Moderator, user.Admin, user.Owner}
	allowed := map[string]map[user.Role][]user.Role{
		"ban for a day":  {user.Moderator: {user.Member}, user.Admin: roles[:4], user.Owner: roles},
		"ban for 8 days": {user.Admin: roles[:4], user.Owner: roles},
		"ban for ever":   {user.Admin: roles[:4], user.Owner: roles},
		"unban":          {user.Moderator: {user.Member}, user.Admin: roles[:4], user.Owner: roles},
		"end sessions":   {user.Admin: roles[:4], user.Owner: roles},
		"make auditor":   {user.Admin: roles[:4], user.Owner: roles},
		"make owner":     {user.Owner: roles},
	}
	for what, by := range allowed {
		for _, actor := range roles {
			for _, target := range roles {
				t.Run(fmt.Sprintf("%s: %s on %s", what, actor, target), func(t *testing.T) {
					t.Parallel()
					f := usertest.NewFixture()
					f.Staff(t, "owner", user.Owner)
					err := try(t, f, what, f.Staff(t, "actor", actor), f.Staff(t, "target", target).UserID)
					if want := slices.Contains(by[actor], target); want && err != nil || !want && !errors.Is(err, fault.ErrForbidden) {
						t.Errorf("%v, allowed: %t", err, want)
					}
				})
			}
		}
	}
}

func try(t *testing.T, f *usertest.Fixture, what string, actor user.Caller, target ids.UserID) error {
	t.Helper()
	days := func(n int) int64 { return f.Clock.Now().Add(time.Duration(n) * 24 * time.Hour).UnixMilli() }
	var err error
	switch what {
	case "ban for a day":
		_, _, err = f.Ban(t.Context(), actor, user.Ban{Target: target, Reason: "x", Until: days(1)})
	case "ban for 8 days":
		_, _, err = f.Ban(t.Context(), actor, user.Ban{Target: target, Reason: "x", Until: days(8)})
	case "ban for ever":
		_, _, err = f.Ban(t.Context(), actor, user.Ban{Target: target, Reason: "x"})
	case "unban":
		_, err = f.Unban(t.Context(), actor, target, "x")
	case "end sessions":
		_, err = f.EndSessions(t.Context(), actor, target, "x")
	case "make auditor":
		_, err = f.SetRole(t.Context(), actor, target, user.Auditor, "x")
	case "make owner":
		_, err = f.SetRole(t.Context(), actor, target, user.Owner, "x")
	}
	return err
}

func TestAModeratorDoesNotTouchALongBan(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	admin, moderator := f.Staff(t, "boss", user.Admin), f.Staff(t, "modesty", user.Moderator)
	ann := f.Person(t, "ann", "Ann").Session.UserID
	if _, _, err := f.Ban(t.Context(), admin, user.Ban{Target: ann, Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"unban", "ban for a day"} {
		if err := try(t, f, what, moderator, ann); !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("%s: %v, want ErrForbidden", what, err)
		}
	}
}

func TestNobodyRaisesTheirOwnRoleAndTheLastOwnerStays(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	owner, admin := f.Staff(t, "owner", user.Owner), f.Staff(t, "chief", user.Admin)
	_, raise := f.SetRole(t.Context(), admin, admin.UserID, user.Owner, "x")
	if !errors.Is(raise, fault.ErrForbidden) {
		t.Errorf("raise: %v", raise)
	}
	_, lower := f.SetRole(t.Context(), owner, owner.UserID, user.Admin, "x")
	gone := f.DeleteAccount(t.Context(), owner, user.Proof{Password: usertest.Password})
	if !errors.Is(lower, user.ErrLastOwner) || !errors.Is(gone, user.ErrLastOwner) {
		t.Errorf("the last owner: lower %v, delete %v", lower, gone)
	}
	_, _, self := f.Ban(t.Context(), owner, user.Ban{Target: owner.UserID, Reason: "x"})
	if fault.KindOf(self) != fault.Invalid {
		t.Errorf("ban of oneself: %v", self)
	}
	if _, err := f.SetRole(t.Context(), owner, admin.UserID, user.Owner, "two of us"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Ban(t.Context(), owner, user.Ban{Target: admin.UserID, Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	// A suspended owner is none who could act.
	if _, err := f.SetRole(t.Context(), owner, owner.UserID, user.Admin, "x"); !errors.Is(err, user.ErrLastOwner) {
		t.Errorf("the last owner who can sign in: %v", err)
	}
	if _, err := f.Unban(t.Context(), owner, admin.UserID, "x"); err != nil {
		t.Fatal(err)
	}
	if state, err := f.SetRole(t.Context(), owner, owner.UserID, user.Admin, "x"); err != nil || state.Role != user.Admin {
		t.Errorf("one of two owners steps back: %+v, %v", state, err)
	}
	checkAudit(t, f, owner.UserID, owner.UserID, []string{"role.set x from=owner to=admin"})
}

func TestAnActOfAnEndedSessionChangesNothing(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	admin, ann := f.Staff(t, "boss", user.Admin), f.Person(t, "ann", "Ann")
	if err := f.Logout(t.Context(), admin.UserID, admin.SessionID); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.Ban(t.Context(), admin, user.Ban{Target: ann.Session.UserID, Reason: "x"})
	if !errors.Is(err, user.ErrSessionEnded) {
		t.Errorf("ban: %v", err)
	}
	if _, err := f.VerifyToken(t.Context(), ann.Token); err != nil {
		t.Errorf("the session of the other: %v", err)
	}
}

func TestActsAreRefusedBeforeTheyAreDone(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	admin, ann := f.Staff(t, "boss", user.Admin), f.Person(t, "ann", "Ann").Session.UserID
	_, _, noReason := f.Ban(t.Context(), admin, user.Ban{Target: ann, Reason: " "})
	_, _, past := f.Ban(t.Context(), admin, user.Ban{Target: ann, Reason: "x", Until: f.Clock.Now().UnixMilli()})
	_, noRole := f.SetRole(t.Context(), admin, ann, user.Role(1), "x")
	_, noReason2 := f.EndSessions(t.Context(), admin, ann, "")
	_, noReason3 := f.Unban(t.Context(), admin, ann, "")
	for what, err := range map[string]error{
		"a ban without a reason": noReason, "a ban that is over": past, "an unknown role": noRole,
		"sessions without a reason": noReason2, "a restoring without a reason": noReason3,
	} {
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", what, err)
		}
	}
	for _, what := range []string{"ban for ever", "unban", "end sessions", "make auditor"} {
		if err := try(t, f, what, admin, ids.NewUser()); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("%s on nobody: %v, want ErrNotFound", what, err)
		}
	}
}

func TestALinkMakesAnOwnerOnceWithinADay(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann, ben := f.Person(t, "ann", "Ann"), f.Person(t, "ben", "Ben")
	create := func() string {
		token := "parley_a1_" + ids.NewUser().String()
		if err := f.CreateLink(t.Context(), sha256.Sum256([]byte(token))); err != nil {
			t.Fatal(err)
		}
		return token
	}
	claim := func(who user.Login, token string) error {
		_, err := f.ClaimLink(t.Context(), usertest.CallerOf(who), token)
		return err
	}
	replaced := create()
	late := create()
	f.Clock.Advance(24 * time.Hour)
	if err := claim(ann, late); !errors.Is(err, user.ErrLinkInvalid) {
		t.Errorf("after a day: %v", err)
	}
	token := create()
	f.Clock.Advance(24*time.Hour - time.Millisecond)
	if err := claim(ann, token); err != nil {
		t.Fatalf("at the last moment: %v", err)
	}
	for what, bad := range map[string]string{"used": token, "replaced": replaced, "made up": "parley_a1_x"} {
		if err := claim(ben, bad); !errors.Is(err, user.ErrLinkInvalid) {
			t.Errorf("a link that is %s: %v", what, err)
		}
	}
	record, err := f.Record(t.Context(), ann.Session.UserID)
	has, err2 := f.HasOwner(t.Context())
	if err != nil || err2 != nil || record.Role != user.Owner || !has {
		t.Errorf("role %v, an owner: %t, %v", record.Role, has, errors.Join(err, err2))
	}
	checkAudit(t, f, ann.Session.UserID, ann.Session.UserID, []string{"administrator_link.used  from=member to=owner"})
}

func TestStaffFindsAccountsAndIsNoted(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	auditor := f.Staff(t, "eyes", user.Auditor)
	ann := f.Person(t, "ann", "Zoe")
	var zoes []ids.UserID
	for i := range 3 {
		zoes = append(zoes, f.Person(t, fmt.Sprintf("zoe%d", i), "Zoe").Session.UserID)
	}
	byPhone := person(t, f, phone)
	find := func(query, token string) user.FindPage {
		page, err := f.FindAccounts(t.Context(), auditor, user.Find{Query: query, PageSize: 2, Token: token})
		if err != nil {
			t.Fatalf("find %q: %v", query, err)
		}
		return page
	}
	for query, want := range map[string]ids.UserID{
		"ann": ann.Session.UserID, ann.Session.UserID.String(): ann.Session.UserID, phone: byPhone.Session.UserID,
	} {
		if page := find(query, ""); len(page.States) != 1 || page.States[0].Account.ID != want {
			t.Errorf("by %q: %+v", query, page)
		}
	}
	page := find("zoe", "")
	rest := find("zoe", page.Next)
	if len(page.States) != 2 || len(rest.States) != 2 || rest.Next != "" {
		t.Errorf("pages %+v and %+v, want all four", page, rest)
	}
	if page := find("zoe1", ""); len(page.States) != 1 || page.States[0].Account.ID != zoes[1] {
		t.Errorf("by username: %+v", page)
	}
	if page := find(ids.NewUser().String(), ""); len(page.States) != 0 {
		t.Errorf("an unknown id: %+v", page)
	}
	_, err := f.FindAccounts(t.Context(), usertest.CallerOf(ann), user.Find{Query: "zoe"})
	if !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a member looks: %v", err)
	}
	log, err := f.ReadAudit(t.Context(), f.Staff(t, "boss", user.Admin), user.AuditQuery{Actor: auditor.UserID}, "")
	if err != nil || len(log.Entries) != 6 || log.Entries[0].Action != "accounts.read" {
		t.Errorf("audit log %+v, %v; want six entries", log, err)
	}
}

func TestTheAuditLogIsReadInPagesByWhoMay(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	auditor := f.Staff(t, "eyes", user.Auditor)
	for i := range 5 {
		f.Clock.Advance(time.Second)
		f.NoteDenied(t.Context(), auditor.UserID, fmt.Sprint(i))
	}
	var got []string
	token := ""
	for {
		page, err := f.ReadAudit(t.Context(), auditor, user.AuditQuery{Action: "call.denied", Limit: 2}, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			got = append(got, e.Detail)
		}
		if token = page.Next; token == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"call=4", "call=3", "call=2", "call=1", "call=0"}, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if n := len(f.Store.Audited()); n != 6 {
		t.Errorf("%d entries, want one for the reading of all pages", n)
	}
	for _, role := range []user.Role{user.Member, user.Moderator} {
		_, err := f.ReadAudit(t.Context(), f.Staff(t, role.String()+"1", role), user.AuditQuery{}, "")
		if !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("a %s reads: %v", role, err)
		}
	}
}
