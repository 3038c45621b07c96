// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"google.golang.org/protobuf/proto"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	speechv1 "github.com/parley-chat/parley/api/gen/parley/speech/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/test/integration/people"
)

// noCode has the form of a code that nobody was sent.
func noCode() *userv1.PhoneCode {
	return &userv1.PhoneCode{CodeRequestId: people.NewID(), Code: "012345"}
}

// noRecording has the form of a recording.
func noRecording() *speechv1.RecognizeRequest {
	return &speechv1.RecognizeRequest{Format: speechv1.AudioFormat_AUDIO_FORMAT_WAV, Audio: []byte("no sound in here"), Language: "en"}
}

func (c *cast) userRows() []row {
	nobody := people.NewID()
	othersPassword := answers{"rest": wrongPass, "owner": nobodyElse}
	return []row{
		{"parley.user.v1.UserService/GetMe", "self", &userv1.GetMeRequest{}, all},
		{"parley.user.v1.UserService/GetUser", "another", &userv1.GetUserRequest{UserId: c.owner.ID}, all},
		{"parley.user.v1.UserService/GetUser", "missing", &userv1.GetUserRequest{UserId: nobody}, none},
		{"parley.user.v1.UserService/BatchGetUsers", "missing", &userv1.BatchGetUsersRequest{UserIds: []string{nobody}}, all},
		{"parley.user.v1.UserService/UpdateProfile", "self", &userv1.UpdateProfileRequest{}, all},
		{"parley.user.v1.AuthService/ListSessions", "self", &userv1.ListSessionsRequest{}, all},
		{"parley.user.v1.AuthService/RevokeSession", "foreign", &userv1.RevokeSessionRequest{LoginSessionId: c.owner.LoginSession}, answers{"rest": notFound, "owner": nobodyElse}},
		{"parley.user.v1.AuthService/RevokeSession", "missing", &userv1.RevokeSessionRequest{LoginSessionId: people.NewID()}, none},
		{"parley.user.v1.AuthService/RevokeOtherSessions", "self", &userv1.RevokeOtherSessionsRequest{}, all},
		{"parley.user.v1.UserService/SetPrivacy", "self", &userv1.SetPrivacyRequest{}, all},
		{"parley.user.v1.UserService/SetUsername", "own", func(p *people.Person) proto.Message { return &userv1.SetUsernameRequest{Username: p.Username} }, all},
		{"parley.user.v1.UserService/SetUsername", "taken", &userv1.SetUsernameRequest{Username: c.owner.Username}, answers{"rest": "already_exists USERNAME_TAKEN", "owner": ok}},
		{"parley.user.v1.UserService/SetPassword", "with that of another", &userv1.SetPasswordRequest{CurrentPassword: c.owner.Password, NewPassword: "quiet morning river"}, othersPassword},
		{"parley.user.v1.UserService/SetPassword", "own", func(p *people.Person) proto.Message {
			return &userv1.SetPasswordRequest{CurrentPassword: p.Password, NewPassword: p.Password}
		}, all},
		{"parley.user.v1.UserService/SetPassword", "with a code that was never sent", &userv1.SetPasswordRequest{Code: noCode(), NewPassword: "quiet morning river"}, answers{"rest": "invalid_argument CODE_INVALID"}},
		{"parley.user.v1.UserService/SetPhone", "with the password of another", &userv1.SetPhoneRequest{Phone: "+8613800000000", Code: noCode(), Password: c.owner.Password}, othersPassword},
		{"parley.user.v1.UserService/SetPhone", "without a code", func(p *people.Person) proto.Message {
			return &userv1.SetPhoneRequest{Phone: "+8613800000000", Code: noCode(), Password: p.Password}
		}, answers{"rest": "invalid_argument CODE_INVALID"}},
		{"parley.user.v1.UserService/DeleteAccount", "with the password of another", &userv1.DeleteAccountRequest{Password: c.owner.Password}, othersPassword},
		{"parley.user.v1.UserService/DeleteAccount", "with a wrong password", &userv1.DeleteAccountRequest{Password: "no password of theirs"}, answers{"rest": wrongPass}},
		{"parley.user.v1.AdminService/ClaimAdministrator", "an unknown link", &userv1.ClaimAdministratorRequest{Token: "parley_a1_x"}, answers{"rest": "not_found LINK_INVALID"}},
		{"parley.speech.v1.SpeechService/Recognize", "without a provider", noRecording(), answers{"rest": "unavailable SPEECH_UNAVAILABLE"}},
		{"parley.gateway.v1.SessionService/Resolve", "self", &gatewayv1.ResolveRequest{}, all},
	}
}

