// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

func TestAMessageFromSendToHistory(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	a, b := ids.NewUser(), ids.NewUser()
	id := p.open(a, b, 1)
	if e := p.event(eventv1.EventType_EVENT_TYPE_CONVERSATION_CREATED); e.GetConversation().GetConversationId() != id {
		t.Errorf("created %v", e)
	}
	req := request(id, "hello")
	sent, err := p.messages(component.Gateway).Send(p.as(a), req)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	again, err := p.messages(component.Gateway).Send(p.as(a), req)
	if diff := cmp.Diff(sent, again, protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("retry: %v (-first +again):\n%s", err, diff)
	}
	want := &messagev1.Message{
		ConversationId: id, Seq: 1, MessageId: sent.GetSent().GetMessageId(), ClientMessageId: req.GetClientMessageId(),
		SenderId: a.String(), SentAt: sent.GetSent().GetSentAt(),
		Content: &messagev1.Message_Text{Text: &messagev1.Text{Body: "hello"}},
	}
	e := p.event(eventv1.EventType_EVENT_TYPE_MESSAGE_CREATED)
	if diff := cmp.Diff(want, e.GetMessage(), protocmp.Transform()); diff != "" || len(e.GetRecipientIds()) != 2 {
		t.Errorf("event for %v (-want +got):\n%s", e.GetRecipientIds(), diff)
	}
	page, err := p.messages(component.Gateway).ListMessages(p.as(b), &messagev1.ListMessagesRequest{ConversationId: id})
	if err != nil {
		t.Fatalf("history: %v", err)
	}
	head := &messagev1.Head{ConversationId: id, Seq: 1, MembersRev: 1, Unread: 1}
	answer := &messagev1.ListMessagesResponse{Items: []*messagev1.Message{want}, Head: head}
	if diff := cmp.Diff(answer, page, protocmp.Transform()); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	read, err := p.conversations(component.Gateway).MarkRead(p.as(b), &messagev1.MarkReadRequest{ConversationId: id, Seq: 7})
	if err != nil || read.GetHead().GetReadSeq() != 1 || read.GetHead().GetUnread() != 0 {
		t.Errorf("mark read: %v, %v", read, err)
	}
	if m := p.event(eventv1.EventType_EVENT_TYPE_MARKER_MOVED).GetMarker(); m.GetUserId() != b.String() || m.GetSeq() != 1 {
		t.Errorf("marker %v", m)
	}
}

func TestListsAndSync(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	gateway, a := p.conversations(component.Gateway), ids.NewUser()
	first, second := p.open(a, ids.NewUser(), 1), p.open(a, ids.NewUser(), 1)
	if _, err := p.messages(component.Gateway).Send(p.as(a), request(first, "newest")); err != nil {
		t.Fatal(err)
	}
	page, err := gateway.ListConversations(p.as(a), &messagev1.ListConversationsRequest{PageSize: 1})
	if err != nil || page.GetCursor() == "" || page.GetNextPageToken() == "" {
		t.Fatalf("first page: %v, %v", page, err)
	}
	if c := page.GetConversations()[0]; c.GetConversationId() != first || c.GetLastMessage().GetText().GetBody() != "newest" || len(c.GetMarkers()) != 2 {
		t.Errorf("first conversation: %v", c)
	}
	rest, err := gateway.ListConversations(p.as(a), &messagev1.ListConversationsRequest{PageToken: page.GetNextPageToken()})
	if err != nil || len(rest.GetConversations()) != 1 || rest.GetConversations()[0].GetConversationId() != second || rest.GetNextPageToken() != "" {
		t.Errorf("second page: %v, %v", rest, err)
	}
	got, err := gateway.GetConversation(p.as(a), &messagev1.GetConversationRequest{ConversationId: first})
	if diff := cmp.Diff(page.GetConversations()[0], got.GetConversation(), protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("conversation: %v (-list +got):\n%s", err, diff)
	}
	synced, err := p.messages(component.Gateway).Sync(p.as(a), &messagev1.SyncRequest{Cursor: page.GetCursor()})
	if err != nil || len(synced.GetHeads()) != 2 || !synced.GetComplete() || synced.GetReset_() {
		t.Errorf("sync: %v, %v", synced, err)
	}
	batch, err := p.messages(component.Gateway).SyncBatch(t.Context(), &messagev1.SyncBatchRequest{Items: []*messagev1.SyncBatchRequest_Item{
		{UserId: a.String(), Cursor: page.GetCursor()}, {UserId: ids.NewUser().String(), Cursor: page.GetCursor()},
	}})
	if err != nil || len(batch.GetResults()[0].GetHeads()) != 2 || !batch.GetResults()[1].GetReset_() {
		t.Errorf("sync batch: %v, %v", batch, err)
	}
	changes, err := p.messages(component.Gateway).ListChanges(p.as(a), &messagev1.ListChangesRequest{ConversationId: first})
	if err != nil || len(changes.GetItems()) != 0 || changes.GetUpToRev() != 0 {
		t.Errorf("changes: %v, %v", changes, err)
	}
}

