// SPDX-License-Identifier: Apache-2.0

package broker

import "sync"

// Outcome of a delivery.
type Outcome int

// The outcomes.
const (
	Acked    Outcome = iota + 1 // its effect is safe elsewhere
	Retried                     // comes again after a pause
	Rejected                    // poison: parked in the dead-letter queue
)

// Delivery is one message that arrived. Exactly one of Ack, Retry and Reject settles it, from any
// goroutine; the first counts and the others do nothing.
type Delivery struct {
	RoutingKey  string
	Body        []byte // the consumer's own
	Redelivered bool   // may have been handled before; false is no promise

	once   sync.Once
	settle func(Outcome)
}

// NewDelivery is for adapters and tests: settle is called once, with the outcome, and must not block.
func NewDelivery(routingKey string, body []byte, redelivered bool, settle func(Outcome)) *Delivery {
	return &Delivery{RoutingKey: routingKey, Body: body, Redelivered: redelivered, settle: settle}
}

// Ack says that the effect of the message is safe elsewhere, so that the broker may forget it.
func (d *Delivery) Ack() { d.once.Do(func() { d.settle(Acked) }) }

// Retry gives the message back, to come again after a pause: what it needs is away for now. However
// often that happens, the message is never dropped.
func (d *Delivery) Retry() { d.once.Do(func() { d.settle(Retried) }) }

// Reject parks the message in the dead-letter queue: it can never be handled.
func (d *Delivery) Reject() { d.once.Do(func() { d.settle(Rejected) }) }
