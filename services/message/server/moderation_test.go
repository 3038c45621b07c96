// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"testing"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	auditv1 "github.com/parley-chat/parley/api/gen/parley/audit/v1"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

func (p *process) moderation() messagev1connect.ModerationServiceClient {
	c := p.client(component.Gateway)
	return messagev1connect.NewModerationServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)
}

func (p *process) with(user ids.UserID, role accessv1.Role) context.Context {
	return identity.NewContext(p.t.Context(), identity.Caller{UserID: user, Role: role, ClientAddress: "203.0.113.9", RequestID: "r1"})
}

func TestF46_AModeratorRemovesAMessageAndIsNoted(t *testing.T) {
	t.Parallel()
	p := start(t, sqlite(t))
	a, b, officer := ids.NewUser(), ids.NewUser(), ids.NewUser()
	id := p.open(a, b, 1)
	if _, err := p.messages(component.Gateway).Send(p.as(a), request(id, "an insult")); err != nil {
		t.Fatal(err)
	}
	remove := func(role accessv1.Role, seq int64) (*messagev1.RemoveMessageResponse, error) {
		return p.moderation().RemoveMessage(p.with(officer, role), &messagev1.RemoveMessageRequest{ConversationId: id, Seq: seq, Reason: "insult"})
	}
	for _, role := range []accessv1.Role{accessv1.Role_ROLE_UNSPECIFIED, accessv1.Role_ROLE_MEMBER, accessv1.Role_ROLE_AUDITOR} {
		if _, err := remove(role, 1); !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("%v: %v, want FORBIDDEN", role, err)
		}
	}
	if _, err := remove(accessv1.Role_ROLE_MODERATOR, 99); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a message that is not there: %v", err)
	}
	answer, err := remove(accessv1.Role_ROLE_MODERATOR, 1)
	stone := answer.GetMessage().GetRecalled()
	if err != nil || !stone.GetByModeration() || stone.GetBy() != "" || stone.GetAt() == 0 {
		t.Fatalf("answer %v, %v", answer, err)
	}
	told := p.event(eventv1.EventType_EVENT_TYPE_MESSAGE_RECALLED)
	if !told.GetMessage().GetRecalled().GetByModeration() || told.GetMessage().GetRecalled().GetBy() != "" {
		t.Errorf("members hear %v", told)
	}
	page, err := p.messages(component.Gateway).ListMessages(p.as(b), &messagev1.ListMessagesRequest{ConversationId: id})
	if err != nil || len(page.GetItems()) != 1 || !page.GetItems()[0].GetRecalled().GetByModeration() {
		t.Errorf("history %v, %v", page, err)
	}
	checkAuditOf(t, p, officer, a, id)
}

func checkAuditOf(t *testing.T, p *process, officer, sender ids.UserID, id string) {
	t.Helper()
	list := func(role accessv1.Role, filter *auditv1.Filter) (*messagev1.ListAuditEntriesResponse, error) {
		return p.moderation().ListAuditEntries(p.with(officer, role), &messagev1.ListAuditEntriesRequest{Filter: filter, PageSize: 1})
	}
	if _, err := list(accessv1.Role_ROLE_MODERATOR, nil); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a moderator reads the log: %v", err)
	}
	log, err := list(accessv1.Role_ROLE_AUDITOR, &auditv1.Filter{TargetId: sender.String()})
	if err != nil || len(log.GetEntries()) != 1 || log.GetNextPageToken() != "" {
		t.Fatalf("audit log %v, %v", log, err)
	}
	e := log.GetEntries()[0]
	if e.GetAction() != "message.removed" || e.GetActorId() != officer.String() || e.GetReason() != "insult" ||
		e.GetDetail() != "conversation="+id+" seq=1" || e.GetClientAddress() != "203.0.113.9" || e.GetRequestId() != "r1" {
		t.Errorf("entry %v", e)
	}
	denied, err := list(accessv1.Role_ROLE_OWNER, &auditv1.Filter{Action: "call.denied"})
	if err != nil || len(denied.GetEntries()) != 1 || denied.GetNextPageToken() == "" {
		t.Errorf("denied calls %v, %v; want a page of several", denied, err)
	}
}
