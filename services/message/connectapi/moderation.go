// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"context"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/audit/auditapi"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

var _ messagev1connect.ModerationServiceHandler = (*Handler)(nil)

// Officer is who acts for the platform; the claim has the role that was read for this call.
func Officer(ctx context.Context) message.Officer {
	c := identity.FromContext(ctx)
	return message.Officer{
		ID: c.UserID,
		Power: message.Power{
			Removes: c.Role >= accessv1.Role_ROLE_MODERATOR,
			Audits:  c.Role == accessv1.Role_ROLE_AUDITOR || c.Role >= accessv1.Role_ROLE_ADMIN,
		},
		From: audit.Origin{Address: c.ClientAddress, RequestID: c.RequestID},
	}
}

// RemoveMessage implements ModerationService.
func (h *Handler) RemoveMessage(ctx context.Context, req *messagev1.RemoveMessageRequest) (*messagev1.RemoveMessageResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	m, err := h.service.Remove(ctx, Officer(ctx), message.Removal{Conversation: id, Seq: req.GetSeq(), Reason: req.GetReason()})
	if err != nil {
		return nil, err
	}
	return &messagev1.RemoveMessageResponse{Message: toMessage(m)}, nil
}

// ListAuditEntries implements ModerationService.
func (h *Handler) ListAuditEntries(
	ctx context.Context, req *messagev1.ListAuditEntriesRequest,
) (*messagev1.ListAuditEntriesResponse, error) {
	query, err := auditapi.Query(req.GetFilter())
	if err != nil {
		return nil, err
	}
	query.Limit = int(req.GetPageSize())
	page, err := h.service.ReadAudit(ctx, Officer(ctx), query, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &messagev1.ListAuditEntriesResponse{Entries: auditapi.Entries(page.Entries), NextPageToken: page.Next}, nil
}
