// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// With the provider of codes away, whoever wants a code hears why there is none, and all else goes on.
func TestF55_TextChatGoesOnWithoutCodes(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Codes: "https://127.0.0.1:1/send"})
	base := sys.Public(0)
	for _, phone := range []string{"+8613800000000", "+8613900000001", "+8613700000002", "+8613600000003"} {
		in := people.JSON(&userv1.RequestCodeRequest{Phone: phone, Purpose: userv1.CodePurpose_CODE_PURPOSE_LOGIN})
		if got := people.Call(t, base, "parley.user.v1.AuthService/RequestCode", in); got.String() != "unavailable SMS_UNAVAILABLE" {
			t.Errorf("a code: %s: %s", got, got.Body)
		}
	}
	anna, bob := people.Register(t, base, "anna"), people.Register(t, base, "bob")
	conversation := people.Befriend(t, anna, bob)
	heard := listen(t, base, bob)
	anna.Do(t, messageSend, people.Text(conversation, "still here"), &messagev1.SendResponse{})
	heard.await(t, conversation, "still here")
	again := people.JSON(&userv1.LoginRequest{Username: bob.Username, Password: bob.Password, Device: &userv1.Device{DeviceId: people.NewID(), Name: "second"}})
	if got := people.Call(t, base, "parley.user.v1.AuthService/Login", again); got.String() != ok {
		t.Errorf("login by password: %s", got)
	}
}
