// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	auditv1 "github.com/parley-chat/parley/api/gen/parley/audit/v1"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/mutate"
	"github.com/parley-chat/parley/test/integration/people"
)

// goodRequests has one request per public method from which the bad ones are derived. It is never sent.
func goodRequests(c *cast) map[string]proto.Message {
	device := &userv1.Device{DeviceId: people.NewID(), Name: "test"}
	nickname, description := "Li Wei", "about"
	return map[string]proto.Message{
		"parley.user.v1.AuthService/GetSignInOptions":             &userv1.GetSignInOptionsRequest{},
		"parley.user.v1.AuthService/Register":                     &userv1.RegisterRequest{Username: "never.made", Nickname: "n", Password: "quiet morning river", Device: device},
		"parley.user.v1.AuthService/Login":                        &userv1.LoginRequest{Username: "never.made", Password: "quiet morning river", Device: device},
		"parley.user.v1.AuthService/Logout":                       &userv1.LogoutRequest{},
		"parley.user.v1.AuthService/ListSessions":                 &userv1.ListSessionsRequest{},
		"parley.user.v1.AuthService/RevokeSession":                &userv1.RevokeSessionRequest{LoginSessionId: c.owner.LoginSession},
		"parley.user.v1.UserService/GetMe":                        &userv1.GetMeRequest{},
		"parley.user.v1.UserService/GetUser":                      &userv1.GetUserRequest{UserId: c.owner.ID},
		"parley.user.v1.UserService/BatchGetUsers":                &userv1.BatchGetUsersRequest{UserIds: []string{c.owner.ID}},
		"parley.user.v1.UserService/UpdateProfile":                &userv1.UpdateProfileRequest{Nickname: &nickname, Description: &description},
		"parley.user.v1.AuthService/RevokeOtherSessions":          &userv1.RevokeOtherSessionsRequest{},
		"parley.user.v1.UserService/SetUsername":                  &userv1.SetUsernameRequest{Username: "never.made"},
		"parley.user.v1.UserService/SetPassword":                  &userv1.SetPasswordRequest{CurrentPassword: c.owner.Password, NewPassword: "quiet morning river"},
		"parley.user.v1.UserService/SetPrivacy":                   &userv1.SetPrivacyRequest{PhoneForFriends: new(true), FindableByPhone: new(false)},
		"parley.user.v1.UserService/DeleteAccount":                &userv1.DeleteAccountRequest{Password: c.owner.Password, Code: noCode()},
		"parley.user.v1.UserService/SetPhone":                     &userv1.SetPhoneRequest{Phone: "+8613800000000", Code: noCode(), Password: c.owner.Password, OldCode: noCode()},
		"parley.user.v1.AuthService/RequestCode":                  &userv1.RequestCodeRequest{Phone: "+8613800000000", Purpose: userv1.CodePurpose_CODE_PURPOSE_LOGIN},
		"parley.user.v1.AuthService/RegisterByPhone":              &userv1.RegisterByPhoneRequest{Phone: "+8613800000000", Code: noCode(), Nickname: "n", Device: device},
		"parley.user.v1.AuthService/LoginByPhone":                 &userv1.LoginByPhoneRequest{Phone: "+8613800000000", Code: noCode(), Device: device, CreateIfAbsent: true},
		"parley.user.v1.AuthService/ResetPassword":                &userv1.ResetPasswordRequest{Phone: "+8613800000000", Code: noCode(), NewPassword: "quiet morning river"},
		"parley.friend.v1.FriendService/SendRequest":              &friendv1.SendRequestRequest{UserId: c.stranger.ID, Text: "hi", IdempotencyKey: people.NewID()},
		"parley.friend.v1.FriendService/ListRequests":             &friendv1.ListRequestsRequest{Direction: friendv1.Direction_DIRECTION_INCOMING, PageSize: 10},
		"parley.friend.v1.FriendService/RespondToRequest":         &friendv1.RespondToRequestRequest{RequestId: c.pending, Accept: true},
		"parley.friend.v1.FriendService/CancelRequest":            &friendv1.CancelRequestRequest{RequestId: c.pending},
		"parley.friend.v1.FriendService/ListFriends":              &friendv1.ListFriendsRequest{PageSize: 10},
		"parley.friend.v1.FriendService/RemoveFriend":             &friendv1.RemoveFriendRequest{UserId: c.friend.ID},
		"parley.friend.v1.FriendService/SearchUsers":              &friendv1.SearchUsersRequest{Query: "li", PageSize: 10},
		"parley.friend.v1.FriendService/SetRemark":                &friendv1.SetRemarkRequest{UserId: c.friend.ID, Remark: "x"},
		"parley.friend.v1.FriendService/BlockUser":                &friendv1.BlockUserRequest{UserId: c.friend.ID},
		"parley.friend.v1.FriendService/UnblockUser":              &friendv1.UnblockUserRequest{UserId: c.friend.ID},
		"parley.friend.v1.FriendService/ListBlocked":              &friendv1.ListBlockedRequest{PageSize: 10},
		"parley.file.v1.FileService/CreateUpload":                 people.Announce(filev1.Purpose_PURPOSE_FILE, "a.txt", []byte("hi")),
		"parley.file.v1.FileService/CompleteUpload":               &filev1.CompleteUploadRequest{FileId: c.draft},
		"parley.file.v1.FileService/GetFile":                      &filev1.GetFileRequest{FileId: c.file},
		"parley.file.v1.FileService/BatchGetFiles":                &filev1.BatchGetFilesRequest{FileIds: []string{c.file}},
		"parley.file.v1.FileService/ReadVoice":                    &filev1.ReadVoiceRequest{FileId: c.file},
		"parley.file.v1.FileService/DeleteFile":                   &filev1.DeleteFileRequest{FileId: c.file},
		"parley.message.v1.ConversationService/ListConversations": &messagev1.ListConversationsRequest{PageSize: 10},
		"parley.message.v1.ConversationService/GetConversation":   &messagev1.GetConversationRequest{ConversationId: c.conversation},
		"parley.message.v1.ConversationService/MarkRead":          &messagev1.MarkReadRequest{ConversationId: c.conversation, Seq: 1},
		"parley.message.v1.ConversationService/CreateGroup":       people.NewGroup(c.friend.ID, c.third.ID),
		"parley.message.v1.ConversationService/AddMembers":        &messagev1.AddMembersRequest{ConversationId: c.group, UserIds: []string{c.friend.ID}},
		"parley.message.v1.ConversationService/RemoveMember":      &messagev1.RemoveMemberRequest{ConversationId: c.group, UserId: c.friend.ID},
		"parley.message.v1.ConversationService/LeaveGroup":        &messagev1.LeaveGroupRequest{ConversationId: c.group},
		"parley.message.v1.ConversationService/DissolveGroup":     &messagev1.DissolveGroupRequest{ConversationId: c.group},
		"parley.message.v1.ConversationService/UpdateGroup":       &messagev1.UpdateGroupRequest{ConversationId: c.group, Name: "Coffee"},
		"parley.message.v1.ConversationService/SetGroupAvatar":    &messagev1.SetGroupAvatarRequest{ConversationId: c.group, FileId: people.NewID()},
		"parley.message.v1.ConversationService/SetMemberRole":     &messagev1.SetMemberRoleRequest{ConversationId: c.group, UserId: c.friend.ID, Role: messagev1.MemberRole_MEMBER_ROLE_ADMIN},
		"parley.message.v1.ConversationService/ListMembers":       &messagev1.ListMembersRequest{ConversationId: c.group, PageSize: 10},
		"parley.message.v1.MessageService/Send":                   answerTo(c.conversation, 1),
		"parley.message.v1.MessageService/ListMessages":           &messagev1.ListMessagesRequest{ConversationId: c.conversation, Limit: 10},
		"parley.message.v1.MessageService/ListChanges":            &messagev1.ListChangesRequest{ConversationId: c.conversation, Limit: 10},
		"parley.message.v1.MessageService/Recall":                 &messagev1.RecallRequest{ConversationId: c.conversation, Seq: 1},
		"parley.message.v1.MessageService/HideMessage":            &messagev1.HideMessageRequest{ConversationId: c.conversation, Seq: 1},
		"parley.message.v1.MessageService/ListHidden":             &messagev1.ListHiddenRequest{ConversationId: c.conversation, AfterRev: 1},
		"parley.message.v1.MessageService/Search":                 &messagev1.SearchRequest{Query: "hi", ConversationId: c.conversation, PageSize: 10, Kinds: []messagev1.ContentKind{messagev1.ContentKind_CONTENT_KIND_TEXT}},
		"parley.message.v1.MessageService/React":                  &messagev1.ReactRequest{ConversationId: c.conversation, Seq: 1, Emoji: "\u2764"},
		"parley.message.v1.MessageService/Edit":                   &messagev1.EditRequest{ConversationId: c.conversation, Seq: 1, Text: &messagev1.Text{Body: "hi"}},
		"parley.message.v1.MessageService/Transcribe":             &messagev1.TranscribeRequest{ConversationId: c.conversation, Seq: 1},
		"parley.message.v1.MessageService/ListVersions":           &messagev1.ListVersionsRequest{ConversationId: c.conversation, Seq: 1, AfterNumber: 1},
		"parley.message.v1.MessageService/Sync":                   &messagev1.SyncRequest{},
		"parley.gateway.v1.SessionService/Resolve":                &gatewayv1.ResolveRequest{},
		"parley.speech.v1.SpeechService/Recognize":                noRecording(),
		"parley.user.v1.AdminService/ClaimAdministrator":          &userv1.ClaimAdministratorRequest{Token: "parley_a1_x"},
		"parley.user.v1.AdminService/FindAccounts":                &userv1.FindAccountsRequest{Query: "li", PageSize: 10},
		"parley.user.v1.AdminService/BanUser":                     &userv1.BanUserRequest{UserId: c.stranger.ID, Reason: "spam", Until: 1},
		"parley.user.v1.AdminService/UnbanUser":                   &userv1.UnbanUserRequest{UserId: c.stranger.ID, Reason: "spam"},
		"parley.user.v1.AdminService/EndSessions":                 &userv1.EndSessionsRequest{UserId: c.stranger.ID, Reason: "spam"},
		"parley.user.v1.AdminService/SetRole":                     &userv1.SetRoleRequest{UserId: c.stranger.ID, Role: accessv1.Role_ROLE_MODERATOR, Reason: "helps"},
		"parley.user.v1.AdminService/ListAuditEntries":            &userv1.ListAuditEntriesRequest{Filter: &auditv1.Filter{Action: "x"}, PageSize: 10},
		"parley.message.v1.ModerationService/RemoveMessage":       &messagev1.RemoveMessageRequest{ConversationId: c.conversation, Seq: 1, Reason: "spam"},
		"parley.message.v1.ModerationService/ListAuditEntries":    &messagev1.ListAuditEntriesRequest{Filter: &auditv1.Filter{Action: "x"}, PageSize: 10},
	}
}

