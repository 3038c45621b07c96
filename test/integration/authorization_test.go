// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// method is one method of a service of ours.
type method struct {
	name  string // "parley.user.v1.UserService/GetMe"
	owner component.Name
	rules []*accessv1.Rule
	in    protoreflect.MessageType
}

func (m method) allows(level accessv1.Level, caller component.Name) bool {
	return slices.ContainsFunc(m.rules, func(r *accessv1.Rule) bool {
		return r.GetLevel() == level && (level != accessv1.Level_LEVEL_INTERNAL || slices.Contains(r.GetCallers(), string(caller)))
	})
}

// methods walks the descriptors of all services.
func methods() []method {
	var all []method
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		parts := strings.Split(string(file.Package()), ".")
		if parts[0] != "parley" {
			return true
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				descriptor := service.Methods().Get(j)
				rules, _ := proto.GetExtension(descriptor.Options(), accessv1.E_Access).([]*accessv1.Rule)
				in, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.Input().FullName())
				if err != nil {
					panic(err)
				}
				all = append(all, method{
					name:  string(service.FullName()) + "/" + string(descriptor.Name()),
					owner: component.Name(parts[1]), rules: rules, in: in,
				})
			}
		}
		return true
	})
	return all
}

// cast of the matrix.
type cast struct {
	owner, friend, stranger *people.Person
	third                   *people.Person // a friend of owner too
	conversation            string         // of owner and friend
	pending                 string         // request of stranger to owner
	closed                  string         // conversation of owner and former, closed
	group                   string         // of owner, friend and third
	blocked                 *people.Person // by owner
	sealed                  string         // conversation of owner and blocked, closed
}

func newCast(t *testing.T, base string) *cast {
	t.Helper()
	c := &cast{
		owner: people.Register(t, base, "owner"), friend: people.Register(t, base, "friend"), stranger: people.Register(t, base, "stranger"),
	}
	former := people.Register(t, base, "former")
	c.closed = people.Befriend(t, c.owner, former)
	former.Do(t, "parley.friend.v1.FriendService/RemoveFriend", &friendv1.RemoveFriendRequest{UserId: c.owner.ID}, &friendv1.RemoveFriendResponse{})
	c.blocked = people.Register(t, base, "blocked")
	c.sealed = people.Befriend(t, c.owner, c.blocked)
	c.owner.Do(t, "parley.friend.v1.FriendService/BlockUser", &friendv1.BlockUserRequest{UserId: c.blocked.ID}, &friendv1.BlockUserResponse{})
	c.conversation = people.Befriend(t, c.owner, c.friend)
	c.third = people.Register(t, base, "third")
	people.Befriend(t, c.owner, c.third)
	c.pending = people.Request(t, c.stranger, c.owner)
	c.group = people.Group(t, c.owner, c.friend, c.third)
	return c
}

// callers by the names that stand in rows.
func (c *cast) callers() map[string]*people.Person {
	return map[string]*people.Person{"owner": c.owner, "friend": c.friend, "stranger": c.stranger, "blocked": c.blocked}
}

// row of the matrix: one method on one object, and the answer of each caller.
type row struct {
	method string
	object string
	in     proto.Message
	// answers by caller: "owner", "friend", "stranger", "blocked". A caller that is not named is not asked.
	want map[string]string
}

const (
	ok       = "ok"
	notFound = "not_found NOT_FOUND"

	forbidden = "permission_denied FORBIDDEN"
)

// answerTo is a message that answers another one.
func answerTo(conversation string, seq int64) *messagev1.SendRequest {
	send := people.Text(conversation, "hi")
	send.ReplyToSeq = seq
	return send
}

// forward is a message of another conversation, sent on.
func forward(conversation, from string, seq int64) *messagev1.SendRequest {
	return &messagev1.SendRequest{
		ConversationId: conversation, ClientMessageId: people.NewID(), ForwardOf: &messagev1.Source{ConversationId: from, Seq: seq},
	}
}

