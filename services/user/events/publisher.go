// SPDX-License-Identifier: Apache-2.0

// Package events turns the events of accounts into rows of the outbox.
//
// The row is written by the store in the transaction of the change; Offer, after the commit, only makes
// the relay faster than its sweep. Both encode the same event id.
package events

import (
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/wire"
)

// Relay is what the publisher needs of an outbox.Relay.
type Relay interface {
	Offer(events ...*eventv1.Event)
}

// Publisher implements the port of the same name.
type Publisher struct {
	relay   Relay
	endings *Endings
}

// NewPublisher offers to a relay, and ended login sessions past it.
func NewPublisher(relay Relay, endings *Endings) Publisher { return Publisher{relay, endings} }

// Offer hands a committed event to the relay.
func (p Publisher) Offer(e user.Updated) { p.relay.Offer(encode(e)) }

// OfferEnded hands over login sessions whose end is committed.
func (p Publisher) OfferEnded(revocations []user.Revocation) { p.endings.offer(revocations) }

// Encode makes the outbox row of an event.
func Encode(e user.Updated) (outbox.Row, error) { return outbox.FromEvent(encode(e)) }

func encode(e user.Updated) *eventv1.Event {
	kind := eventv1.EventType_EVENT_TYPE_USER_UPDATED
	if e.Created {
		kind = eventv1.EventType_EVENT_TYPE_USER_CREATED
	}
	return &eventv1.Event{
		EventId:    e.ID.String(),
		Type:       kind,
		OccurredAt: e.At,
		// Who may see the presence is looked at again.
		PrivacyChanged: e.PrivacyChanged,
		Payload:        &eventv1.Event_User{User: wire.User(e.Account)},
	}
}
