// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"slices"

	"google.golang.org/protobuf/proto"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/test/integration/people"
)

func (c *cast) conversationRows() []row {
	unknown := people.NewID()
	const (
		get      = "parley.message.v1.ConversationService/GetConversation"
		markRead = "parley.message.v1.ConversationService/MarkRead"
		listOf   = "parley.message.v1.ConversationService/ListMembers"
	)
	who := answers{"rest": notFound, "owner": ok}
	return []row{
		{"parley.message.v1.ConversationService/ListConversations", "self", &messagev1.ListConversationsRequest{}, all},
		{get, "pair", &messagev1.GetConversationRequest{ConversationId: c.conversation}, pair},
		{get, "closed", &messagev1.GetConversationRequest{ConversationId: c.closed}, who.with(answers{"former": ok})},
		{get, "of who blocks", &messagev1.GetConversationRequest{ConversationId: c.sealed}, who.with(answers{"blocked": ok})},
		{get, "group", &messagev1.GetConversationRequest{ConversationId: c.group}, members.with(answers{"former": ok})},
		{get, "missing", &messagev1.GetConversationRequest{ConversationId: unknown}, none},
		{markRead, "pair", &messagev1.MarkReadRequest{ConversationId: c.conversation, Seq: 1}, pair},
		{markRead, "group", &messagev1.MarkReadRequest{ConversationId: c.group, Seq: 1}, members.with(answers{"former": ok})},
		{markRead, "missing", &messagev1.MarkReadRequest{ConversationId: unknown, Seq: 1}, none},
		{listOf, "pair", &messagev1.ListMembersRequest{ConversationId: c.conversation}, pair},
		{listOf, "group", &messagev1.ListMembersRequest{ConversationId: c.group}, members},
		{listOf, "missing", &messagev1.ListMembersRequest{ConversationId: unknown}, none},
	}
}

