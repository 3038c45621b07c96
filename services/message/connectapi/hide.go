// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"cmp"
	"context"
	"slices"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// HideMessage implements MessageService.
func (h *Handler) HideMessage(ctx context.Context, req *messagev1.HideMessageRequest) (*messagev1.HideMessageResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	head, err := h.service.Hide(ctx, callerID(ctx), id, req.GetSeq())
	if err != nil {
		return nil, err
	}
	return &messagev1.HideMessageResponse{Head: toHead(head)}, nil
}

// ListHidden implements MessageService.
func (h *Handler) ListHidden(ctx context.Context, req *messagev1.ListHiddenRequest) (*messagev1.ListHiddenResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	seqs, upTo, err := h.service.ListHidden(ctx, callerID(ctx), id, req.GetAfterRev())
	if err != nil {
		return nil, err
	}
	return &messagev1.ListHiddenResponse{Seqs: seqs, UpToRev: upTo}, nil
}

// toGaps lists what a page does not show, in the order of seq.
func toGaps(page message.History) []*messagev1.Gap {
	var gaps []*messagev1.Gap
	add := func(intervals []message.Interval, reason messagev1.GapReason) {
		for _, i := range intervals {
			gaps = append(gaps, &messagev1.Gap{From: i.From, To: i.To, Reason: reason})
		}
	}
	add(page.Gaps, messagev1.GapReason_GAP_REASON_NOT_MEMBER)
	add(page.Hidden, messagev1.GapReason_GAP_REASON_HIDDEN)
	slices.SortFunc(gaps, func(a, b *messagev1.Gap) int { return cmp.Compare(a.GetFrom(), b.GetFrom()) })
	return gaps
}
