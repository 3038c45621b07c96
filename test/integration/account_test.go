// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// Whoever deletes the account is gone at every gateway; friends still see who wrote to them.
func TestADeletedAccountIsDeadAtEveryGatewayAndShownAsDeleted(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 2})
	leaver, friend := people.Register(t, sys.Public(0), "leaver"), people.Register(t, sys.Public(1), "friend")
	people.Befriend(t, leaver, friend)
	leaver.Do(t, "parley.user.v1.UserService/DeleteAccount", &userv1.DeleteAccountRequest{Password: leaver.Password}, &userv1.DeleteAccountResponse{})
	for i := range 2 {
		until(t, "unauthenticated SESSION_ENDED", func() people.Answer {
			return people.Call(t, sys.Public(i), "parley.user.v1.UserService/GetMe", []byte(`{}`), people.Bearer(leaver.Token)...)
		})
	}
	var profile userv1.GetUserResponse
	friend.Do(t, "parley.user.v1.UserService/GetUser", &userv1.GetUserRequest{UserId: leaver.ID}, &profile)
	if u := profile.GetUser(); !u.GetDeleted() || u.GetUsername() != "" || u.GetNickname() != "Deleted user" {
		t.Errorf("the friend sees %v", profile.GetUser())
	}
	list := people.Call(t, sys.Public(1), "parley.friend.v1.FriendService/ListFriends", []byte(`{}`), people.Bearer(friend.Token)...)
	if list.String() != ok || !strings.Contains(string(list.Body), leaver.ID) {
		t.Errorf("friends: %s %s", list, list.Body)
	}
	login, err := protojson.Marshal(&userv1.LoginRequest{
		Username: leaver.Username, Password: leaver.Password, Device: &userv1.Device{DeviceId: leaver.Device},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := people.Call(t, sys.Public(0), "parley.user.v1.AuthService/Login", login); got.String() != "unauthenticated INVALID_CREDENTIALS" {
		t.Errorf("login: %s", got)
	}
}
