// SPDX-License-Identifier: Apache-2.0

package connectapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/connectapi"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func as(t *testing.T, user ids.UserID) context.Context {
	t.Helper()
	return identity.NewContext(t.Context(), identity.Caller{UserID: user})
}

func text(body string) *messagev1.Content {
	return &messagev1.Content{Kind: &messagev1.Content_Text{Text: &messagev1.Text{Body: body}}}
}

func TestIDsInAnotherFormAreRefused(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	h := connectapi.New(f.Service)
	id, a, b := f.Open(t)
	ctx := as(t, a)
	client := ids.NewClientMessage().String()
	calls := map[string]func(conversation, user string) error{
		"send": func(c, _ string) error {
			_, err := h.Send(ctx, &messagev1.SendRequest{ConversationId: c, ClientMessageId: client, Content: text("x")})
			return err
		},
		"send with a client message id": func(c, _ string) error {
			_, err := h.Send(ctx, &messagev1.SendRequest{ConversationId: id.String(), ClientMessageId: c, Content: text("x")})
			return err
		},
		"history": func(c, _ string) error {
			_, err := h.ListMessages(ctx, &messagev1.ListMessagesRequest{ConversationId: c})
			return err
		},
		"changes": func(c, _ string) error {
			_, err := h.ListChanges(ctx, &messagev1.ListChangesRequest{ConversationId: c})
			return err
		},
		"recall": func(c, _ string) error {
			_, err := h.Recall(ctx, &messagev1.RecallRequest{ConversationId: c, Seq: 1})
			return err
		},
		"edit": func(c, _ string) error {
			_, err := h.Edit(ctx, &messagev1.EditRequest{ConversationId: c, Seq: 1, Text: &messagev1.Text{Body: "x"}})
			return err
		},
		"react": func(c, _ string) error {
			_, err := h.React(ctx, &messagev1.ReactRequest{ConversationId: c, Seq: 1, Emoji: "\u2764"})
			return err
		},
		"hide": func(c, _ string) error {
			_, err := h.HideMessage(ctx, &messagev1.HideMessageRequest{ConversationId: c, Seq: 1})
			return err
		},
		"hidden": func(c, _ string) error {
			_, err := h.ListHidden(ctx, &messagev1.ListHiddenRequest{ConversationId: c})
			return err
		},
		"versions": func(c, _ string) error {
			_, err := h.ListVersions(ctx, &messagev1.ListVersionsRequest{ConversationId: c, Seq: 1})
			return err
		},
		"sync batch": func(_, u string) error {
			_, err := h.SyncBatch(ctx, &messagev1.SyncBatchRequest{Items: []*messagev1.SyncBatchRequest_Item{{UserId: u}}})
			return err
		},
		"recipients of a conversation": func(c, _ string) error {
			_, err := h.ListRecipients(ctx, &messagev1.ListRecipientsRequest{ConversationId: c, UserId: a.String()})
			return err
		},
		"recipients for a user": func(_, u string) error {
			_, err := h.ListRecipients(ctx, &messagev1.ListRecipientsRequest{ConversationId: id.String(), UserId: u})
			return err
		},
		"open": func(_, u string) error {
			_, err := h.OpenDirect(ctx, &messagev1.OpenDirectRequest{UserIds: []string{u, b.String()}, RelationVersion: 1})
			return err
		},
		"close": func(_, u string) error {
			_, err := h.CloseDirect(ctx, &messagev1.CloseDirectRequest{UserIds: []string{a.String(), u}, RelationVersion: 1})
			return err
		},
		"create a group": func(_, u string) error {
			_, err := h.CreateGroup(ctx, &messagev1.CreateGroupRequest{
				IdempotencyKey: ids.NewIdempotencyKey().String(), MemberIds: []string{b.String(), u},
			})
			return err
		},
		"create a group under a key": func(c, _ string) error {
			_, err := h.CreateGroup(ctx, &messagev1.CreateGroupRequest{
				IdempotencyKey: c, MemberIds: []string{b.String(), ids.NewUser().String()},
			})
			return err
		},
		"add members": func(c, _ string) error {
			_, err := h.AddMembers(ctx, &messagev1.AddMembersRequest{ConversationId: c, UserIds: []string{b.String()}})
			return err
		},
		"add a member": func(_, u string) error {
			_, err := h.AddMembers(ctx, &messagev1.AddMembersRequest{ConversationId: id.String(), UserIds: []string{u}})
			return err
		},
		"remove a member": func(c, u string) error {
			_, err := h.RemoveMember(ctx, &messagev1.RemoveMemberRequest{ConversationId: c, UserId: u})
			return err
		},
		"remove somebody": func(_, u string) error {
			_, err := h.RemoveMember(ctx, &messagev1.RemoveMemberRequest{ConversationId: id.String(), UserId: u})
			return err
		},
		"leave": func(c, _ string) error {
			_, err := h.LeaveGroup(ctx, &messagev1.LeaveGroupRequest{ConversationId: c})
			return err
		},
		"dissolve": func(c, _ string) error {
			_, err := h.DissolveGroup(ctx, &messagev1.DissolveGroupRequest{ConversationId: c})
			return err
		},
		"rename": func(c, _ string) error {
			_, err := h.UpdateGroup(ctx, &messagev1.UpdateGroupRequest{ConversationId: c})
			return err
		},
		"give a role": func(c, _ string) error {
			_, err := h.SetMemberRole(ctx, &messagev1.SetMemberRoleRequest{ConversationId: c, UserId: b.String(), Role: messagev1.MemberRole_MEMBER_ROLE_ADMIN})
			return err
		},
		"list members": func(c, _ string) error {
			_, err := h.ListMembers(ctx, &messagev1.ListMembersRequest{ConversationId: c})
			return err
		},
		"get": func(c, _ string) error {
			_, err := h.GetConversation(ctx, &messagev1.GetConversationRequest{ConversationId: c})
			return err
		},
		"read": func(c, _ string) error {
			_, err := h.MarkRead(ctx, &messagev1.MarkReadRequest{ConversationId: c})
			return err
		},
	}
	for name, call := range calls {
		for form, change := range map[string]func(string) string{
			"upper case": strings.ToUpper, "without dashes": func(s string) string { return strings.ReplaceAll(s, "-", "") },
			"in braces": func(s string) string { return "{" + s + "}" }, "empty": func(string) string { return "" },
			"zero": func(string) string { return ids.ConversationID{}.String() },
		} {
			sample := "0198abcd-0000-7000-8000-00000000000a" // with letters, so that upper case differs
			if err := call(change(sample), change(sample)); !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%s, %s: %v", name, form, err)
			}
		}
	}
}

