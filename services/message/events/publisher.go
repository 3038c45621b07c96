// SPDX-License-Identifier: Apache-2.0

// Package events announces what the message service committed.
//
// Publisher gives whole events to the relay right after the commit. What a crash left in the outbox is
// keys only; Loader builds the events again from the store.
package events

import (
	"context"
	"fmt"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/message"
)

// Relay takes committed events to the broker; *outbox.Relay is one.
type Relay interface {
	// Offer takes events over and never blocks.
	Offer(events ...*eventv1.Event)
}

// Publisher is message.Publisher on a relay.
type Publisher struct{ relay Relay }

var _ message.Publisher = (*Publisher)(nil)

// NewPublisher uses a relay.
func NewPublisher(relay Relay) *Publisher { return &Publisher{relay: relay} }

// Publish implements message.Publisher.
func (p *Publisher) Publish(events ...message.Event) { p.relay.Offer(Encode(events)...) }

// Source finds events by their keys.
type Source interface {
	// LoadEvents builds events again; one whose rows are gone is left out.
	LoadEvents(ctx context.Context, refs []message.EventRef) ([]message.Event, error)
}

// Loader is outbox.Options.Load on a source. A row that cannot be read is left out, and so stays.
func Loader(source Source) func(ctx context.Context, rows []outbox.Row) ([]*eventv1.Event, error) {
	return func(ctx context.Context, rows []outbox.Row) ([]*eventv1.Event, error) {
		refs := make([]message.EventRef, 0, len(rows))
		for _, row := range rows {
			ref := message.EventRef{ID: row.ID, Kind: message.EventKind(row.RoutingKey), OccurredAt: row.CreatedAt}
			if ref.Decode(row.Payload) == nil {
				refs = append(refs, ref)
			}
		}
		events, err := source.LoadEvents(ctx, refs)
		if err != nil {
			return nil, fmt.Errorf("load events: %w", err)
		}
		return Encode(events), nil
	}
}
