// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"fmt"
	"slices"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
)

// People is gateway.People on the services that know people: one call to each, however many users are named.
type People struct {
	friends  friendv1connect.FriendServiceClient
	messages messagev1connect.MessageServiceClient
	users    userv1connect.UserServiceClient
}

var _ gateway.People = (*People)(nil)

// NewPeople makes the clients; they dial on the first call.
func NewPeople(friend, message, user *rpcclient.Client) *People {
	return &People{
		friends:  friendv1connect.NewFriendServiceClient(friend.HTTPClient(), friend.BaseURL(), friend.Options()...),
		messages: messagev1connect.NewMessageServiceClient(message.HTTPClient(), message.BaseURL(), message.Options()...),
		users:    userv1connect.NewUserServiceClient(user.HTTPClient(), user.BaseURL(), user.Options()...),
	}
}

// VisibleTo asks who is a friend, who of the others is in a group with the viewer, and who of these does
// not hide. Blocks are known first and win.
func (p *People) VisibleTo(ctx context.Context, viewer ids.UserID, users []ids.UserID) ([]ids.UserID, error) {
	ctx = identity.NewContext(ctx, identity.Caller{}) // the pod asks for itself
	relations, err := p.friends.CheckRelations(ctx, &friendv1.CheckRelationsRequest{UserId: viewer.String(), CandidateIds: ids.Texts(users)})
	if err != nil {
		return nil, fmt.Errorf("check relations: %w", err)
	}
	candidates := relations.GetFriendIds()
	known := slices.Concat(candidates, relations.GetBlockedIds())
	others := slices.DeleteFunc(ids.Texts(users), func(id string) bool { return slices.Contains(known, id) })
	if len(others) > 0 {
		companions, err := p.messages.CheckCompanions(ctx, &messagev1.CheckCompanionsRequest{UserId: viewer.String(), CandidateIds: others})
		if err != nil {
			return nil, fmt.Errorf("check companions: %w", err)
		}
		candidates = append(candidates, companions.GetCompanionIds()...)
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	shown, err := p.users.CheckPresence(ctx, &userv1.CheckPresenceRequest{UserIds: candidates})
	if err != nil {
		return nil, fmt.Errorf("check presence: %w", err)
	}
	visible, err := ids.ParseUsers("user_ids", shown.GetUserIds())
	if err != nil {
		return nil, fmt.Errorf("answer of check presence: %w", err)
	}
	return slices.DeleteFunc(visible, func(user ids.UserID) bool { return !slices.Contains(users, user) }), nil
}
