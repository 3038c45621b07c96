// SPDX-License-Identifier: Apache-2.0

// Package transmit forwards committed events to the gateway pods whose users must hear of them.
//
// It owns nothing on disk. Events come from the AMQP queues transmit.events and, for changed profiles,
// transmit.events.users, already encoded as client frames; Service groups the recipients of each by home
// pod and hands one delivery per pod to the courier, in the order of the events. An event is settled once
// each of its deliveries is confirmed by the broker, or dropped because nobody is connected where it
// should go: clients pull what they miss when they connect. Whatever else goes wrong makes the event come
// again, so a pod may get a delivery twice and never silently not at all.
package transmit