// leak finds what must never reach a client: paths, SQL, stacks, addresses, library names.
var leak = regexp.MustCompile(`(?i)goroutine|\.go:|/usr/|/tmp/|sql|sqlite|mysql|amqp|panic|127\.0\.0\.1:|dial tcp|nil pointer|protovalidate`)

func TestEveryBadRequestIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	base := sys.Public(0)
	c := newCast(t, base)
	boss := newOwner(t, sys)
	good := goodRequests(c)
	before := state(t, c)
	count := 0
	for _, m := range methods() {
		caller := c.owner
		if m.allows(accessv1.Level_LEVEL_ADMIN, "") {
			caller = boss
		}
		if caller == c.owner && !m.allows(accessv1.Level_LEVEL_USER, "") && !m.allows(accessv1.Level_LEVEL_PUBLIC, "") {
			continue
		}
		request, known := good[m.name]
		if !known {
			t.Errorf("%s has no good request to derive bad ones from", m.name)
			continue
		}
		for _, bad := range mutate.Cases(request) {
			count++
			checkRefused(t, m.name, bad.Name, people.Call(t, base, m.name, bad.Body, people.Bearer(caller.Token)...))
		}
	}
	t.Logf("%d bad requests", count)
	if after := state(t, c); after != before {
		t.Errorf("a refused request changed something:\n%s\n%s", before, after)
	}
}

