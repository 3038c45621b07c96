// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"context"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// CreateGroup implements ConversationService.
func (h *Handler) CreateGroup(ctx context.Context, req *messagev1.CreateGroupRequest) (*messagev1.CreateGroupResponse, error) {
	key, err := ids.ParseIdempotencyKey("idempotency_key", req.GetIdempotencyKey())
	if err != nil {
		return nil, err
	}
	members, err := users("member_ids", req.GetMemberIds())
	if err != nil {
		return nil, err
	}
	view, err := h.service.CreateGroup(ctx, message.GroupDraft{
		Creator: callerID(ctx), Key: key, Name: req.GetName(), Members: members,
	})
	if err != nil {
		return nil, err
	}
	return &messagev1.CreateGroupResponse{Conversation: toConversation(view)}, nil
}

// ListMembers implements ConversationService.
func (h *Handler) ListMembers(ctx context.Context, req *messagev1.ListMembersRequest) (*messagev1.ListMembersResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	page, err := h.service.ListMembers(ctx, callerID(ctx), id, int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &messagev1.ListMembersResponse{
		Members: each(page.Members, toMember), NextPageToken: page.Next, MembersRev: page.Conversation.MembersRev,
		MemberCount: int32(page.Count()), //nolint:gosec // at most MaxGroupMembers
	}, nil
}

func users(field string, texts []string) ([]ids.UserID, error) {
	list := make([]ids.UserID, len(texts))
	for i, text := range texts {
		user, err := ids.ParseUser(field, text)
		if err != nil {
			return nil, err
		}
		list[i] = user
	}
	return list, nil
}
