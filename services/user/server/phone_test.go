// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/user"
)

var codeInLog = regexp.MustCompile(`"code":"([0-9]{6})"`)

// codeOf asks for a code and reads it from the log.
func codeOf(t *testing.T, r *running, auth userv1connect.AuthServiceClient, phone string, purpose userv1.CodePurpose) *userv1.PhoneCode {
	t.Helper()
	sent, err := auth.RequestCode(t.Context(), &userv1.RequestCodeRequest{Phone: phone, Purpose: purpose})
	if err != nil {
		t.Fatal(err)
	}
	if sent.GetResendAfterMs() != 60_000 || sent.GetExpiresInMs() != 300_000 {
		t.Errorf("answer %v, want 60 s and 5 minutes", sent)
	}
	all := codeInLog.FindAllStringSubmatch(r.log.String(), -1)
	return &userv1.PhoneCode{CodeRequestId: sent.GetCodeRequestId(), Code: all[len(all)-1][1]}
}

// A life by phone, through Connect and a real store.
func TestALifeByPhone(t *testing.T) {
	t.Parallel()
	const first, second = "+8613800000000", "+8613900000000"
	r := start(t, sqliteDSN(t))
	auth, profiles := r.auth(t), r.profiles(t, component.Gateway)
	options, err := auth.GetSignInOptions(t.Context(), &userv1.GetSignInOptionsRequest{})
	if err != nil || !options.GetPhoneCodes() {
		t.Errorf("options: %v, %v, want codes by phone", options, err)
	}
	login, err := auth.LoginByPhone(t.Context(), &userv1.LoginByPhoneRequest{
		Phone: first, Code: codeOf(t, r, auth, first, userv1.CodePurpose_CODE_PURPOSE_LOGIN), Device: newDevice(), CreateIfAbsent: true,
	})
	if err != nil || !login.GetCreated() || login.GetUser().GetPhone() != first || login.GetUser().GetHasPassword() {
		t.Fatalf("login: %v, %v", login.GetUser(), err)
	}
	me := as(t, auth, login.GetToken())
	if _, err := profiles.SetPassword(me, &userv1.SetPasswordRequest{NewPassword: "quiet morning river"}); err != nil {
		t.Errorf("first password: %v", err)
	}
	changed, err := profiles.SetPhone(me, &userv1.SetPhoneRequest{
		Phone: second, Code: codeOf(t, r, auth, second, userv1.CodePurpose_CODE_PURPOSE_SET_PHONE), Password: "quiet morning river",
	})
	if err != nil || changed.GetMe().GetPhone() != second {
		t.Errorf("new number: %v, %v", changed.GetMe(), err)
	}
	_, err = auth.RequestCode(t.Context(), &userv1.RequestCodeRequest{Phone: second, Purpose: userv1.CodePurpose_CODE_PURPOSE_RESET_PASSWORD})
	if !errors.Is(err, user.ErrRateLimited) {
		t.Errorf("a second code at once: %v, want RATE_LIMITED", err)
	}
	public, err := profiles.GetUser(me, &userv1.GetUserRequest{UserId: login.GetUser().GetUser().GetUserId()})
	if err != nil || strings.Contains(public.String(), second[3:]) {
		t.Errorf("the public profile %v, %v holds the number", public, err)
	}
	self := login.GetUser().GetUser().GetUserId()
	for _, shown := range []bool{false, true} {
		if _, err := profiles.SetPrivacy(me, &userv1.SetPrivacyRequest{PhoneForFriends: new(shown)}); err != nil {
			t.Fatal(err)
		}
		phones, err := r.profiles(t, component.Friend).ListFriendPhones(t.Context(), &userv1.ListFriendPhonesRequest{UserIds: []string{self}})
		if err != nil || len(phones.GetPhones()) > 0 != shown || shown && phones.GetPhones()[0].GetPhone() != second {
			t.Errorf("shown to friends %t: %v, %v", shown, phones, err)
		}
	}
	if _, err := profiles.ListFriendPhones(me, &userv1.ListFriendPhonesRequest{UserIds: []string{self}}); err == nil {
		t.Error("a person asks for numbers and gets them")
	}
	other, err := auth.RegisterByPhone(t.Context(), &userv1.RegisterByPhoneRequest{
		Phone: "+8613700000000", Code: codeOf(t, r, auth, "+8613700000000", userv1.CodePurpose_CODE_PURPOSE_REGISTER), Nickname: "王小明", Device: newDevice(),
	})
	if err != nil || other.GetUser().GetUser().GetNickname() != "王小明" {
		t.Errorf("register: %v, %v", other.GetUser(), err)
	}
	code := codeOf(t, r, auth, "+8613600000000", userv1.CodePurpose_CODE_PURPOSE_RESET_PASSWORD)
	_, err = auth.ResetPassword(t.Context(), &userv1.ResetPasswordRequest{Phone: "+8613600000000", Code: code, NewPassword: "quiet morning river"})
	if !errors.Is(err, user.ErrPhoneNotRegistered) {
		t.Errorf("reset of nobody's password: %v, want PHONE_NOT_REGISTERED", err)
	}
	for _, number := range []string{first, second} {
		if strings.Contains(r.log.String(), number) {
			t.Errorf("the log holds %s", number)
		}
	}
}
