// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"fmt"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/transmit"
)

// Groups is the port transmit.Groups over Connect.
type Groups struct {
	client messagev1connect.MessageServiceClient
}

// NewGroups makes the client; it dials on the first call.
func NewGroups(c *rpcclient.Client) *Groups {
	return &Groups{client: messagev1connect.NewMessageServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)}
}

// Members lists who was a member at a membership version.
func (g *Groups) Members(ctx context.Context, m transmit.Membership) ([]ids.UserID, error) {
	answer, err := g.client.ListRecipients(ctx, &messagev1.ListRecipientsRequest{
		ConversationId: m.Group.String(), MembersRev: m.Rev, Seq: m.Seq,
	})
	if err != nil {
		return nil, fmt.Errorf("list recipients: %w", err)
	}
	members, err := ids.ParseUsers("user_ids", answer.GetUserIds())
	if err != nil {
		return nil, fmt.Errorf("answer of list recipients: %w", err)
	}
	return members, nil
}