// rows lists object rules; order matters only where a row changes something, and those come last.
func (c *cast) rows() []row {
	unknown := people.NewID()
	nobody := people.NewID()
	all := map[string]string{"owner": ok, "friend": ok, "stranger": ok}
	members := map[string]string{"owner": ok, "friend": ok, "stranger": notFound}
	byRole := map[string]string{"owner": ok, "friend": forbidden, "stranger": notFound}
	noGroup := map[string]string{"owner": "failed_precondition NOT_A_GROUP", "stranger": notFound}
	none := map[string]string{"owner": notFound, "friend": notFound, "stranger": notFound}
	return []row{
		{"parley.user.v1.UserService/GetMe", "self", &userv1.GetMeRequest{}, all},
		{"parley.user.v1.UserService/GetUser", "another", &userv1.GetUserRequest{UserId: c.owner.ID}, all},
		{"parley.user.v1.UserService/GetUser", "missing", &userv1.GetUserRequest{UserId: nobody}, none},
		{"parley.user.v1.UserService/BatchGetUsers", "missing", &userv1.BatchGetUsersRequest{UserIds: []string{nobody}}, all},
		{"parley.user.v1.UserService/UpdateProfile", "self", &userv1.UpdateProfileRequest{}, all},
		{"parley.user.v1.AuthService/ListSessions", "self", &userv1.ListSessionsRequest{}, all},
		{"parley.user.v1.AuthService/RevokeSession", "foreign", &userv1.RevokeSessionRequest{LoginSessionId: c.owner.LoginSession}, map[string]string{"friend": notFound, "stranger": notFound}},
		{"parley.user.v1.AuthService/RevokeSession", "missing", &userv1.RevokeSessionRequest{LoginSessionId: people.NewID()}, none},
		{"parley.user.v1.AuthService/RevokeOtherSessions", "self", &userv1.RevokeOtherSessionsRequest{}, all},
		{"parley.user.v1.UserService/SetPrivacy", "self", &userv1.SetPrivacyRequest{}, all},
		{"parley.user.v1.UserService/SetUsername", "taken", &userv1.SetUsernameRequest{Username: c.owner.Username}, map[string]string{"friend": "already_exists USERNAME_TAKEN", "stranger": "already_exists USERNAME_TAKEN"}},
		{"parley.user.v1.UserService/SetUsername", "own", &userv1.SetUsernameRequest{Username: c.owner.Username}, map[string]string{"owner": ok}},
		{"parley.user.v1.UserService/SetPassword", "with that of another", &userv1.SetPasswordRequest{CurrentPassword: c.owner.Password, NewPassword: "quiet morning river"}, map[string]string{"friend": "permission_denied PASSWORD_WRONG", "stranger": "permission_denied PASSWORD_WRONG"}},
		{"parley.user.v1.UserService/SetPhone", "with the password of another", &userv1.SetPhoneRequest{Phone: "+8613800000000", Code: noCode(), Password: c.owner.Password}, map[string]string{"friend": "permission_denied PASSWORD_WRONG", "stranger": "permission_denied PASSWORD_WRONG"}},
		{"parley.user.v1.UserService/SetPhone", "without a code", &userv1.SetPhoneRequest{Phone: "+8613800000000", Code: noCode(), Password: c.owner.Password}, map[string]string{"owner": "invalid_argument CODE_INVALID"}},
		{"parley.user.v1.UserService/DeleteAccount", "with the password of another", &userv1.DeleteAccountRequest{Password: c.owner.Password}, map[string]string{"friend": "permission_denied PASSWORD_WRONG", "stranger": "permission_denied PASSWORD_WRONG"}},
		{"parley.friend.v1.FriendService/ListFriends", "self", &friendv1.ListFriendsRequest{}, all},
		{"parley.friend.v1.FriendService/ListRequests", "self", &friendv1.ListRequestsRequest{}, all},
		{"parley.friend.v1.FriendService/SearchUsers", "people", &friendv1.SearchUsersRequest{Query: "owner"}, all},
		{"parley.friend.v1.FriendService/SendRequest", "missing", &friendv1.SendRequestRequest{UserId: nobody, IdempotencyKey: people.NewID()}, none},
		{"parley.friend.v1.FriendService/RemoveFriend", "missing", &friendv1.RemoveFriendRequest{UserId: nobody}, all},
		{"parley.friend.v1.FriendService/SetRemark", "missing", &friendv1.SetRemarkRequest{UserId: nobody, Remark: "x"}, none},
		{"parley.friend.v1.FriendService/SetRemark", "of a friend", &friendv1.SetRemarkRequest{UserId: c.friend.ID, Remark: "x"}, map[string]string{"owner": ok, "stranger": notFound}},
		{"parley.friend.v1.FriendService/BlockUser", "missing", &friendv1.BlockUserRequest{UserId: nobody}, none},
		{"parley.friend.v1.FriendService/UnblockUser", "missing", &friendv1.UnblockUserRequest{UserId: nobody}, all},
		{"parley.friend.v1.FriendService/ListBlocked", "self", &friendv1.ListBlockedRequest{}, all},
		{"parley.friend.v1.FriendService/SetRemark", "of who blocks", &friendv1.SetRemarkRequest{UserId: c.owner.ID, Remark: "x"}, map[string]string{"blocked": notFound}},
		{"parley.friend.v1.FriendService/SendRequest", "to who is blocked", &friendv1.SendRequestRequest{UserId: c.blocked.ID, IdempotencyKey: people.NewID()}, map[string]string{"owner": "failed_precondition USER_BLOCKED"}},
		{"parley.friend.v1.FriendService/SendRequest", "to who blocks", &friendv1.SendRequestRequest{UserId: c.owner.ID, IdempotencyKey: people.NewID()}, map[string]string{"blocked": ok}},
		{"parley.friend.v1.FriendService/RespondToRequest", "of somebody else", &friendv1.RespondToRequestRequest{RequestId: c.pending}, map[string]string{"blocked": "not_found REQUEST_NOT_FOUND"}},
		{"parley.message.v1.MessageService/Send", "of who blocks", people.Text(c.sealed, "hi"), map[string]string{"owner": readOnly, "blocked": readOnly, "stranger": notFound}},
		{"parley.message.v1.MessageService/ListMessages", "of who blocks", &messagev1.ListMessagesRequest{ConversationId: c.sealed}, map[string]string{"owner": ok, "blocked": ok, "stranger": notFound}},
		{"parley.message.v1.ConversationService/ListConversations", "self", &messagev1.ListConversationsRequest{}, all},
		{"parley.message.v1.ConversationService/GetConversation", "of members", &messagev1.GetConversationRequest{ConversationId: c.conversation}, members},
		{"parley.message.v1.ConversationService/GetConversation", "missing", &messagev1.GetConversationRequest{ConversationId: unknown}, none},
		{"parley.message.v1.ConversationService/MarkRead", "of members", &messagev1.MarkReadRequest{ConversationId: c.conversation, Seq: 1}, members},
		{"parley.message.v1.ConversationService/MarkRead", "missing", &messagev1.MarkReadRequest{ConversationId: unknown, Seq: 1}, none},
		{"parley.message.v1.ConversationService/GetConversation", "group", &messagev1.GetConversationRequest{ConversationId: c.group}, members},
		{"parley.message.v1.ConversationService/ListMembers", "of members", &messagev1.ListMembersRequest{ConversationId: c.conversation}, members},
		{"parley.message.v1.ConversationService/ListMembers", "group", &messagev1.ListMembersRequest{ConversationId: c.group}, members},
		{"parley.message.v1.ConversationService/ListMembers", "missing", &messagev1.ListMembersRequest{ConversationId: unknown}, none},
		{"parley.message.v1.ConversationService/CreateGroup", "of friends of owner", people.NewGroup(c.friend.ID, c.third.ID), map[string]string{
			"owner": ok, "stranger": "failed_precondition NOT_FRIENDS",
		}},
		{"parley.message.v1.ConversationService/CreateGroup", "of who is blocked", people.NewGroup(c.friend.ID, c.blocked.ID), map[string]string{"owner": "failed_precondition NOT_FRIENDS"}},
		{"parley.message.v1.ConversationService/CreateGroup", "of who blocks", people.NewGroup(c.friend.ID, c.owner.ID), map[string]string{"blocked": "failed_precondition NOT_FRIENDS"}},
		{"parley.message.v1.ConversationService/CreateGroup", "of nobody", people.NewGroup(nobody, people.NewID()), map[string]string{"owner": "failed_precondition NOT_FRIENDS"}},
		{"parley.message.v1.MessageService/Send", "group", people.Text(c.group, "hi"), map[string]string{"owner": ok, "stranger": notFound}},
		{"parley.message.v1.MessageService/ListMessages", "group", &messagev1.ListMessagesRequest{ConversationId: c.group}, members},
		{"parley.message.v1.MessageService/Send", "of members", people.Text(c.conversation, "hi"), map[string]string{"owner": ok, "stranger": notFound}},
		{"parley.message.v1.MessageService/Send", "missing", people.Text(unknown, "hi"), none},
		{"parley.message.v1.MessageService/Send", "closed", people.Text(c.closed, "hi"), map[string]string{"owner": "failed_precondition CONVERSATION_READ_ONLY", "stranger": notFound}},
		{"parley.message.v1.MessageService/Send", "a forward of what friends said", forward(c.closed, c.conversation, 1), map[string]string{"friend": notFound, "stranger": notFound}},
		{"parley.message.v1.MessageService/Send", "a forward of a foreign message", forward(c.conversation, c.closed, 1), map[string]string{"friend": notFound, "stranger": notFound}},
		{"parley.message.v1.MessageService/Send", "an answer to a missing message", answerTo(c.conversation, 99), none},
		{"parley.message.v1.MessageService/ListMessages", "of members", &messagev1.ListMessagesRequest{ConversationId: c.conversation}, members},
		{"parley.message.v1.MessageService/ListMessages", "closed", &messagev1.ListMessagesRequest{ConversationId: c.closed}, map[string]string{"owner": ok, "stranger": notFound}},
		{"parley.message.v1.MessageService/ListMessages", "missing", &messagev1.ListMessagesRequest{ConversationId: unknown}, none},
		{"parley.message.v1.MessageService/ListChanges", "of members", &messagev1.ListChangesRequest{ConversationId: c.conversation}, members},
		{"parley.message.v1.MessageService/ListChanges", "missing", &messagev1.ListChangesRequest{ConversationId: unknown}, none},
		{"parley.message.v1.MessageService/Edit", "own", &messagev1.EditRequest{ConversationId: c.conversation, Seq: 1, Text: &messagev1.Text{Body: "edited"}}, map[string]string{"owner": ok, "friend": forbidden, "stranger": notFound}},
		{"parley.message.v1.MessageService/Edit", "missing", &messagev1.EditRequest{ConversationId: c.conversation, Seq: 99, Text: &messagev1.Text{Body: "edited"}}, none},
		{"parley.message.v1.MessageService/Edit", "of an unknown conversation", &messagev1.EditRequest{ConversationId: unknown, Seq: 1, Text: &messagev1.Text{Body: "edited"}}, none},
		{"parley.message.v1.MessageService/ListVersions", "of members", &messagev1.ListVersionsRequest{ConversationId: c.conversation, Seq: 1}, members},
		{"parley.message.v1.MessageService/ListVersions", "missing", &messagev1.ListVersionsRequest{ConversationId: c.conversation, Seq: 99}, none},
		{"parley.message.v1.MessageService/React", "of members", &messagev1.ReactRequest{ConversationId: c.conversation, Seq: 1, Emoji: "\u2764"}, members},
		{"parley.message.v1.MessageService/React", "missing", &messagev1.ReactRequest{ConversationId: c.conversation, Seq: 99, Emoji: "\u2764"}, none},
		{"parley.message.v1.MessageService/Recall", "foreign", &messagev1.RecallRequest{ConversationId: c.conversation, Seq: 1}, map[string]string{"friend": forbidden, "stranger": notFound}},
		{"parley.message.v1.MessageService/Recall", "missing", &messagev1.RecallRequest{ConversationId: c.conversation, Seq: 99}, none},
		{"parley.message.v1.MessageService/Recall", "own", &messagev1.RecallRequest{ConversationId: c.conversation, Seq: 1}, map[string]string{"owner": ok}},
		{"parley.message.v1.MessageService/Edit", "recalled", &messagev1.EditRequest{ConversationId: c.conversation, Seq: 1, Text: &messagev1.Text{Body: "edited"}}, map[string]string{"owner": "failed_precondition MESSAGE_RECALLED", "friend": forbidden}},
		{"parley.message.v1.MessageService/Sync", "self", &messagev1.SyncRequest{}, all},
		{"parley.gateway.v1.SessionService/Resolve", "self", &gatewayv1.ResolveRequest{}, all},
		{"parley.friend.v1.FriendService/RespondToRequest", "of the respondent", &friendv1.RespondToRequestRequest{RequestId: c.pending}, map[string]string{"stranger": "not_found REQUEST_NOT_FOUND", "friend": "not_found REQUEST_NOT_FOUND"}},
		{"parley.friend.v1.FriendService/CancelRequest", "of the applicant", &friendv1.CancelRequestRequest{RequestId: c.pending}, map[string]string{"owner": "not_found REQUEST_NOT_FOUND", "friend": "not_found REQUEST_NOT_FOUND"}},
		{"parley.friend.v1.FriendService/RespondToRequest", "missing", &friendv1.RespondToRequestRequest{RequestId: people.NewID()}, map[string]string{"owner": "not_found REQUEST_NOT_FOUND"}},
		{"parley.friend.v1.FriendService/RespondToRequest", "own", &friendv1.RespondToRequestRequest{RequestId: c.pending, Accept: true}, map[string]string{"owner": ok}},
		{"parley.message.v1.ConversationService/AddMembers", "group", &messagev1.AddMembersRequest{ConversationId: c.group, UserIds: []string{c.friend.ID}}, byRole},
		{"parley.message.v1.ConversationService/AddMembers", "pair", &messagev1.AddMembersRequest{ConversationId: c.conversation, UserIds: []string{c.third.ID}}, noGroup},
		{"parley.message.v1.ConversationService/AddMembers", "missing", &messagev1.AddMembersRequest{ConversationId: unknown, UserIds: []string{c.third.ID}}, none},
		{"parley.message.v1.ConversationService/RemoveMember", "group, nobody", &messagev1.RemoveMemberRequest{ConversationId: c.group, UserId: nobody}, byRole},
		{"parley.message.v1.ConversationService/RemoveMember", "missing", &messagev1.RemoveMemberRequest{ConversationId: unknown, UserId: nobody}, none},
		{"parley.message.v1.ConversationService/UpdateGroup", "group", &messagev1.UpdateGroupRequest{ConversationId: c.group, Name: "Coffee"}, byRole},
		{"parley.message.v1.ConversationService/UpdateGroup", "pair", &messagev1.UpdateGroupRequest{ConversationId: c.conversation, Name: "Coffee"}, noGroup},
		{"parley.message.v1.ConversationService/UpdateGroup", "missing", &messagev1.UpdateGroupRequest{ConversationId: unknown, Name: "Coffee"}, none},
		{"parley.message.v1.ConversationService/SetMemberRole", "group", &messagev1.SetMemberRoleRequest{ConversationId: c.group, UserId: c.third.ID, Role: messagev1.MemberRole_MEMBER_ROLE_ADMIN}, byRole},
		{"parley.message.v1.ConversationService/SetMemberRole", "oneself", &messagev1.SetMemberRoleRequest{ConversationId: c.group, UserId: c.friend.ID, Role: messagev1.MemberRole_MEMBER_ROLE_OWNER}, map[string]string{"friend": forbidden}},
		{"parley.message.v1.ConversationService/SetMemberRole", "missing", &messagev1.SetMemberRoleRequest{ConversationId: unknown, UserId: c.third.ID, Role: messagev1.MemberRole_MEMBER_ROLE_ADMIN}, none},
		{"parley.message.v1.ConversationService/LeaveGroup", "group", &messagev1.LeaveGroupRequest{ConversationId: c.group}, map[string]string{
			"owner": "failed_precondition OWNER_MUST_HAND_OVER", "friend": ok, "stranger": notFound,
		}},
		{"parley.message.v1.ConversationService/LeaveGroup", "missing", &messagev1.LeaveGroupRequest{ConversationId: unknown}, none},
		{"parley.message.v1.ConversationService/ListMembers", "group, left", &messagev1.ListMembersRequest{ConversationId: c.group}, map[string]string{"friend": notFound}},
		{"parley.message.v1.ConversationService/GetConversation", "group, left", &messagev1.GetConversationRequest{ConversationId: c.group}, map[string]string{"friend": ok}},
		{"parley.message.v1.MessageService/ListMessages", "group, left", &messagev1.ListMessagesRequest{ConversationId: c.group}, map[string]string{"friend": ok}},
		{"parley.message.v1.MessageService/Send", "group, left", people.Text(c.group, "hi"), map[string]string{"friend": notFound}},
		{"parley.message.v1.ConversationService/DissolveGroup", "group", &messagev1.DissolveGroupRequest{ConversationId: c.group}, map[string]string{
			"owner": ok, "friend": notFound, "stranger": notFound,
		}},
		{"parley.message.v1.ConversationService/DissolveGroup", "missing", &messagev1.DissolveGroupRequest{ConversationId: unknown}, none},
		{"parley.message.v1.MessageService/Send", "group, dissolved", people.Text(c.group, "hi"), map[string]string{"owner": "failed_precondition CONVERSATION_READ_ONLY"}},
		{"parley.user.v1.AuthService/Logout", "self", &userv1.LogoutRequest{}, map[string]string{"stranger": ok}},
	}
}

