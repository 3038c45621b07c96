// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"context"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

// SetRemark keeps a remark.
func (h Handler) SetRemark(ctx context.Context, r *friendv1.SetRemarkRequest) (*friendv1.SetRemarkResponse, error) {
	other, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	stored, err := h.service.SetRemark(ctx, friend.Remark{
		Owner: identity.FromContext(ctx).UserID, Friend: other, Text: r.GetRemark(),
	})
	if err != nil {
		return nil, err
	}
	return &friendv1.SetRemarkResponse{Remark: stored}, nil
}

// BlockUser keeps somebody away.
func (h Handler) BlockUser(ctx context.Context, r *friendv1.BlockUserRequest) (*friendv1.BlockUserResponse, error) {
	other, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	if err := h.service.BlockUser(ctx, identity.FromContext(ctx).UserID, other); err != nil {
		return nil, err
	}
	return &friendv1.BlockUserResponse{}, nil
}

// UnblockUser takes a block back.
func (h Handler) UnblockUser(ctx context.Context, r *friendv1.UnblockUserRequest) (*friendv1.UnblockUserResponse, error) {
	other, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	if err := h.service.UnblockUser(ctx, identity.FromContext(ctx).UserID, other); err != nil {
		return nil, err
	}
	return &friendv1.UnblockUserResponse{}, nil
}

// ListBlocked lists blocks.
func (h Handler) ListBlocked(ctx context.Context, r *friendv1.ListBlockedRequest) (*friendv1.ListBlockedResponse, error) {
	page, err := h.service.ListBlocked(ctx, identity.FromContext(ctx).UserID, int(r.GetPageSize()), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &friendv1.ListBlockedResponse{Blocked: toBlocked(page.Blocked), NextPageToken: page.Next}, nil
}