func (c *cast) messageRows() []row {
	unknown := people.NewID()
	const (
		send     = "parley.message.v1.MessageService/Send"
		list     = "parley.message.v1.MessageService/ListMessages"
		changes  = "parley.message.v1.MessageService/ListChanges"
		versions = "parley.message.v1.MessageService/ListVersions"
		react    = "parley.message.v1.MessageService/React"
		ask      = "parley.message.v1.MessageService/Transcribe"
	)
	readGroup := members.with(answers{"former": ok})
	return []row{
		{send, "pair", text(c.conversation), pair},
		{send, "group", text(c.group), members},
		{send, "missing", text(unknown), none},
		{send, "closed", text(c.closed), answers{"rest": notFound, "former": readOnly, "owner": readOnly}},
		{send, "of who blocks", text(c.sealed), answers{"rest": notFound, "blocked": readOnly, "owner": readOnly}},
		{send, "an answer to a missing message", answer(c.conversation, 99), none},
		{send, "a forward from the pair to the group", forward(c.group, c.conversation, 1), answers{"rest": notFound, "owner": ok}},
		{send, "a forward of a foreign message", forward(c.conversation, c.sealed, 1), none},
		{send, "a recording of owner", func(*people.Person) proto.Message { return voice(c.conversation, c.recording) }, answers{"rest": notFound, "friend": notReady, "owner": ok}},
		{send, "a file for another purpose", func(*people.Person) proto.Message { return voice(c.conversation, c.file) }, answers{"rest": notFound, "friend": notReady, "owner": notReady}},
		{send, "a forward of a recording", forward(c.group, c.conversation, 2), answers{"rest": notFound, "owner": ok}},
		{ask, "voice message of the pair", &messagev1.TranscribeRequest{ConversationId: c.conversation, Seq: 2}, pair},
		{ask, "text of the pair", &messagev1.TranscribeRequest{ConversationId: c.conversation, Seq: 1}, answers{"rest": notFound, "friend": forbidden, "owner": forbidden}},
		{ask, "missing", &messagev1.TranscribeRequest{ConversationId: unknown, Seq: 1}, none},
		{ask, "missing message", &messagev1.TranscribeRequest{ConversationId: c.conversation, Seq: 99}, none},
		{list, "pair", &messagev1.ListMessagesRequest{ConversationId: c.conversation}, pair},
		{list, "group", &messagev1.ListMessagesRequest{ConversationId: c.group}, readGroup},
		{list, "closed", &messagev1.ListMessagesRequest{ConversationId: c.closed}, answers{"rest": notFound, "former": ok, "owner": ok}},
		{list, "of who blocks", &messagev1.ListMessagesRequest{ConversationId: c.sealed}, answers{"rest": notFound, "blocked": ok, "owner": ok}},
		{list, "missing", &messagev1.ListMessagesRequest{ConversationId: unknown}, none},
		{changes, "pair", &messagev1.ListChangesRequest{ConversationId: c.conversation}, pair},
		{changes, "group", &messagev1.ListChangesRequest{ConversationId: c.group}, readGroup},
		{changes, "missing", &messagev1.ListChangesRequest{ConversationId: unknown}, none},
		{versions, "pair", &messagev1.ListVersionsRequest{ConversationId: c.conversation, Seq: 1}, pair},
		{versions, "group", &messagev1.ListVersionsRequest{ConversationId: c.group, Seq: c.byOwner}, readGroup},
		{versions, "missing", &messagev1.ListVersionsRequest{ConversationId: unknown, Seq: 1}, none},
		{versions, "missing message", &messagev1.ListVersionsRequest{ConversationId: c.conversation, Seq: 99}, none},
		{react, "pair", &messagev1.ReactRequest{ConversationId: c.conversation, Seq: 1, Emoji: "\u2764"}, pair},
		{react, "group", &messagev1.ReactRequest{ConversationId: c.group, Seq: c.byOwner, Emoji: "\u2764"}, members},
		{react, "closed", &messagev1.ReactRequest{ConversationId: c.closed, Seq: 1, Emoji: "\u2764"}, none},
		{react, "missing", &messagev1.ReactRequest{ConversationId: unknown, Seq: 1, Emoji: "\u2764"}, none},
		{react, "missing message", &messagev1.ReactRequest{ConversationId: c.conversation, Seq: 99, Emoji: "\u2764"}, none},
		{"parley.message.v1.MessageService/Sync", "self", &messagev1.SyncRequest{}, all},
	}
}

// changeRows change texts and take them back.
func (c *cast) changeRows() []row {
	unknown := people.NewID()
	edit := func(conversation string, seq int64) *messagev1.EditRequest {
		return &messagev1.EditRequest{ConversationId: conversation, Seq: seq, Text: &messagev1.Text{Body: "edited"}}
	}
	const (
		editing = "parley.message.v1.MessageService/Edit"
		recall  = "parley.message.v1.MessageService/Recall"
	)
	byPeer := answers{"rest": notFound, "friend": forbidden}
	return []row{
		{editing, "of owner in the pair", edit(c.conversation, 1), byPeer.with(answers{"owner": ok})},
		{editing, "of member in the group", edit(c.group, c.byMember), answers{"rest": notFound, "member": ok, "admin": forbidden, "owner": forbidden}},
		{editing, "missing", edit(unknown, 1), none},
		{editing, "missing message", edit(c.conversation, 99), none},
		{recall, "missing", &messagev1.RecallRequest{ConversationId: unknown, Seq: 1}, none},
		{recall, "missing message", &messagev1.RecallRequest{ConversationId: c.conversation, Seq: 99}, none},
		{recall, "of owner in the pair", &messagev1.RecallRequest{ConversationId: c.conversation, Seq: 1}, byPeer.with(answers{"owner": ok})},
		{recall, "of owner in the group", &messagev1.RecallRequest{ConversationId: c.group, Seq: c.byOwner}, admins},
		{recall, "of member in the group", &messagev1.RecallRequest{ConversationId: c.group, Seq: c.byMember}, members},
		{editing, "recalled in the pair", edit(c.conversation, 1), byPeer.with(answers{"owner": "failed_precondition MESSAGE_RECALLED"})},
	}
}

