// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestAGroupIsMadeToldAndRead(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	a, b, c := ids.NewUser(), ids.NewUser(), ids.NewUser()
	gateway := p.conversations(component.Gateway)
	made, err := gateway.CreateGroup(p.as(a), &messagev1.CreateGroupRequest{
		IdempotencyKey: ids.NewIdempotencyKey().String(), Name: "Tea", MemberIds: []string{b.String(), c.String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	group := made.GetConversation()
	id := group.GetConversationId()
	want := &messagev1.Conversation{
		ConversationId: id, Kind: messagev1.ConversationKind_CONVERSATION_KIND_GROUP,
		State: messagev1.ConversationState_CONVERSATION_STATE_OPEN, Name: "Tea", MemberCount: 3,
		CreatedAt: group.GetCreatedAt(), ActiveAt: group.GetCreatedAt(), Head: &messagev1.Head{ConversationId: id, Seq: 1, MembersRev: 1},
	}
	told := map[eventv1.EventType]*eventv1.Event{} // events of two types have no order
	for range 2 {
		e := <-p.events
		told[e.GetType()] = e
	}
	created := told[eventv1.EventType_EVENT_TYPE_CONVERSATION_CREATED]
	if diff := cmp.Diff(want, created.GetConversation(), protocmp.Transform()); diff != "" || created.GetMembersRev() != 1 || len(created.GetRecipientIds()) != 0 {
		t.Errorf("event of the group to %v (-want +got):\n%s", created, diff)
	}
	system := told[eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED].GetMessage().GetSystem()
	if system.GetKind() != messagev1.SystemKind_SYSTEM_KIND_CREATED || system.GetActorId() != a.String() || len(system.GetUserIds()) != 2 {
		t.Errorf("the server says %v", system)
	}
	if _, err := p.messages(component.Gateway).Send(p.as(b), request(id, "hi")); err != nil {
		t.Fatal(err)
	}
	if sent := p.event(eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED); sent.GetMembersRev() != 1 || len(sent.GetRecipientIds()) != 0 {
		t.Errorf("a message goes to %v", sent)
	}
	audience, err := p.messages(component.Transmit).ListRecipients(t.Context(), &messagev1.ListRecipientsRequest{ConversationId: id, MembersRev: 1})
	if err != nil || len(audience.GetUserIds()) != 3 || audience.GetMembersRev() != 1 {
		t.Errorf("audience %v, %v", audience, err)
	}
	companions, err := p.messages(component.Gateway).CheckCompanions(t.Context(), &messagev1.CheckCompanionsRequest{
		UserId: b.String(), CandidateIds: []string{ids.NewUser().String(), c.String(), b.String()},
	})
	if err != nil || !slices.Equal(companions.GetCompanionIds(), []string{c.String()}) {
		t.Errorf("companions %v, %v; want c", companions, err)
	}
	page, err := p.messages(component.Gateway).ListMessages(p.as(c), &messagev1.ListMessagesRequest{ConversationId: id})
	if err != nil || len(page.GetItems()) != 2 || page.GetItems()[0].GetSystem() == nil || page.GetItems()[1].GetText().GetBody() != "hi" {
		t.Errorf("history %v, %v", page, err)
	}
	members, err := gateway.ListMembers(p.as(c), &messagev1.ListMembersRequest{ConversationId: id, PageSize: 2})
	if err != nil || len(members.GetMembers()) != 2 || members.GetNextPageToken() == "" || members.GetMemberCount() != 3 {
		t.Errorf("members %v, %v", members, err)
	}
}

func TestAGroupChangesAndTellsWhoLeaves(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	a, b, c, d := ids.NewUser(), ids.NewUser(), ids.NewUser(), ids.NewUser()
	gateway := p.conversations(component.Gateway)
	made, err := gateway.CreateGroup(p.as(a), &messagev1.CreateGroupRequest{
		IdempotencyKey: ids.NewIdempotencyKey().String(), MemberIds: []string{b.String(), c.String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := made.GetConversation().GetConversationId()
	added, err := gateway.AddMembers(p.as(a), &messagev1.AddMembersRequest{ConversationId: id, UserIds: []string{d.String()}})
	if err != nil || added.GetConversation().GetMemberCount() != 4 {
		t.Fatalf("added: %v, %v", added, err)
	}
	removed, err := gateway.RemoveMember(p.as(a), &messagev1.RemoveMemberRequest{ConversationId: id, UserId: b.String()})
	if err != nil || removed.GetConversation().GetMemberCount() != 3 {
		t.Fatalf("removed: %v, %v", removed, err)
	}
	told := 0
	for told < 2 { // the group and the message, each to the member who is none any more
		e := <-p.events
		if e.GetMembersRev() != 3 {
			continue
		}
		told++
		if len(e.GetRecipientIds()) != 1 || e.GetRecipientIds()[0] != b.String() {
			t.Errorf("a removal is told to %v besides", e.GetRecipientIds())
		}
	}
	renamed, err := gateway.UpdateGroup(p.as(a), &messagev1.UpdateGroupRequest{ConversationId: id, Name: "Tea"})
	if err != nil || renamed.GetConversation().GetName() != "Tea" {
		t.Errorf("renamed: %v, %v", renamed, err)
	}
	given, err := gateway.SetMemberRole(p.as(a), &messagev1.SetMemberRoleRequest{
		ConversationId: id, UserId: c.String(), Role: messagev1.MemberRole_MEMBER_ROLE_OWNER,
	})
	if err != nil || given.GetConversation().GetRole() != messagev1.MemberRole_MEMBER_ROLE_ADMIN {
		t.Errorf("handed over: %v, %v", given, err)
	}
	left, err := gateway.LeaveGroup(p.as(a), &messagev1.LeaveGroupRequest{ConversationId: id})
	if err != nil || !left.GetConversation().GetHead().GetLeft() || left.GetConversation().GetName() != "Tea" || left.GetConversation().GetMemberCount() != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	dissolved, err := gateway.DissolveGroup(p.as(c), &messagev1.DissolveGroupRequest{ConversationId: id})
	if err != nil || dissolved.GetConversation().GetState() != messagev1.ConversationState_CONVERSATION_STATE_READ_ONLY {
		t.Errorf("dissolved: %v, %v", dissolved, err)
	}
	sync, err := p.messages(component.Gateway).ListMessages(p.as(d), &messagev1.ListMessagesRequest{ConversationId: id})
	if err != nil || len(sync.GetItems()) != 6 || len(sync.GetGaps()) != 1 || sync.GetHead().GetUnread() != 0 {
		t.Errorf("history of who came second: %v, %v", sync, err)
	}
}