func TestABatchAnswersEachItem(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	a, b := ids.NewUser(), ids.NewUser()
	id := p.open(a, b, 1)
	req := request(id, "one")
	changed := proto.CloneOf(req)
	changed.Content = request(id, "other").GetContent()
	upper := request(strings.ToUpper(id), "x")
	items := []*messagev1.SendBatchRequest_Item{
		{SenderId: a.String(), Send: req},
		{SenderId: a.String(), Send: changed},
		{SenderId: ids.NewUser().String(), Send: request(id, "foreign")},
		{SenderId: a.String(), Send: upper},
		{SenderId: b.String(), Send: request(id, "two")},
	}
	answer, err := p.messages(component.Gateway).SendBatch(t.Context(), &messagev1.SendBatchRequest{Items: items})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range answer.GetResults() {
		got = append(got, r.GetError().GetCode()+" "+r.GetError().GetReason())
	}
	want := []string{" ", "already_exists CLIENT_MESSAGE_ID_REUSED", "not_found NOT_FOUND", "invalid_argument CONTENT_INVALID", " "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if seq := answer.GetResults()[4].GetSent().GetSeq(); seq != 2 {
		t.Errorf("last message has seq %d", seq)
	}
}

func TestClosingAndRecipients(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	a, b := ids.NewUser(), ids.NewUser()
	id := p.open(a, b, 1)
	_, err := p.conversations(component.Friend).CloseDirect(t.Context(), &messagev1.CloseDirectRequest{
		UserIds: []string{b.String(), a.String()}, RelationVersion: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	e := p.event(eventv1.EventType_EVENT_TYPE_CONVERSATION_UPDATED).GetConversation()
	if e.GetState() != messagev1.ConversationState_CONVERSATION_STATE_READ_ONLY || len(e.GetMemberIds()) != 2 {
		t.Errorf("event %v", e)
	}
	if _, err := p.messages(component.Gateway).Send(p.as(a), request(id, "x")); !errors.Is(err, message.ErrReadOnly) {
		t.Errorf("send: %v", err)
	}
	recipients := func(user ids.UserID) (*messagev1.ListRecipientsResponse, error) {
		return p.messages(component.Gateway).ListRecipients(t.Context(), &messagev1.ListRecipientsRequest{ConversationId: id, UserId: user.String()})
	}
	if got, err := recipients(a); err != nil || len(got.GetUserIds()) != 2 || !got.GetReadOnly() || got.GetMembersRev() != 2 {
		t.Errorf("recipients: %v, %v", got, err)
	}
	if _, err := recipients(ids.NewUser()); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("a stranger's question: %v", err)
	}
}

func TestForeignAndUnknownLookAlike(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	id, stranger := p.open(ids.NewUser(), ids.NewUser(), 1), p.as(ids.NewUser())
	unknown := ids.NewConversation().String()
	m, c := p.messages(component.Gateway), p.conversations(component.Gateway)
	calls := map[string]func(id string) error{
		"send": func(id string) error { _, err := m.Send(stranger, request(id, "x")); return err },
		"history": func(id string) error {
			_, err := m.ListMessages(stranger, &messagev1.ListMessagesRequest{ConversationId: id})
			return err
		},
		"changes": func(id string) error {
			_, err := m.ListChanges(stranger, &messagev1.ListChangesRequest{ConversationId: id})
			return err
		},
		"get": func(id string) error {
			_, err := c.GetConversation(stranger, &messagev1.GetConversationRequest{ConversationId: id})
			return err
		},
		"read": func(id string) error {
			_, err := c.MarkRead(stranger, &messagev1.MarkReadRequest{ConversationId: id, Seq: 1})
			return err
		},
	}
	for name, call := range calls {
		foreign, missing := call(id), call(unknown)
		if !errors.Is(foreign, message.ErrNotFound) || foreign.Error() != missing.Error() {
			t.Errorf("%s: foreign %v, unknown %v", name, foreign, missing)
		}
	}
}

func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	_, err := p.conversations(component.Gateway).OpenDirect(t.Context(), &messagev1.OpenDirectRequest{
		UserIds: []string{ids.NewUser().String(), ids.NewUser().String()}, RelationVersion: 1,
	})
	if !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("the gateway opens: %v", err)
	}
	if _, err := p.messages(component.Gateway).Sync(t.Context(), &messagev1.SyncRequest{}); !errors.Is(err, fault.ErrUnauthenticated) {
		t.Errorf("nobody syncs: %v", err)
	}
	if _, err := p.messages(component.Friend).SendBatch(t.Context(), &messagev1.SendBatchRequest{Items: []*messagev1.SendBatchRequest_Item{
		{SenderId: ids.NewUser().String(), Send: request(ids.NewConversation().String(), "x")},
	}}); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("friend sends: %v", err)
	}
}