func checkRefused(t *testing.T, method, name string, got people.Answer) {
	t.Helper()
	if got.Status < 400 || got.Status >= 500 || got.Code == "" || got.Reason == "" {
		t.Errorf("%s with %s: %s: %.300s", method, name, got, got.Body)
	}
	if found := leak.Find(got.Body); found != nil {
		t.Errorf("%s with %s leaks %q: %.300s", method, name, found, got.Body)
	}
}

// state is all that the people of the cast can see of themselves, but for what moves by itself.
func state(t *testing.T, c *cast) string {
	t.Helper()
	var all strings.Builder
	for _, p := range []*people.Person{c.owner, c.friend, c.stranger} {
		for _, call := range []struct {
			method string
			in     proto.Message
		}{
			{"parley.user.v1.UserService/GetMe", &userv1.GetMeRequest{}},
			{"parley.friend.v1.FriendService/ListFriends", &friendv1.ListFriendsRequest{}},
			{"parley.friend.v1.FriendService/ListRequests", &friendv1.ListRequestsRequest{}},
			{"parley.friend.v1.FriendService/ListBlocked", &friendv1.ListBlockedRequest{}},
			{"parley.message.v1.MessageService/ListMessages", &messagev1.ListMessagesRequest{ConversationId: c.conversation}},
			{"parley.message.v1.ConversationService/GetConversation", &messagev1.GetConversationRequest{ConversationId: c.group}},
			{"parley.message.v1.ConversationService/ListMembers", &messagev1.ListMembersRequest{ConversationId: c.group}},
		} {
			all.Write(p.Try(t, call.method, call.in).Body)
			all.WriteByte('\n')
		}
	}
	return all.String()
}

