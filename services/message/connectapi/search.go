// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"context"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/textmatch"
	"github.com/parley-chat/parley/services/message"
)

// Search implements MessageService.
func (h *Handler) Search(ctx context.Context, req *messagev1.SearchRequest) (*messagev1.SearchResponse, error) {
	q, err := searchQuery(callerID(ctx), req)
	if err != nil {
		return nil, err
	}
	page, err := h.service.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	return &messagev1.SearchResponse{Hits: each(page.Hits, toHit), NextPageToken: page.Next}, nil
}

func searchQuery(user ids.UserID, req *messagev1.SearchRequest) (message.SearchQuery, error) {
	q := message.SearchQuery{
		User: user, Text: req.GetQuery(), Links: req.GetWithLink(), From: req.GetFromTime(), Until: req.GetUntilTime(),
		Size: int(req.GetPageSize()), Token: req.GetPageToken(),
	}
	for _, kind := range req.GetKinds() {
		q.Kinds = append(q.Kinds, message.BodyKind(kind))
	}
	var err error
	if id := req.GetConversationId(); id != "" {
		if q.Conversation, err = ids.ParseConversation("conversation_id", id); err != nil {
			return q, err
		}
	}
	if id := req.GetSenderId(); id != "" {
		q.Sender, err = ids.ParseUser("sender_id", id)
	}
	return q, err
}

func toHit(hit message.SearchHit) *messagev1.SearchHit {
	return &messagev1.SearchHit{
		Message: toMessage(hit.Message), Spans: each(hit.Spans, toSpan), Field: messagev1.SearchField(hit.Field),
	}
}

// toSpan: a text has at most 8,000 code points.
func toSpan(span textmatch.Span) *messagev1.TextSpan {
	return &messagev1.TextSpan{Start: int32(span.Start), End: int32(span.End)} //nolint:gosec // see above
}
