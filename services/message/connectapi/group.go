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
	members, err := ids.ParseUsers("member_ids", req.GetMemberIds())
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

// AddMembers implements ConversationService.
func (h *Handler) AddMembers(ctx context.Context, req *messagev1.AddMembersRequest) (*messagev1.AddMembersResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	list, err := ids.ParseUsers("user_ids", req.GetUserIds())
	if err != nil {
		return nil, err
	}
	view, err := h.service.AddMembers(ctx, callerID(ctx), id, list)
	if err != nil {
		return nil, err
	}
	return &messagev1.AddMembersResponse{Conversation: toConversation(view)}, nil
}

// RemoveMember implements ConversationService.
func (h *Handler) RemoveMember(ctx context.Context, req *messagev1.RemoveMemberRequest) (*messagev1.RemoveMemberResponse, error) {
	id, user, err := member(req)
	if err != nil {
		return nil, err
	}
	view, err := h.service.RemoveMember(ctx, callerID(ctx), id, user)
	if err != nil {
		return nil, err
	}
	return &messagev1.RemoveMemberResponse{Conversation: toConversation(view)}, nil
}

// LeaveGroup implements ConversationService.
func (h *Handler) LeaveGroup(ctx context.Context, req *messagev1.LeaveGroupRequest) (*messagev1.LeaveGroupResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	view, err := h.service.LeaveGroup(ctx, callerID(ctx), id)
	if err != nil {
		return nil, err
	}
	return &messagev1.LeaveGroupResponse{Conversation: toConversation(view)}, nil
}

// DissolveGroup implements ConversationService.
func (h *Handler) DissolveGroup(ctx context.Context, req *messagev1.DissolveGroupRequest) (*messagev1.DissolveGroupResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	view, err := h.service.DissolveGroup(ctx, callerID(ctx), id)
	if err != nil {
		return nil, err
	}
	return &messagev1.DissolveGroupResponse{Conversation: toConversation(view)}, nil
}

// UpdateGroup implements ConversationService.
func (h *Handler) UpdateGroup(ctx context.Context, req *messagev1.UpdateGroupRequest) (*messagev1.UpdateGroupResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	view, err := h.service.RenameGroup(ctx, callerID(ctx), id, req.GetName())
	if err != nil {
		return nil, err
	}
	return &messagev1.UpdateGroupResponse{Conversation: toConversation(view)}, nil
}

// SetMemberRole implements ConversationService.
func (h *Handler) SetMemberRole(ctx context.Context, req *messagev1.SetMemberRoleRequest) (*messagev1.SetMemberRoleResponse, error) {
	id, user, err := member(req)
	if err != nil {
		return nil, err
	}
	view, err := h.service.SetMemberRole(ctx, callerID(ctx), id, user, message.Role(req.GetRole()))
	if err != nil {
		return nil, err
	}
	return &messagev1.SetMemberRoleResponse{Conversation: toConversation(view)}, nil
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

// named is a request about one member.
type named interface {
	GetConversationId() string
	GetUserId() string
}

func member(req named) (id ids.ConversationID, user ids.UserID, err error) {
	if id, err = ids.ParseConversation("conversation_id", req.GetConversationId()); err != nil {
		return id, user, err
	}
	user, err = ids.ParseUser("user_id", req.GetUserId())
	return id, user, err
}
