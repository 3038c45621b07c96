// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"google.golang.org/protobuf/proto"

	transmitv1 "github.com/parley-chat/parley/api/gen/parley/transmit/v1"
	"github.com/parley-chat/parley/services/transmit"
)

// Bounds of an envelope, from measurements of RabbitMQ: larger ones gain nothing.
const (
	maxDeliveries    = 64
	maxEnvelopeBytes = 32 << 10
)

// overhead is about what a delivery costs besides frame and user ids: tags, lengths, conversation.
const overhead = 64

// size is about the encoded size of a delivery, in bytes; 18 for each user id with its tag and length.
func size(d transmit.Delivery) int { return len(d.Frame) + 18*len(d.Users) + overhead }

// encode makes the body of one AMQP message.
func encode(senderID string, number int64, batch []item) ([]byte, error) {
	e := &transmitv1.Envelope{SenderId: senderID, Number: number}
	for _, it := range batch {
		e.Deliveries = append(e.Deliveries, toProto(it.delivery))
	}
	return proto.Marshal(e)
}

// toProto converts a delivery; the frame is shared, not copied.
func toProto(d transmit.Delivery) *transmitv1.Delivery {
	out := &transmitv1.Delivery{Frame: d.Frame, Class: class(d.Class), Seq: d.Seq, MembersRev: d.MembersRev, Rev: d.Rev}
	out.UserIds = make([][]byte, len(d.Users))
	for i := range d.Users {
		out.UserIds[i] = d.Users[i][:]
	}
	if !d.Recheck.IsZero() {
		out.RecheckUserId = d.Recheck.Bytes()
	}
	if !d.Conversation.IsZero() {
		out.ConversationId = d.Conversation.Bytes()
	}
	return out
}

// class converts; an unknown class is never dropped.
func class(c transmit.Class) transmitv1.DeliveryClass {
	if c == transmit.Marker {
		return transmitv1.DeliveryClass_DELIVERY_CLASS_MARKER
	}
	return transmitv1.DeliveryClass_DELIVERY_CLASS_DURABLE
}