// hideRows hide messages, each for its caller alone.
func (c *cast) hideRows() []row {
	hide := func(conversation string, seq int64) *messagev1.HideMessageRequest {
		return &messagev1.HideMessageRequest{ConversationId: conversation, Seq: seq}
	}
	const (
		hiding = "parley.message.v1.MessageService/HideMessage"
		hidden = "parley.message.v1.MessageService/ListHidden"
	)
	readGroup := members.with(answers{"former": ok})
	return []row{
		{hiding, "pair", hide(c.conversation, 1), pair},
		{hiding, "group", hide(c.group, c.byOwner), readGroup},
		{hiding, "missing", hide(people.NewID(), 1), none},
		{hiding, "missing message", hide(c.conversation, 99), none},
		{hidden, "pair", &messagev1.ListHiddenRequest{ConversationId: c.conversation}, pair},
		{hidden, "group", &messagev1.ListHiddenRequest{ConversationId: c.group}, readGroup},
		{hidden, "closed", &messagev1.ListHiddenRequest{ConversationId: c.closed}, answers{"rest": notFound, "former": ok, "owner": ok}},
		{hidden, "missing", &messagev1.ListHiddenRequest{ConversationId: people.NewID()}, none},
	}
}

// searchRows search in one conversation, or in what the caller may read; what is found is for other tests.
func (c *cast) searchRows() []row {
	in := func(conversation string) *messagev1.SearchRequest {
		return &messagev1.SearchRequest{Query: "hi", ConversationId: conversation}
	}
	const search = "parley.message.v1.MessageService/Search"
	return []row{
		{search, "own", in(""), answers{"rest": ok}},
		{search, "pair", in(c.conversation), pair},
		{search, "group", in(c.group), members.with(answers{"former": ok})},
		{search, "closed", in(c.closed), answers{"rest": notFound, "former": ok, "owner": ok}},
		{search, "missing", in(people.NewID()), none},
	}
}

