// SPDX-License-Identifier: Apache-2.0

// Package upstream calls the friend service for groups, and the file service for what messages show.
//
// It keeps the errors of rpcclient: a service that does not answer is fault.ErrUnavailable.
package upstream

import (
	"context"
	"fmt"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// Friends implements the port of the same name.
type Friends struct {
	client friendv1connect.FriendServiceClient
}

var _ message.Friends = Friends{}

// NewFriends calls through a generated client.
func NewFriends(client friendv1connect.FriendServiceClient) Friends { return Friends{client} }

// FriendsAmong calls CheckFriends.
func (f Friends) FriendsAmong(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	answer, err := f.client.CheckFriends(ctx, &friendv1.CheckFriendsRequest{UserId: user.String(), CandidateIds: ids.Texts(people)})
	if err != nil {
		return nil, fmt.Errorf("check friends: %w", err)
	}
	friends := make([]ids.UserID, len(answer.GetFriendIds()))
	for i, text := range answer.GetFriendIds() {
		if friends[i], err = ids.ParseUser("friend_ids", text); err != nil {
			return nil, fmt.Errorf("the friend service answered no id: %s", text)
		}
	}
	return friends, nil
}