func TestAPairIsTwoUsers(t *testing.T) {
	t.Parallel()
	h := connectapi.New(messagetest.Start(t, messagetest.NewStore(), 1).Service)
	a, b, c := ids.NewUser().String(), ids.NewUser().String(), ids.NewUser().String()
	for _, users := range [][]string{nil, {a}, {a, a}, {a, b, c}} {
		if _, err := h.OpenDirect(t.Context(), &messagev1.OpenDirectRequest{UserIds: users, RelationVersion: 1}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%d users: %v", len(users), err)
		}
	}
}

func TestEachRangeReachesTheService(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	h := connectapi.New(f.Service)
	id, a, _ := f.Open(t)
	for range 9 {
		f.Clock.Add(1_000_000) // 1 ms
		f.Say(t, a, id, "x")
	}
	begin := messagetest.NewClock().Now().UnixMilli()
	rows := map[string]struct {
		req  *messagev1.ListMessagesRequest
		want []int64
	}{
		"last":   {&messagev1.ListMessagesRequest{Limit: 2}, []int64{8, 9}},
		"after":  {&messagev1.ListMessagesRequest{Range: &messagev1.ListMessagesRequest_AfterSeq{AfterSeq: 3}, UntilSeq: 5}, []int64{4, 5}},
		"before": {&messagev1.ListMessagesRequest{Range: &messagev1.ListMessagesRequest_BeforeSeq{BeforeSeq: 3}}, []int64{1, 2}},
		"around": {&messagev1.ListMessagesRequest{Range: &messagev1.ListMessagesRequest_AroundSeq{AroundSeq: 5}, Limit: 2}, []int64{4, 5}},
		"time": {&messagev1.ListMessagesRequest{
			Range: &messagev1.ListMessagesRequest_AtTime{AtTime: begin + 6}, UntilTime: begin + 7,
		}, []int64{6, 7}},
	}
	for name, row := range rows {
		row.req.ConversationId = id.String()
		page, err := h.ListMessages(as(t, a), row.req)
		var got []int64
		for _, m := range page.GetItems() {
			got = append(got, m.GetSeq())
		}
		if diff := cmp.Diff(row.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestGapsAreToldWithTheirReason(t *testing.T) {
	t.Parallel()
	store := messagetest.NewStore()
	f := messagetest.Start(t, store, 1)
	id, a, _ := f.Open(t)
	for range 5 {
		f.Say(t, a, id, "x")
	}
	c, err := store.Conversation(t.Context(), id, a)
	if err != nil {
		t.Fatal(err)
	}
	late := ids.NewUser()
	c.Members = append(c.Members, message.Member{UserID: late, JoinedSeq: 4})
	store.Put(c, 0)
	page, err := connectapi.New(f.Service).ListMessages(as(t, late), &messagev1.ListMessagesRequest{ConversationId: id.String()})
	if err != nil || len(page.GetItems()) != 2 || len(page.GetGaps()) != 1 {
		t.Fatalf("%v, %v", page, err)
	}
	gap := page.GetGaps()[0]
	if gap.GetFrom() != 1 || gap.GetTo() != 3 || gap.GetReason() != messagev1.GapReason_GAP_REASON_NOT_MEMBER {
		t.Errorf("gap %v", gap)
	}
}

func TestChangesOverConnect(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	h := connectapi.New(f.Service)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "one")
	edited, err := h.Edit(as(t, a), &messagev1.EditRequest{ConversationId: id.String(), Seq: 1, Text: &messagev1.Text{Body: "two"}})
	if m := edited.GetMessage(); err != nil || m.GetText().GetBody() != "two" || m.GetEditedAt() == 0 || m.GetRev() != 1 {
		t.Errorf("edit: %v, %v", edited, err)
	}
	versions, err := h.ListVersions(as(t, b), &messagev1.ListVersionsRequest{ConversationId: id.String(), Seq: 1})
	if err != nil || versions.GetMore() || len(versions.GetVersions()) != 1 || versions.GetVersions()[0].GetText().GetBody() != "one" ||
		versions.GetVersions()[0].GetNumber() != 1 || versions.GetVersions()[0].GetWrittenAt() == 0 {
		t.Errorf("versions: %v, %v", versions, err)
	}
	recalled, err := h.Recall(as(t, a), &messagev1.RecallRequest{ConversationId: id.String(), Seq: 1})
	if m := recalled.GetMessage(); err != nil || m.GetRecalled().GetBy() != a.String() || m.GetRecalled().GetAt() == 0 || m.GetEditedAt() != 0 {
		t.Errorf("recall: %v, %v", recalled, err)
	}
	changes, err := h.ListChanges(as(t, b), &messagev1.ListChangesRequest{ConversationId: id.String()})
	if err != nil || changes.GetUpToRev() != 2 || len(changes.GetItems()) != 1 || !proto.Equal(changes.GetItems()[0], recalled.GetMessage()) {
		t.Errorf("changes: %v, %v", changes, err)
	}
}

func TestAnswersAndMentionsOverConnect(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	h := connectapi.New(f.Service)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "one")
	if _, err := h.Edit(as(t, a), &messagev1.EditRequest{ConversationId: id.String(), Seq: 1, Text: &messagev1.Text{Body: "two"}}); err != nil {
		t.Fatal(err)
	}
	body := "<@" + b.String() + "> see"
	_, err := h.Send(as(t, a), &messagev1.SendRequest{
		ConversationId: id.String(), ClientMessageId: ids.NewClientMessage().String(), Content: text(body), ReplyToSeq: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := h.ListMessages(as(t, b), &messagev1.ListMessagesRequest{ConversationId: id.String()})
	if err != nil || len(page.GetItems()) != 2 || page.GetHead().GetMentions() != 1 || page.GetHead().GetUnread() != 2 {
		t.Fatalf("%v, %v", page, err)
	}
	m := page.GetItems()[1]
	want := &messagev1.Reply{Seq: 1, SenderId: a.String(), Kind: messagev1.ContentKind_CONTENT_KIND_TEXT, Preview: "two", Edited: true}
	if !proto.Equal(m.GetReplyTo(), want) || !cmp.Equal(m.GetMentionIds(), []string{b.String()}) || m.GetText().GetBody() != body {
		t.Errorf("answer %v", m)
	}
}

func TestForwardsOverConnect(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	h := connectapi.New(f.Service)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "one")
	send := &messagev1.SendRequest{
		ConversationId: id.String(), ClientMessageId: ids.NewClientMessage().String(),
		ForwardOf: &messagev1.Source{ConversationId: strings.ToUpper(id.String()), Seq: 1},
	}
	if _, err := h.Send(as(t, b), send); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("an id in capitals: %v", err)
	}
	send.ForwardOf.ConversationId = id.String()
	if _, err := h.Send(as(t, b), send); err != nil {
		t.Fatal(err)
	}
	page, err := h.ListMessages(as(t, a), &messagev1.ListMessagesRequest{ConversationId: id.String()})
	if err != nil || len(page.GetItems()) != 2 {
		t.Fatalf("%v, %v", page, err)
	}
	got := page.GetItems()[1]
	if from := got.GetForward(); from.GetConversationId() != id.String() || from.GetSeq() != 1 || from.GetSenderId() != a.String() || from.GetSentAt() == 0 {
		t.Errorf("forward %v", got)
	}
}

func TestReactionsOverConnect(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	h := connectapi.New(f.Service)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "one")
	for _, user := range []ids.UserID{b, a} {
		if _, err := h.React(as(t, user), &messagev1.ReactRequest{ConversationId: id.String(), Seq: 1, Emoji: "\u2764"}); err != nil {
			t.Fatal(err)
		}
	}
	page, err := h.ListMessages(as(t, a), &messagev1.ListMessagesRequest{ConversationId: id.String()})
	if err != nil || len(page.GetItems()) != 1 || len(page.GetItems()[0].GetReactions()) != 1 {
		t.Fatalf("%v, %v", page, err)
	}
	want := &messagev1.Reaction{Emoji: "\u2764", Count: 2, UserIds: []string{b.String(), a.String()}}
	if got := page.GetItems()[0].GetReactions()[0]; !proto.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	gone, err := h.React(as(t, a), &messagev1.ReactRequest{ConversationId: id.String(), Seq: 1, Emoji: "\u2764", Remove: true})
	if err != nil || gone.GetMessage().GetReactions()[0].GetCount() != 1 {
		t.Errorf("%v, %v", gone, err)
	}
}