func (c *cast) groupRows() []row {
	unknown, nobody := people.NewID(), people.NewID()
	const (
		create = "parley.message.v1.ConversationService/CreateGroup"
		add    = "parley.message.v1.ConversationService/AddMembers"
		remove = "parley.message.v1.ConversationService/RemoveMember"
		update = "parley.message.v1.ConversationService/UpdateGroup"
		role   = "parley.message.v1.ConversationService/SetMemberRole"
		avatar = "parley.message.v1.ConversationService/SetGroupAvatar"
	)
	group := func(members ...string) func(*people.Person) proto.Message {
		return func(*people.Person) proto.Message { return people.NewGroup(members...) }
	}
	setRole := func(conversation string, of *people.Person, to messagev1.MemberRole) *messagev1.SetMemberRoleRequest {
		return &messagev1.SetMemberRoleRequest{ConversationId: conversation, UserId: of.ID, Role: to}
	}
	return slices.Concat(c.changeRows(), c.hideRows(), c.searchRows(), []row{
		{create, "of friends of owner", group(c.friend.ID, c.third.ID), answers{"rest": noFriend, "friend": wrong, "owner": ok}},
		{create, "of who is blocked", group(c.friend.ID, c.blocked.ID), answers{"rest": noFriend, "friend": wrong, "blocked": wrong}},
		{create, "of who blocks", group(c.friend.ID, c.owner.ID), answers{"blocked": noFriend}},
		{create, "of nobody", group(nobody, people.NewID()), answers{"rest": noFriend}},
		{add, "a member of the group", &messagev1.AddMembersRequest{ConversationId: c.group, UserIds: []string{c.third.ID}}, admins.with(answers{"admin": noFriend})},
		{add, "the owner of the group", &messagev1.AddMembersRequest{ConversationId: c.group, UserIds: []string{c.owner.ID}}, admins.with(answers{"owner": noFriend})},
		{add, "who is no friend", &messagev1.AddMembersRequest{ConversationId: c.group, UserIds: []string{c.blocked.ID}}, admins.with(answers{"admin": noFriend, "owner": noFriend})},
		{add, "pair", &messagev1.AddMembersRequest{ConversationId: c.conversation, UserIds: []string{c.third.ID}}, noGroup},
		{add, "missing", &messagev1.AddMembersRequest{ConversationId: unknown, UserIds: []string{c.third.ID}}, none},
		{remove, "nobody of the group", &messagev1.RemoveMemberRequest{ConversationId: c.group, UserId: nobody}, admins},
		{remove, "the owner of the group", &messagev1.RemoveMemberRequest{ConversationId: c.group, UserId: c.owner.ID}, admins.with(answers{"admin": forbidden, "owner": wrong})},
		{remove, "pair", &messagev1.RemoveMemberRequest{ConversationId: c.conversation, UserId: c.friend.ID}, noGroup},
		{remove, "missing", &messagev1.RemoveMemberRequest{ConversationId: unknown, UserId: nobody}, none},
		{update, "group", &messagev1.UpdateGroupRequest{ConversationId: c.group, Name: "Coffee"}, admins},
		{update, "pair", &messagev1.UpdateGroupRequest{ConversationId: c.conversation, Name: "Coffee"}, noGroup},
		{update, "missing", &messagev1.UpdateGroupRequest{ConversationId: unknown, Name: "Coffee"}, none},
		{avatar, "group", &messagev1.SetGroupAvatarRequest{ConversationId: c.group}, admins},
		{avatar, "pair", &messagev1.SetGroupAvatarRequest{ConversationId: c.conversation}, noGroup},
		{avatar, "missing", &messagev1.SetGroupAvatarRequest{ConversationId: unknown}, none},
		{role, "group", setRole(c.group, c.third, messagev1.MemberRole_MEMBER_ROLE_ADMIN), ownerOf},
		{role, "of member to owner", setRole(c.group, c.member, messagev1.MemberRole_MEMBER_ROLE_OWNER), ownerOf.with(answers{"owner": nobodyElse})},
		{role, "of admin to owner", setRole(c.group, c.admin, messagev1.MemberRole_MEMBER_ROLE_OWNER), ownerOf.with(answers{"owner": nobodyElse})},
		{role, "pair", setRole(c.conversation, c.friend, messagev1.MemberRole_MEMBER_ROLE_ADMIN), noGroup},
		{role, "missing", setRole(unknown, c.third, messagev1.MemberRole_MEMBER_ROLE_ADMIN), none},
	})
}