func (c *cast) friendRows() []row {
	nobody := people.NewID()
	request := func(to *people.Person) func(*people.Person) proto.Message {
		return func(*people.Person) proto.Message {
			return &friendv1.SendRequestRequest{UserId: to.ID, IdempotencyKey: people.NewID()}
		}
	}
	remark := func(of string) *friendv1.SetRemarkRequest { return &friendv1.SetRemarkRequest{UserId: of, Remark: "x"} }
	return []row{
		{"parley.friend.v1.FriendService/ListFriends", "self", &friendv1.ListFriendsRequest{}, all},
		{"parley.friend.v1.FriendService/ListRequests", "self", &friendv1.ListRequestsRequest{}, all},
		{"parley.friend.v1.FriendService/SearchUsers", "people", &friendv1.SearchUsersRequest{Query: "owner"}, all},
		{"parley.friend.v1.FriendService/SendRequest", "missing", request(&people.Person{ID: nobody}), none},
		{"parley.friend.v1.FriendService/SendRequest", "to who is blocked", request(c.blocked), answers{"owner": "failed_precondition USER_BLOCKED"}},
		{"parley.friend.v1.FriendService/SendRequest", "to who blocks", request(c.owner), answers{"blocked": ok}},
		{"parley.friend.v1.FriendService/SendRequest", "to a friend", request(c.third), answers{"rest": nobodyElse, "owner": "already_exists ALREADY_FRIENDS"}},
		{"parley.friend.v1.FriendService/RemoveFriend", "missing", &friendv1.RemoveFriendRequest{UserId: nobody}, all},
		{"parley.friend.v1.FriendService/SetRemark", "missing", remark(nobody), none},
		{"parley.friend.v1.FriendService/SetRemark", "of owner", remark(c.owner.ID), answers{"rest": notFound, "friend": ok, "member": ok, "admin": ok}},
		{"parley.friend.v1.FriendService/BlockUser", "missing", &friendv1.BlockUserRequest{UserId: nobody}, none},
		{"parley.friend.v1.FriendService/UnblockUser", "missing", &friendv1.UnblockUserRequest{UserId: nobody}, all},
		{"parley.friend.v1.FriendService/ListBlocked", "self", &friendv1.ListBlockedRequest{}, all},
		{"parley.friend.v1.FriendService/CancelRequest", "missing", &friendv1.CancelRequestRequest{RequestId: nobody}, answers{"rest": noRequest}},
		{"parley.friend.v1.FriendService/CancelRequest", "of stranger to owner", &friendv1.CancelRequestRequest{RequestId: c.pending}, answers{"rest": noRequest, "stranger": nobodyElse}},
		{"parley.friend.v1.FriendService/CancelRequest", "of friend to stranger", &friendv1.CancelRequestRequest{RequestId: c.asked}, answers{"rest": noRequest, "friend": ok}},
		{"parley.friend.v1.FriendService/RespondToRequest", "missing", &friendv1.RespondToRequestRequest{RequestId: nobody}, answers{"rest": noRequest}},
		{"parley.friend.v1.FriendService/RespondToRequest", "of stranger to owner", &friendv1.RespondToRequestRequest{RequestId: c.pending, Accept: true}, answers{"rest": noRequest, "owner": ok}},
	}
}
