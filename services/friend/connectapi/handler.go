// SPDX-License-Identifier: Apache-2.0

// Package connectapi answers the calls of FriendService.
//
// A handler converts, calls the domain and converts back; it decides nothing. Who may call is checked
// before, by rpcserver.
package connectapi

import (
	"context"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Handler implements friendv1connect.FriendServiceHandler.
type Handler struct{ service *friend.Service }

// New answers from a service.
func New(service *friend.Service) Handler { return Handler{service} }

// SendRequest asks somebody to become a friend.
func (h Handler) SendRequest(ctx context.Context, r *friendv1.SendRequestRequest) (*friendv1.SendRequestResponse, error) {
	respondent, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	key, err := ids.ParseIdempotencyKey("idempotency_key", r.GetIdempotencyKey())
	if err != nil {
		return nil, err
	}
	outcome, err := h.service.SendRequest(ctx, friend.Wish{
		Applicant: identity.FromContext(ctx).UserID, Respondent: respondent, Text: r.GetText(), Key: key,
	})
	if err != nil {
		return nil, err
	}
	return &friendv1.SendRequestResponse{Request: toRequest(outcome), ConversationId: outcome.ConversationID.Optional()}, nil
}

// ListRequests lists pending requests.
func (h Handler) ListRequests(ctx context.Context, r *friendv1.ListRequestsRequest) (*friendv1.ListRequestsResponse, error) {
	caller := identity.FromContext(ctx).UserID
	page, err := h.service.ListRequests(ctx, caller, fromDirection(r.GetDirection()), int(r.GetPageSize()), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &friendv1.ListRequestsResponse{Requests: toRequests(page.Requests), NextPageToken: page.Next}, nil
}

// RespondToRequest accepts or refuses.
func (h Handler) RespondToRequest(ctx context.Context, r *friendv1.RespondToRequestRequest) (*friendv1.RespondToRequestResponse, error) {
	id, err := ids.ParseFriendRequest("request_id", r.GetRequestId())
	if err != nil {
		return nil, err
	}
	outcome, err := h.service.RespondToRequest(ctx, identity.FromContext(ctx).UserID, id, r.GetAccept())
	if err != nil {
		return nil, err
	}
	return &friendv1.RespondToRequestResponse{
		Request: toRequest(outcome), ConversationId: outcome.ConversationID.Optional(),
	}, nil
}

// CancelRequest withdraws.
func (h Handler) CancelRequest(ctx context.Context, r *friendv1.CancelRequestRequest) (*friendv1.CancelRequestResponse, error) {
	id, err := ids.ParseFriendRequest("request_id", r.GetRequestId())
	if err != nil {
		return nil, err
	}
	if err := h.service.CancelRequest(ctx, identity.FromContext(ctx).UserID, id); err != nil {
		return nil, err
	}
	return &friendv1.CancelRequestResponse{}, nil
}

// ListFriends lists friends.
func (h Handler) ListFriends(ctx context.Context, r *friendv1.ListFriendsRequest) (*friendv1.ListFriendsResponse, error) {
	page, err := h.service.ListFriends(ctx, identity.FromContext(ctx).UserID, int(r.GetPageSize()), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &friendv1.ListFriendsResponse{Friends: toFriends(page.Friends), NextPageToken: page.Next}, nil
}

// RemoveFriend ends a friendship.
func (h Handler) RemoveFriend(ctx context.Context, r *friendv1.RemoveFriendRequest) (*friendv1.RemoveFriendResponse, error) {
	other, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	if err := h.service.RemoveFriend(ctx, identity.FromContext(ctx).UserID, other); err != nil {
		return nil, err
	}
	return &friendv1.RemoveFriendResponse{}, nil
}

// SearchUsers finds people.
func (h Handler) SearchUsers(ctx context.Context, r *friendv1.SearchUsersRequest) (*friendv1.SearchUsersResponse, error) {
	page, err := h.service.SearchUsers(ctx, identity.FromContext(ctx).UserID, friend.UserSearch{
		Query: r.GetQuery(), PageSize: int(r.GetPageSize()), Token: r.GetPageToken(),
	})
	if err != nil {
		return nil, err
	}
	return &friendv1.SearchUsersResponse{
		Users: toFound(page.Found), NextPageToken: page.Next, NicknamesUnavailable: page.NamesUnavailable,
	}, nil
}

// ListFriendIds answers the recipients of user.updated.
func (h Handler) ListFriendIds(ctx context.Context, r *friendv1.ListFriendIdsRequest) (*friendv1.ListFriendIdsResponse, error) { //nolint:revive // the generated name
	user, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	list, err := h.service.ListFriendIDs(ctx, user)
	if err != nil {
		return nil, err
	}
	return &friendv1.ListFriendIdsResponse{UserIds: ids.Texts(list)}, nil
}

// CheckFriends picks friends out of some people.
func (h Handler) CheckFriends(ctx context.Context, r *friendv1.CheckFriendsRequest) (*friendv1.CheckFriendsResponse, error) {
	user, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	candidates, err := ids.ParseUsers("candidate_ids", r.GetCandidateIds())
	if err != nil {
		return nil, err
	}
	list, err := h.service.CheckFriends(ctx, user, candidates)
	if err != nil {
		return nil, err
	}
	return &friendv1.CheckFriendsResponse{FriendIds: ids.Texts(list)}, nil
}

// CheckRelations tells what people are to a user.
func (h Handler) CheckRelations(ctx context.Context, r *friendv1.CheckRelationsRequest) (*friendv1.CheckRelationsResponse, error) {
	user, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	candidates, err := ids.ParseUsers("candidate_ids", r.GetCandidateIds())
	if err != nil {
		return nil, err
	}
	relations, err := h.service.CheckRelations(ctx, user, candidates)
	if err != nil {
		return nil, err
	}
	return &friendv1.CheckRelationsResponse{
		FriendIds: ids.Texts(relations.Friends), BlockedIds: ids.Texts(relations.Blocked),
	}, nil
}
