// SPDX-License-Identifier: Apache-2.0

// Package connectapi offers the message service over Connect.
//
// A method converts, calls and converts. Who may do what is decided in the domain.
package connectapi

import (
	"context"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/message"
)

// Handler implements MessageService, ConversationService and ModerationService.
type Handler struct{ service *message.Service }

var (
	_ messagev1connect.MessageServiceHandler      = (*Handler)(nil)
	_ messagev1connect.ConversationServiceHandler = (*Handler)(nil)
)

// New makes a Handler.
func New(service *message.Service) *Handler { return &Handler{service: service} }

// Mount adds the services to a server.
func (h *Handler) Mount(s *rpcserver.Server) {
	s.Mount(messagev1connect.NewMessageServiceHandler(h, s.HandlerOptions()...))
	s.Mount(messagev1connect.NewConversationServiceHandler(h, s.HandlerOptions()...))
	s.Mount(messagev1connect.NewModerationServiceHandler(h, s.HandlerOptions()...))
}

func callerID(ctx context.Context) ids.UserID { return identity.FromContext(ctx).UserID }

// Send implements MessageService.
func (h *Handler) Send(ctx context.Context, req *messagev1.SendRequest) (*messagev1.SendResponse, error) {
	d, err := draft(callerID(ctx), req)
	if err != nil {
		return nil, err
	}
	sent, err := h.service.Send(ctx, d)
	if err != nil {
		return nil, err
	}
	return &messagev1.SendResponse{Sent: toSent(sent)}, nil
}

// SendBatch implements MessageService. Items that cannot be read do not hold up the others.
func (h *Handler) SendBatch(ctx context.Context, req *messagev1.SendBatchRequest) (*messagev1.SendBatchResponse, error) {
	results := make([]*messagev1.SendBatchResponse_Result, len(req.GetItems()))
	var (
		drafts []message.Draft
		place  []int // of a draft in results
	)
	for i, item := range req.GetItems() {
		d, err := batchDraft(item)
		if err != nil {
			results[i] = toResult(message.Result{Err: err})
			continue
		}
		drafts, place = append(drafts, d), append(place, i)
	}
	for i, r := range h.service.SendBatch(ctx, drafts) {
		results[place[i]] = toResult(r)
	}
	return &messagev1.SendBatchResponse{Results: results}, nil
}

// ListMessages implements MessageService.
func (h *Handler) ListMessages(ctx context.Context, req *messagev1.ListMessagesRequest) (*messagev1.ListMessagesResponse, error) {
	q, err := historyQuery(callerID(ctx), req)
	if err != nil {
		return nil, err
	}
	page, err := h.service.ListMessages(ctx, q)
	if err != nil {
		return nil, err
	}
	return &messagev1.ListMessagesResponse{
		Items: each(page.Items, toMessage), Gaps: toGaps(page), Head: toHead(page.Head),
	}, nil
}

// ListChanges implements MessageService.
func (h *Handler) ListChanges(ctx context.Context, req *messagev1.ListChangesRequest) (*messagev1.ListChangesResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	items, upTo, err := h.service.ListChanges(ctx, message.ChangesQuery{
		User: callerID(ctx), Conversation: id, AfterRev: req.GetAfterRev(), Limit: int(req.GetLimit()),
	})
	if err != nil {
		return nil, err
	}
	return &messagev1.ListChangesResponse{Items: each(items, toMessage), UpToRev: upTo}, nil
}

// Sync implements MessageService.
func (h *Handler) Sync(ctx context.Context, req *messagev1.SyncRequest) (*messagev1.SyncResponse, error) {
	r, err := h.service.Sync(ctx, message.SyncQuery{User: callerID(ctx), Cursor: req.GetCursor()})
	if err != nil {
		return nil, err
	}
	return toSync(r), nil
}

// SyncBatch implements MessageService.
func (h *Handler) SyncBatch(ctx context.Context, req *messagev1.SyncBatchRequest) (*messagev1.SyncBatchResponse, error) {
	queries := make([]message.SyncQuery, len(req.GetItems()))
	for i, item := range req.GetItems() {
		user, err := ids.ParseUser("items.user_id", item.GetUserId())
		if err != nil {
			return nil, err
		}
		queries[i] = message.SyncQuery{User: user, Cursor: item.GetCursor()}
	}
	results, err := h.service.SyncBatch(ctx, queries)
	if err != nil {
		return nil, err
	}
	return &messagev1.SyncBatchResponse{Results: each(results, toSync)}, nil
}

