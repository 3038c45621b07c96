// SPDX-License-Identifier: Apache-2.0

package server_test

import (
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
	page, err := p.messages(component.Gateway).ListMessages(p.as(c), &messagev1.ListMessagesRequest{ConversationId: id})
	if err != nil || len(page.GetItems()) != 2 || page.GetItems()[0].GetSystem() == nil || page.GetItems()[1].GetText().GetBody() != "hi" {
		t.Errorf("history %v, %v", page, err)
	}
	members, err := gateway.ListMembers(p.as(c), &messagev1.ListMembersRequest{ConversationId: id, PageSize: 2})
	if err != nil || len(members.GetMembers()) != 2 || members.GetNextPageToken() == "" || members.GetMemberCount() != 3 {
		t.Errorf("members %v, %v", members, err)
	}
}
