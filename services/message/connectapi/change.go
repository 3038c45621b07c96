// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"context"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// Recall implements MessageService.
func (h *Handler) Recall(ctx context.Context, req *messagev1.RecallRequest) (*messagev1.RecallResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	m, err := h.service.Recall(ctx, callerID(ctx), id, req.GetSeq())
	if err != nil {
		return nil, err
	}
	return &messagev1.RecallResponse{Message: toMessage(m)}, nil
}

// Edit implements MessageService.
func (h *Handler) Edit(ctx context.Context, req *messagev1.EditRequest) (*messagev1.EditResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	m, err := h.service.Edit(ctx, callerID(ctx), id, req.GetSeq(), req.GetText().GetBody())
	if err != nil {
		return nil, err
	}
	return &messagev1.EditResponse{Message: toMessage(m)}, nil
}

// React implements MessageService.
func (h *Handler) React(ctx context.Context, req *messagev1.ReactRequest) (*messagev1.ReactResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	m, err := h.service.React(ctx, message.Given{
		User: callerID(ctx), Conversation: id, Seq: req.GetSeq(), Emoji: req.GetEmoji(), Remove: req.GetRemove(),
	})
	if err != nil {
		return nil, err
	}
	return &messagev1.ReactResponse{Message: toMessage(m)}, nil
}

// ListVersions implements MessageService.
func (h *Handler) ListVersions(ctx context.Context, req *messagev1.ListVersionsRequest) (*messagev1.ListVersionsResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	versions, more, err := h.service.ListVersions(ctx, message.VersionsQuery{
		User: callerID(ctx), Conversation: id, Seq: req.GetSeq(), After: req.GetAfterNumber(),
	})
	if err != nil {
		return nil, err
	}
	return &messagev1.ListVersionsResponse{Versions: each(versions, toVersion), More: more}, nil
}