// endingRows end memberships, groups, friendships and login sessions.
func (c *cast) endingRows() []row {
	unknown := people.NewID()
	const (
		leave    = "parley.message.v1.ConversationService/LeaveGroup"
		dissolve = "parley.message.v1.ConversationService/DissolveGroup"
		send     = "parley.message.v1.MessageService/Send"
		get      = "parley.message.v1.ConversationService/GetConversation"
	)
	readers := members.with(answers{"former": ok})
	// After byOwner former left, and then member, admin and owner said something.
	closed := answers{"rest": notFound, "member": readOnly, "admin": readOnly, "owner": readOnly}
	return []row{
		{leave, "missing", &messagev1.LeaveGroupRequest{ConversationId: unknown}, none},
		{leave, "pair", &messagev1.LeaveGroupRequest{ConversationId: c.conversation}, noGroup},
		{leave, "group", &messagev1.LeaveGroupRequest{ConversationId: c.second}, members.with(answers{"owner": "failed_precondition OWNER_MUST_HAND_OVER"})},
		{"parley.message.v1.ConversationService/ListMembers", "group, left", &messagev1.ListMembersRequest{ConversationId: c.second}, answers{"rest": notFound, "owner": ok}},
		{get, "group, left", &messagev1.GetConversationRequest{ConversationId: c.second}, members},
		{"parley.message.v1.MessageService/ListMessages", "group, left", &messagev1.ListMessagesRequest{ConversationId: c.second}, members},
		{send, "group, left", text(c.second), answers{"rest": notFound, "owner": ok}},
		{dissolve, "missing", &messagev1.DissolveGroupRequest{ConversationId: unknown}, none},
		{dissolve, "pair", &messagev1.DissolveGroupRequest{ConversationId: c.conversation}, noGroup},
		{dissolve, "group", &messagev1.DissolveGroupRequest{ConversationId: c.group}, ownerOf},
		{send, "group, dissolved", text(c.group), answers{"rest": notFound, "member": readOnly, "admin": readOnly, "owner": readOnly}},
		{get, "group, dissolved", &messagev1.GetConversationRequest{ConversationId: c.group}, readers},
		{"parley.message.v1.MessageService/ListMessages", "group, dissolved", &messagev1.ListMessagesRequest{ConversationId: c.group}, readers},
		{"parley.message.v1.ConversationService/MarkRead", "group, dissolved", &messagev1.MarkReadRequest{ConversationId: c.group, Seq: 1}, readers},
		{"parley.message.v1.ConversationService/ListMembers", "group, dissolved", &messagev1.ListMembersRequest{ConversationId: c.group}, members},
		{"parley.message.v1.MessageService/React", "group, dissolved", &messagev1.ReactRequest{ConversationId: c.group, Seq: c.byOwner + 4, Emoji: "\u2764"}, closed},
		{"parley.message.v1.MessageService/Edit", "group, dissolved", &messagev1.EditRequest{ConversationId: c.group, Seq: c.byOwner + 4, Text: &messagev1.Text{Body: "edited"}}, closed.with(answers{"member": forbidden, "admin": forbidden})},
		{"parley.message.v1.ConversationService/AddMembers", "group, dissolved", &messagev1.AddMembersRequest{ConversationId: c.group, UserIds: []string{c.third.ID}}, closed.with(answers{"member": forbidden, "admin": noFriend})},
		{"parley.message.v1.ConversationService/RemoveMember", "group, dissolved", &messagev1.RemoveMemberRequest{ConversationId: c.group, UserId: c.third.ID}, closed.with(answers{"member": forbidden})},
		{"parley.message.v1.ConversationService/UpdateGroup", "group, dissolved", &messagev1.UpdateGroupRequest{ConversationId: c.group, Name: "Tea"}, closed.with(answers{"member": forbidden})},
		{"parley.message.v1.ConversationService/SetGroupAvatar", "group, dissolved", &messagev1.SetGroupAvatarRequest{ConversationId: c.group}, closed.with(answers{"member": forbidden})},
		{"parley.message.v1.ConversationService/SetMemberRole", "group, dissolved", &messagev1.SetMemberRoleRequest{ConversationId: c.group, UserId: c.third.ID, Role: messagev1.MemberRole_MEMBER_ROLE_ADMIN}, closed.with(answers{"member": forbidden, "admin": forbidden})},
		{leave, "group, dissolved", &messagev1.LeaveGroupRequest{ConversationId: c.group}, closed.with(answers{"former": ok})},
		{"parley.friend.v1.FriendService/RemoveFriend", "of third", &friendv1.RemoveFriendRequest{UserId: c.third.ID}, all},
		{"parley.friend.v1.FriendService/BlockUser", "of third", &friendv1.BlockUserRequest{UserId: c.third.ID}, all},
		{"parley.user.v1.AuthService/Logout", "self", &userv1.LogoutRequest{}, all},
	}
}
