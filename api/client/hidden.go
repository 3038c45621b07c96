// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// MessagesHidden are messages that the user hid, on any device: they are to be shown no more. Those that
// were not received yet are told too, and the same may be told again.
type MessagesHidden struct {
	ConversationID string
	Seqs           []int64
}

// hid takes a hidden frame. It carries no hidden_rev, so that the next head still makes one call for the
// list, which tells what other frames were missed.
func (e *engine) hid(h *eventv1.MessageHidden) {
	if h.GetConversationId() == "" || h.GetSeq() < 1 {
		return
	}
	e.emit(MessagesHidden{h.GetConversationId(), []int64{h.GetSeq()}})
}

// pullHidden asks what was hidden on other devices.
func (e *engine) pullHidden(c *conversation) {
	request := &messagev1.ListHiddenRequest{ConversationId: c.id, AfterRev: c.hidden}
	e.call(func(ctx context.Context) func() {
		page, err := e.c.rpc.messages.ListHidden(ctx, request)
		return func() {
			if err != nil {
				e.pullFailed(c, err)
				return
			}
			progress := page.GetUpToRev() > c.hidden
			if c.hidden = max(c.hidden, page.GetUpToRev()); !progress {
				c.targetHidden = c.hidden
			}
			if len(page.GetSeqs()) > 0 {
				e.tell(c, MessagesHidden{c.id, page.GetSeqs()})
			}
			e.pullEnded(c, progress)
		}
	})
}