func TestTheHTTPDoorRefusesWhatIsNoCall(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	base := sys.Public(0)
	p := people.Register(t, base, "door")
	const getMe = "/parley.user.v1.UserService/GetMe"
	for name, c := range map[string]struct {
		verb, path, contentType string
		body                    []byte
		want                    int
	}{
		"TRACE":                 {http.MethodTrace, getMe, "", nil, http.StatusMethodNotAllowed},
		"PUT":                   {http.MethodPut, getMe, "application/json", []byte(`{}`), http.StatusMethodNotAllowed},
		"DELETE":                {http.MethodDelete, getMe, "", nil, http.StatusMethodNotAllowed},
		"an unknown method":     {http.MethodPost, "/parley.user.v1.UserService/Nothing", "application/json", []byte(`{}`), http.StatusNotFound},
		"an unknown service":    {http.MethodPost, "/parley.admin.v1.AdminService/BanUser", "application/json", []byte(`{}`), http.StatusNotFound},
		"dots in the path":      {http.MethodPost, "/..%2f..%2fetc/passwd", "application/json", []byte(`{}`), http.StatusMethodNotAllowed},
		"a zero in the path":    {http.MethodPost, "/parley.user.v1.UserService/GetMe%00", "application/json", []byte(`{}`), http.StatusNotFound},
		"another content type":  {http.MethodPost, getMe, "text/xml", []byte(`<a/>`), http.StatusUnsupportedMediaType},
		"a socket without verb": {http.MethodPost, "/v1/ws", "application/json", []byte(`{}`), http.StatusMethodNotAllowed},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.verb, base+c.path, bytes.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+p.Token)
		if c.contentType != "" {
			request.Header.Set("Content-Type", c.contentType)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s: got %d, want %d", name, response.StatusCode, c.want)
		}
		if response.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: no security headers on the answer", name)
		}
	}
}