func TestF15_HidingOverConnect(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	h := connectapi.New(f.Service)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "one")
	f.Say(t, a, id, "two")
	answer, err := h.HideMessage(as(t, b), &messagev1.HideMessageRequest{ConversationId: id.String(), Seq: 1})
	if head := answer.GetHead(); err != nil || head.GetHiddenRev() != 1 || head.GetUnread() != 1 {
		t.Errorf("%v, %v", answer, err)
	}
	page, err := h.ListMessages(as(t, b), &messagev1.ListMessagesRequest{ConversationId: id.String()})
	want := &messagev1.Gap{From: 1, To: 1, Reason: messagev1.GapReason_GAP_REASON_HIDDEN}
	if err != nil || len(page.GetItems()) != 1 || len(page.GetGaps()) != 1 || !proto.Equal(page.GetGaps()[0], want) {
		t.Errorf("%v, %v", page, err)
	}
	list, err := h.ListHidden(as(t, b), &messagev1.ListHiddenRequest{ConversationId: id.String()})
	if err != nil || list.GetUpToRev() != 1 || len(list.GetSeqs()) != 1 || list.GetSeqs()[0] != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// failing is a store that cannot write, in one of several ways.
type failing struct {
	message.Store
	err error
}

func (s failing) Append(context.Context, []message.Pending, int64) (message.Committed, error) {
	return message.Committed{}, s.err
}

func TestAnUnknownOutcomeInABatchSaysSo(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{errors.New("unexpected"), fault.ErrUnavailable} {
		f := messagetest.Start(t, failing{messagetest.NewStore(), failure}, 1)
		id, a, _ := f.Open(t)
		answer, err := connectapi.New(f.Service).SendBatch(t.Context(), &messagev1.SendBatchRequest{Items: []*messagev1.SendBatchRequest_Item{
			{SenderId: a.String(), Send: &messagev1.SendRequest{
				ConversationId: id.String(), ClientMessageId: ids.NewClientMessage().String(), Content: text("x"),
			}},
			{SenderId: "nobody", Send: &messagev1.SendRequest{}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		unknown, refused := answer.GetResults()[0].GetError(), answer.GetResults()[1].GetError()
		if unknown.GetCode() != "unavailable" || unknown.GetReason() != "UNAVAILABLE" || unknown.GetRetryAfterMs() <= 0 {
			t.Errorf("%v: %v", failure, unknown)
		}
		if refused.GetCode() != "invalid_argument" || refused.GetRetryAfterMs() != 0 {
			t.Errorf("refused: %v", refused)
		}
	}
}
