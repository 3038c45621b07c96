// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"net/http"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/test/ledger"
)

// pageSize of a history read; the most that a page holds.
const pageSize = 100

// history reads a whole conversation as one member, page after page, through one gateway.
func (w *world) history(ctx context.Context, gateway int, p *person, conversation string, clock ledger.Clock) (ledger.Event, error) {
	messages := messagev1connect.NewMessageServiceClient(http.DefaultClient, w.gateways[gateway%len(w.gateways)])
	e := ledger.Event{Kind: ledger.History, Client: p.id, Conv: conversation, From: 1, CallAt: clock.Now(), Pod: fmt.Sprint(gateway)}
	for after := int64(0); ; {
		page, err := messages.ListMessages(p.as(ctx), &messagev1.ListMessagesRequest{
			ConversationId: conversation, Range: &messagev1.ListMessagesRequest_AfterSeq{AfterSeq: after}, Limit: pageSize,
		})
		if err != nil {
			return e, fmt.Errorf("read history of %s after %d: %w", conversation, after, err)
		}
		e.Head = page.GetHead().GetSeq()
		for _, m := range page.GetItems() {
			e.Items = append(e.Items, ledger.Item{
				Seq: m.GetSeq(), Msg: m.GetMessageId(), CMID: m.GetClientMessageId(), Sender: m.GetSenderId(),
				Marker: ledger.MarkerOf(m.GetText().GetBody()), Rev: m.GetRev(), System: m.GetSystem() != nil,
			})
			after = max(after, m.GetSeq())
		}
		for _, gap := range page.GetGaps() {
			after = max(after, gap.GetTo())
		}
		if len(page.GetItems())+len(page.GetGaps()) == 0 || after >= e.Head {
			break
		}
	}
	e.Until, e.ReturnAt, e.Outcome = e.Head, clock.Now(), ledger.OK
	return e, nil
}

// readAll reads every conversation from each gateway, as the members in turn, and writes the reads down.
// The last of each is final.
func (w *world) readAll(ctx context.Context, journal *ledger.Writer, clock ledger.Clock) error {
	for conversation, members := range w.members {
		for gateway := range w.gateways {
			e, err := w.history(ctx, gateway, members[gateway%len(members)], conversation, clock)
			if err != nil {
				return err
			}
			e.Final = gateway == len(w.gateways)-1
			if err := journal.Write(e); err != nil {
				return err
			}
		}
	}
	return nil
}