// noCode has the form of a code that nobody was sent.
func noCode() *userv1.PhoneCode {
	return &userv1.PhoneCode{CodeRequestId: people.NewID(), Code: "012345"}
}

func TestAuthorizationMatrix(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	c := newCast(t, sys.Public(0))
	callers := c.callers()
	covered := map[string]bool{"parley.user.v1.AuthService/Register": true, "parley.user.v1.AuthService/Login": true} // public: everybody, see below
	for _, r := range c.rows() {
		covered[r.method] = true
		for _, name := range slices.Sorted(maps(r.want)) {
			if got := callers[name].Try(t, r.method, r.in).String(); got != r.want[name] {
				t.Errorf("%s on %s by %s: got %q, want %q", r.method, r.object, name, got, r.want[name])
			}
		}
	}
	for _, m := range methods() {
		if m.allows(accessv1.Level_LEVEL_USER, "") && !covered[m.name] {
			t.Errorf("%s has no row in the matrix", m.name)
		}
	}
}

// maps yields the keys of a map.
func maps(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestForeignAndMissingAnswerAlike(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	c := newCast(t, sys.Public(0))
	for _, name := range []string{"GetConversation", "MarkRead"} {
		foreign := c.stranger.Try(t, "parley.message.v1.ConversationService/"+name, &messagev1.GetConversationRequest{ConversationId: c.conversation})
		missing := c.stranger.Try(t, "parley.message.v1.ConversationService/"+name, &messagev1.GetConversationRequest{ConversationId: people.NewID()})
		if string(foreign.Body) != string(missing.Body) || foreign.Status != missing.Status {
			t.Errorf("%s tells a foreign conversation from a missing one:\n%s\n%s", name, foreign.Body, missing.Body)
		}
	}
}

// What the door itself decides: who may call a method at all.
func TestEveryMethodAtTheGateway(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	base := sys.Public(0)
	gone := people.Register(t, base, "gone")
	gone.Do(t, "parley.user.v1.AuthService/Logout", &userv1.LogoutRequest{}, &userv1.LogoutResponse{})
	until(t, "unauthenticated SESSION_ENDED", func() people.Answer {
		return gone.Try(t, "parley.user.v1.UserService/GetMe", &userv1.GetMeRequest{})
	})
	forged := sys.Identity(t, component.Gateway, component.User, devtest.Subject{UserID: people.NewID(), LoginSessionID: people.NewID(), DeviceID: people.NewID()})
	callers := map[string][]string{
		"nobody":             nil,
		"an empty token":     {"Authorization", "Bearer "},
		"an unknown token":   {"Authorization", "Bearer parley_s1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		"a logged-out token": people.Bearer(gone.Token),
		"another scheme":     {"Authorization", "Basic " + gone.Token},
		"a client identity":  {devtest.IdentityHeader, forged},
	}
	for _, m := range methods() {
		for who, headers := range callers {
			got := people.Call(t, base, m.name, []byte(`{}`), headers...)
			switch {
			case m.allows(accessv1.Level_LEVEL_PUBLIC, ""):
				want := "invalid_argument" // the empty request is wrong; nobody is turned away before
				if m.in.Descriptor().Fields().Len() == 0 {
					want = ""
				}
				if got.Code != want {
					t.Errorf("%s by %s: %s", m.name, who, got)
				}
			case m.allows(accessv1.Level_LEVEL_USER, ""):
				if got.Code != "unauthenticated" || got.Reason == "" {
					t.Errorf("%s by %s: %s", m.name, who, got)
				}
			default:
				if got.Status != http.StatusNotFound {
					t.Errorf("%s by %s has a route: %s", m.name, who, got)
				}
			}
		}
	}
}

// What a service decides when a component calls it, whatever the gateway does.
func TestEveryMethodDirectly(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	user := people.Register(t, sys.Public(0), "direct")
	for _, m := range methods() {
		base := sys.RPC(m.owner)
		if got := people.Call(t, base, m.name, []byte(`{}`)); got.Code != "unauthenticated" {
			t.Errorf("%s without an identity: %s", m.name, got)
		}
		for _, issuer := range component.All() {
			for _, withUser := range []bool{false, true} {
				checkDirect(t, sys, m, issuer, withUser, user)
			}
		}
	}
}

func checkDirect(t *testing.T, sys *devtest.System, m method, issuer component.Name, withUser bool, user *people.Person) {
	t.Helper()
	var subject devtest.Subject
	if withUser {
		subject = devtest.Subject{UserID: user.ID, LoginSessionID: user.LoginSession, DeviceID: user.Device}
	}
	header := sys.Identity(t, issuer, m.owner, subject)
	may := m.allows(accessv1.Level_LEVEL_INTERNAL, issuer) ||
		issuer == component.Gateway && (m.allows(accessv1.Level_LEVEL_PUBLIC, "") || withUser && m.allows(accessv1.Level_LEVEL_USER, ""))
	// A body that no rule of a field lets through: who passes the door changes nothing.
	got := people.Call(t, sys.RPC(m.owner), m.name, []byte(`{"nobodyKnowsThis":1}`), devtest.IdentityHeader, header)
	refused := got.Code == "unauthenticated" || got.Code == "permission_denied"
	if may == refused {
		t.Errorf("%s by %s (user: %t): got %s, allowed: %t", m.name, issuer, withUser, got, may)
	}
	// An identity for another component opens nothing.
	other := component.User
	if m.owner == other {
		other = component.Message
	}
	header = sys.Identity(t, issuer, other, subject)
	if got := people.Call(t, sys.RPC(m.owner), m.name, []byte(`{}`), devtest.IdentityHeader, header); got.Code != "unauthenticated" {
		t.Errorf("%s with an identity for %s: %s", m.name, other, got)
	}
}
