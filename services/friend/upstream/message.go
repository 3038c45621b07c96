// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"fmt"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Companions implements the port of the same name.
type Companions struct {
	client messagev1connect.MessageServiceClient
}

// NewCompanions calls through a generated client.
func NewCompanions(client messagev1connect.MessageServiceClient) Companions {
	return Companions{client}
}

// Companions calls CheckCompanions.
func (c Companions) Companions(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	answer, err := c.client.CheckCompanions(ctx, &messagev1.CheckCompanionsRequest{UserId: user.String(), CandidateIds: ids.Texts(people)})
	if err != nil {
		return nil, err
	}
	list := make([]ids.UserID, len(answer.GetCompanionIds()))
	for i, text := range answer.GetCompanionIds() {
		if err := list[i].UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("the message service answered no id: %s", text)
		}
	}
	return list, nil
}

// Conversations implements the port of the same name.
type Conversations struct {
	client messagev1connect.ConversationServiceClient
}

// NewConversations calls through a generated client.
func NewConversations(client messagev1connect.ConversationServiceClient) Conversations {
	return Conversations{client}
}

// Open calls OpenDirect.
func (c Conversations) Open(ctx context.Context, pair friend.Pair, version int64) (ids.ConversationID, error) {
	var id ids.ConversationID
	answer, err := c.client.OpenDirect(ctx, &messagev1.OpenDirectRequest{
		UserIds: ids.Texts(pair.Users()), RelationVersion: version,
	})
	if err != nil {
		return id, err
	}
	if err := id.UnmarshalText([]byte(answer.GetConversationId())); err != nil {
		return id, fmt.Errorf("the message service answered no conversation id: %s", answer.GetConversationId())
	}
	return id, nil
}

// Close calls CloseDirect.
func (c Conversations) Close(ctx context.Context, pair friend.Pair, version int64) error {
	_, err := c.client.CloseDirect(ctx, &messagev1.CloseDirectRequest{
		UserIds: ids.Texts(pair.Users()), RelationVersion: version,
	})
	return err
}