// ListRecipients implements MessageService.
func (h *Handler) ListRecipients(ctx context.Context, req *messagev1.ListRecipientsRequest) (*messagev1.ListRecipientsResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	var audience message.Audience
	if rev := req.GetMembersRev(); rev > 0 {
		audience, err = h.service.MembersAt(ctx, message.AudienceQuery{Conversation: id, MembersRev: rev, Seq: req.GetSeq()})
	} else {
		audience, err = h.recipients(ctx, req.GetUserId(), id)
	}
	if err != nil {
		return nil, err
	}
	return &messagev1.ListRecipientsResponse{
		UserIds: ids.Texts(audience.Users), MembersRev: audience.MembersRev, ReadOnly: audience.ReadOnly,
	}, nil
}

// CheckCompanions implements MessageService.
func (h *Handler) CheckCompanions(ctx context.Context, req *messagev1.CheckCompanionsRequest) (*messagev1.CheckCompanionsResponse, error) {
	user, err := ids.ParseUser("user_id", req.GetUserId())
	if err != nil {
		return nil, err
	}
	candidates, err := ids.ParseUsers("candidate_ids", req.GetCandidateIds())
	if err != nil {
		return nil, err
	}
	companions, err := h.service.CheckCompanions(ctx, user, candidates)
	if err != nil {
		return nil, err
	}
	return &messagev1.CheckCompanionsResponse{CompanionIds: ids.Texts(companions)}, nil
}

func (h *Handler) recipients(ctx context.Context, text string, id ids.ConversationID) (message.Audience, error) {
	user, err := ids.ParseUser("user_id", text)
	if err != nil {
		return message.Audience{}, err
	}
	return h.service.Recipients(ctx, user, id)
}

// OpenDirect implements ConversationService.
func (h *Handler) OpenDirect(ctx context.Context, req *messagev1.OpenDirectRequest) (*messagev1.OpenDirectResponse, error) {
	p, err := pair(req.GetUserIds())
	if err != nil {
		return nil, err
	}
	id, err := h.service.OpenDirect(ctx, p, req.GetRelationVersion())
	if err != nil {
		return nil, err
	}
	return &messagev1.OpenDirectResponse{ConversationId: id.String()}, nil
}

// CloseDirect implements ConversationService.
func (h *Handler) CloseDirect(ctx context.Context, req *messagev1.CloseDirectRequest) (*messagev1.CloseDirectResponse, error) {
	p, err := pair(req.GetUserIds())
	if err != nil {
		return nil, err
	}
	return &messagev1.CloseDirectResponse{}, h.service.CloseDirect(ctx, p, req.GetRelationVersion())
}

// ListConversations implements ConversationService.
func (h *Handler) ListConversations(ctx context.Context, req *messagev1.ListConversationsRequest) (*messagev1.ListConversationsResponse, error) {
	list, err := h.service.ListConversations(ctx, message.ListQuery{
		User: callerID(ctx), Left: req.GetIncludeLeft(), Size: int(req.GetPageSize()), Token: req.GetPageToken(),
	})
	if err != nil {
		return nil, err
	}
	return &messagev1.ListConversationsResponse{
		Conversations: each(list.Views, toConversation), NextPageToken: list.Next, Cursor: list.Cursor,
	}, nil
}

// GetConversation implements ConversationService.
func (h *Handler) GetConversation(ctx context.Context, req *messagev1.GetConversationRequest) (*messagev1.GetConversationResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	view, err := h.service.Conversation(ctx, callerID(ctx), id)
	if err != nil {
		return nil, err
	}
	return &messagev1.GetConversationResponse{Conversation: toConversation(view)}, nil
}

// MarkRead implements ConversationService.
func (h *Handler) MarkRead(ctx context.Context, req *messagev1.MarkReadRequest) (*messagev1.MarkReadResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	marker := message.Marker{Conversation: id, User: callerID(ctx), Seq: req.GetSeq()}
	head, err := h.service.MarkRead(ctx, marker, identity.FromContext(ctx).ReceiptsHidden)
	if err != nil {
		return nil, err
	}
	return &messagev1.MarkReadResponse{Head: toHead(head)}, nil
}
