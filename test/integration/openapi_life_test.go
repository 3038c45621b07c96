// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"net/http"
	"testing"

	"google.golang.org/protobuf/proto"

	speechv1 "github.com/parley-chat/parley/api/gen/parley/speech/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// reader calls operations and compares what goes and what comes with the document.
type reader struct {
	t         *testing.T
	d         description
	base      string
	log       *sink
	succeeded map[string]bool
}

// call sends a request with a token, if there is one.
func (r *reader) call(method string, request proto.Message, token string) people.Answer {
	r.t.Helper()
	r.d.checkRequest(r.t, method, request)
	got := people.Call(r.t, r.base, method, people.JSON(request), people.Bearer(token)...)
	r.d.checkAnswer(r.t, method, got)
	r.succeeded[method] = r.succeeded[method] || got.Status == http.StatusOK
	return got
}

// do is a call that succeeds.
func (r *reader) do(method string, request, out proto.Message, token string) {
	r.t.Helper()
	got := r.call(method, request, token)
	if got.Status != http.StatusOK {
		r.t.Fatalf("%s: %s: %s", method, got, got.Body)
	}
	if err := readJSON(got, out); err != nil {
		r.t.Fatalf("%s: %v", method, err)
	}
}

// Each operation is called with what the matrices of authorization send, and in a life by phone: it succeeds at
// least once, and whatever it answers has the form that the document says.
func TestF54_EveryOperationSucceedsAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	log := &sink{}
	speech, _ := listener(t, "good morning")
	sys := devtest.Start(t, devtest.Options{Log: log, Speech: speech})
	r := &reader{t: t, d: readDescription(t, sys.Public(0)), base: sys.Public(0), log: log, succeeded: map[string]bool{}}
	c, boss := newCast(t, sys.Public(0)), newOwner(t, sys)
	for _, row := range c.moderationRows(boss) {
		r.call(row.method, row.request(boss), boss.Token)
	}
	callers := c.callers()
	for _, row := range c.rows() {
		for _, name := range columns {
			if row.want.of(name) != "" {
				r.call(row.method, row.request(callers[name]), callers[name].Token)
			}
		}
	}
	r.life(sys)
	for path := range r.d.Paths {
		if !r.succeeded[path[1:]] {
			t.Errorf("%s never succeeds here", path[1:])
		}
	}
}

const auth, profiles = "parley.user.v1.AuthService/", "parley.user.v1.UserService/"

// code asks for a code and reads it from the log.
func (r *reader) code(phone string, purpose userv1.CodePurpose) *userv1.PhoneCode {
	r.t.Helper()
	var sent userv1.RequestCodeResponse
	r.do(auth+"RequestCode", &userv1.RequestCodeRequest{Phone: phone, Purpose: purpose}, &sent, "")
	all := codeInLog.FindAllStringSubmatch(r.log.String(), -1)
	if len(all) == 0 {
		r.t.Fatal("no code was sent")
	}
	return &userv1.PhoneCode{CodeRequestId: sent.GetCodeRequestId(), Code: all[len(all)-1][1]}
}

// life is all that one account needs no other people for.
func (r *reader) life(sys *devtest.System) {
	r.t.Helper()
	const first, second, third = "+8613800000000", "+8613900000001", "+8613700000002"
	const password = "quiet morning river"
	device := func() *userv1.Device { return &userv1.Device{DeviceId: people.NewID(), Name: "test"} }
	r.do(auth+"GetSignInOptions", &userv1.GetSignInOptionsRequest{}, &userv1.GetSignInOptionsResponse{}, "")
	var made userv1.RegisterByPhoneResponse
	r.do(auth+"RegisterByPhone", &userv1.RegisterByPhoneRequest{
		Phone: first, Code: r.code(first, userv1.CodePurpose_CODE_PURPOSE_REGISTER), Nickname: "王小明", Device: device(),
	}, &made, "")
	r.do(recognize, &speechv1.RecognizeRequest{Format: speechv1.AudioFormat_AUDIO_FORMAT_WAV, Audio: wave(1)}, &speechv1.RecognizeResponse{}, made.GetToken())
	r.do(profiles+"SetPassword", &userv1.SetPasswordRequest{NewPassword: password}, &userv1.SetPasswordResponse{}, made.GetToken())
	r.do(profiles+"SetPhone", &userv1.SetPhoneRequest{
		Phone: second, Code: r.code(second, userv1.CodePurpose_CODE_PURPOSE_SET_PHONE), Password: password,
	}, &userv1.SetPhoneResponse{}, made.GetToken())
	r.do(auth+"LoginByPhone", &userv1.LoginByPhoneRequest{
		Phone: third, Code: r.code(third, userv1.CodePurpose_CODE_PURPOSE_LOGIN), Device: device(), CreateIfAbsent: true,
	}, &userv1.LoginByPhoneResponse{}, "")
	var other userv1.RegisterResponse
	r.do(auth+"Register", &userv1.RegisterRequest{Username: "li.wei", Nickname: "Li", Password: password, Device: device()}, &other, "")
	var login userv1.LoginResponse
	r.do(auth+"Login", &userv1.LoginRequest{Username: "li.wei", Password: password, Device: device()}, &login, "")
	r.do(auth+"RevokeSession", &userv1.RevokeSessionRequest{LoginSessionId: other.GetLoginSessionId()}, &userv1.RevokeSessionResponse{}, login.GetToken())
	r.do(adminService+"ClaimAdministrator", &userv1.ClaimAdministratorRequest{Token: sys.AdministratorLink(r.t)}, &userv1.ClaimAdministratorResponse{}, login.GetToken())
	fourth := "+8613600000003"
	r.do(profiles+"SetPhone", &userv1.SetPhoneRequest{
		Phone: fourth, Code: r.code(fourth, userv1.CodePurpose_CODE_PURPOSE_SET_PHONE), Password: password,
	}, &userv1.SetPhoneResponse{}, login.GetToken())
	sys.ForgetUses(r.t)
	r.do(auth+"ResetPassword", &userv1.ResetPasswordRequest{
		Phone: fourth, Code: r.code(fourth, userv1.CodePurpose_CODE_PURPOSE_RESET_PASSWORD), NewPassword: "quiet evening river",
	}, &userv1.ResetPasswordResponse{}, "")
	r.do(profiles+"DeleteAccount", &userv1.DeleteAccountRequest{Password: password}, &userv1.DeleteAccountResponse{}, made.GetToken())
}
