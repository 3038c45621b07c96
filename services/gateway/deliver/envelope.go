// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"bytes"

	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	transmitv1 "github.com/parley-chat/parley/api/gen/parley/transmit/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Bounds of an envelope, from measurements of RabbitMQ: larger ones gain nothing.
const (
	maxDeliveries    = 64
	maxEnvelopeBytes = 32 << 10
)

// overhead is about what a delivery costs besides frame and user ids: tags, lengths, conversation.
const overhead = 64

// size is about the encoded size of a delivery, in bytes.
func size(d *gateway.Delivery) int { return len(d.Frame) + 18*len(d.Users) + overhead }

// encode makes the body of one AMQP message.
func encode(e *transmitv1.Envelope, batch []gateway.Delivery) ([]byte, error) {
	for i := range batch {
		d := &batch[i]
		out := &transmitv1.Delivery{Frame: d.Frame, Class: toClass(d.Class), Seq: d.Seq, MembersRev: d.MembersRev, Rev: d.Rev}
		if !d.Recheck.IsZero() {
			out.RecheckUserId = d.Recheck.Bytes()
		}
		if !d.Presence.User.IsZero() {
			out.WatchedUserId = d.Presence.User.Bytes()
		}
		out.UserIds = make([][]byte, len(d.Users))
		for j := range d.Users {
			out.UserIds[j] = d.Users[j][:]
		}
		if !d.Except.IsZero() {
			out.ExceptSessionId = d.Except.Bytes()
		}
		if !d.Conversation.IsZero() {
			out.ConversationId = d.Conversation.Bytes()
		}
		e.Deliveries = append(e.Deliveries, out)
	}
	return proto.Marshal(e)
}

func toClass(c gateway.Class) transmitv1.DeliveryClass {
	switch c {
	case gateway.ClassMarker:
		return transmitv1.DeliveryClass_DELIVERY_CLASS_MARKER
	case gateway.ClassEphemeral:
		return transmitv1.DeliveryClass_DELIVERY_CLASS_EPHEMERAL
	default:
		return transmitv1.DeliveryClass_DELIVERY_CLASS_DURABLE
	}
}

// decode converts the deliveries of an envelope. A class that is not known is never dropped silently.
func decode(e *transmitv1.Envelope) []gateway.Delivery {
	list := make([]gateway.Delivery, 0, len(e.GetDeliveries()))
	for _, d := range e.GetDeliveries() {
		out := gateway.Delivery{
			Frame: d.GetFrame(), Class: gateway.ClassDurable, Seq: d.GetSeq(), MembersRev: d.GetMembersRev(), Rev: d.GetRev(),
			Users: make([]ids.UserID, 0, len(d.GetUserIds())),
		}
		switch d.GetClass() {
		case transmitv1.DeliveryClass_DELIVERY_CLASS_MARKER:
			out.Class = gateway.ClassMarker
			out.Reader, out.Marked, out.Seq = marker(d.GetFrame())
		case transmitv1.DeliveryClass_DELIVERY_CLASS_EPHEMERAL:
			out.Class = gateway.ClassEphemeral
		default:
		}
		for _, b := range d.GetUserIds() {
			var user ids.UserID
			if len(b) == len(user) {
				copy(user[:], b)
				out.Users = append(out.Users, user)
			}
		}
		if len(d.GetWatchedUserId()) > 0 {
			out.Presence = presence(d.GetFrame())
			if !bytes.Equal(out.Presence.User[:], d.GetWatchedUserId()) {
				continue // a frame that is not understood tells nobody anything
			}
		}
		copy(out.Except[:], d.GetExceptSessionId())
		copy(out.Recheck[:], d.GetRecheckUserId())
		copy(out.Conversation[:], d.GetConversationId())
		list = append(list, out)
	}
	return list
}

// presence is what a frame tells of the one user in it.
func presence(frame []byte) gateway.Presence {
	var f gatewayv1.ServerFrame
	if proto.Unmarshal(frame, &f) != nil || len(f.GetPresence().GetItems()) != 1 {
		return gateway.Presence{}
	}
	item := f.GetPresence().GetItems()[0]
	user, err := ids.ParseUser("user_id", item.GetUserId())
	if err != nil {
		return gateway.Presence{}
	}
	return gateway.Presence{User: user, State: gateway.PresenceState(item.GetState()), ActiveAt: item.GetLastActiveAt()}
}

// marker is whose marker a frame moves, where and to which position: only the highest of one reader and
// conversation counts.
func marker(frame []byte) (ids.UserID, ids.ConversationID, int64) {
	var f gatewayv1.ServerFrame
	if proto.Unmarshal(frame, &f) != nil {
		return ids.UserID{}, ids.ConversationID{}, 0
	}
	read := f.GetRead()
	user, err := ids.ParseUser("user_id", read.GetUserId())
	if err != nil {
		return ids.UserID{}, ids.ConversationID{}, 0
	}
	conversation, err := ids.ParseConversation("conversation_id", read.GetConversationId())
	if err != nil {
		return ids.UserID{}, ids.ConversationID{}, 0
	}
	return user, conversation, read.GetSeq()
}
