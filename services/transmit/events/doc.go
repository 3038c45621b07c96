// SPDX-License-Identifier: Apache-2.0

// Package events feeds transmit from the durable AMQP queues transmit.events and transmit.events.users.
//
// Consumer decodes each batch of events into client frames, encoded once for all recipients, and
// acknowledges the AMQP message after the service has settled all of them. What cannot be decoded is
// rejected at once and lands in the dead-letter queue; whatever else fails is requeued and comes again.
package events
