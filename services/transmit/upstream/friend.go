// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"fmt"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
)

// Friends is the port transmit.Friends over Connect.
type Friends struct {
	client friendv1connect.FriendServiceClient
}

// NewFriends makes the client; it dials on the first call.
func NewFriends(c *rpcclient.Client) *Friends {
	return &Friends{client: friendv1connect.NewFriendServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)}
}

// FriendIDs lists the friends of a user.
func (f *Friends) FriendIDs(ctx context.Context, user ids.UserID) ([]ids.UserID, error) {
	answer, err := f.client.ListFriendIds(ctx, &friendv1.ListFriendIdsRequest{UserId: user.String()})
	if err != nil {
		return nil, fmt.Errorf("list friend ids: %w", err)
	}
	friends, err := ids.ParseUsers("user_ids", answer.GetUserIds())
	if err != nil {
		return nil, fmt.Errorf("answer of list friend ids: %w", err)
	}
	return friends, nil
}
