// SPDX-License-Identifier: Apache-2.0

// Package events turns the events of friendships into rows of the outbox.
//
// The row is written by the store in the transaction of the change; Offer, after the commit, only makes
// the relay faster than its sweep. Both encode the same event id.
package events

import (
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/friend/wire"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
)

// Relay is what the publisher needs of an outbox.Relay.
type Relay interface {
	Offer(events ...*eventv1.Event)
}

// Publisher implements the port of the same name.
type Publisher struct{ relay Relay }

// NewPublisher offers to a relay.
func NewPublisher(relay Relay) Publisher { return Publisher{relay} }

// Offer hands committed events to the relay.
func (p Publisher) Offer(events ...friend.Event) {
	encoded := make([]*eventv1.Event, len(events))
	for i, e := range events {
		encoded[i] = encode(e)
	}
	p.relay.Offer(encoded...)
}

// Encode makes the outbox row of an event.
func Encode(e friend.Event) (outbox.Row, error) { return outbox.FromEvent(encode(e)) }

func encode(e friend.Event) *eventv1.Event {
	event := &eventv1.Event{EventId: e.ID.String(), Type: kind(e.Kind), OccurredAt: e.At, RecipientIds: ids.Texts(e.Recipients())}
	switch e.Kind {
	case friend.Removed:
		event.Payload = &eventv1.Event_FriendRemoved{FriendRemoved: &eventv1.FriendRemoved{
			UserId: e.Remover.String(), FriendId: e.Friend.String(),
		}}
		return event
	case friend.Updated:
		event.Payload = &eventv1.Event_FriendUpdated{FriendUpdated: &eventv1.FriendUpdated{
			UserId: e.Owner.String(), FriendId: e.Friend.String(), Remark: e.Remark, Blocked: e.Blocked,
		}}
		return event
	case friend.Requested, friend.Responded, friend.Withdrawn:
	}
	event.Payload = &eventv1.Event_FriendRequest{FriendRequest: wire.Request(e.Request, e.Applicant, e.Respondent)}
	return event
}

func kind(k friend.EventKind) eventv1.EventType {
	switch k {
	case friend.Requested:
		return eventv1.EventType_EVENT_TYPE_FRIEND_REQUESTED
	case friend.Responded:
		return eventv1.EventType_EVENT_TYPE_FRIEND_RESPONDED
	case friend.Withdrawn:
		return eventv1.EventType_EVENT_TYPE_FRIEND_CANCELLED
	case friend.Removed:
		return eventv1.EventType_EVENT_TYPE_FRIEND_REMOVED
	case friend.Updated:
		return eventv1.EventType_EVENT_TYPE_FRIEND_UPDATED
	default:
		return eventv1.EventType_EVENT_TYPE_UNSPECIFIED
	}
}
